"""Tools against a real model server and a real CRM: asked for, done, told, and never waited for in silence."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web

from agent.answer import Answers, Desk
from agent.asking import Minds
from agent.backends.llm_openai import OpenAiModel
from agent.backends.tool_http import HttpTools
from agent.dialogue import Context
from agent.errors import StartError
from agent.intents import load_intents
from agent.ports import Action, Passage, Sentence
from agent.prompts import load_prompts
from agent.settings import Llm
from agent.texts import Texts
from agent.tools import Means, load_tools
from tests.fakes.engines import FakeMind, FakeRetriever
from tests.fakes.openai_server import Behaviour, OpenAiServer

PROMPTS = Path(__file__).parents[2] / "prompts"
WORDS, INTENTS = load_prompts(PROMPTS, "ru"), load_intents(PROMPTS, "ru")
ORDER = """
[[tool]]
kind = "http_webhook"
name = "order"
description = "Заказ."
url = "URL/orders/{number}"
headers = { Authorization = "Bearer ${CRM_TOKEN}" }
filler = "Секунду, смотрю заказ."
deadline_s = 0.4
[tool.parameters]
type = "object"
required = ["number"]
properties = { number = { type = "string" }, full = { type = "boolean" } }
"""


class Crm:
    """A real server that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.status, self.hangs = 200, False
        app = web.Application()
        app.router.add_route("*", "/orders/{number}", self._order)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        self.url = ""

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _order(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "")
        self.asked.append((request.method, request.path_qs, token))
        if self.hangs:
            await asyncio.sleep(5)
        return web.json_response({"arrives": "25 ноября", "price": 7321}, status=self.status)


class House:
    """Everything that answers, with the tools of one file."""

    def __init__(self, server: OpenAiServer, tools: str, folder: Path, means: Means) -> None:
        path = folder / "tools.toml"
        path.write_text(tools, encoding="utf-8")
        self.model = OpenAiModel(Llm(base_url=server.base_url))
        texts = Texts(WORDS, INTENTS, load_tools(path))
        passage = Passage("general", "Заказы", "Заказы везём сами.", 0.9)
        minds = Minds(FakeMind({}), self.model)
        answers = Answers(FakeRetriever((passage,)), minds, WORDS, INTENTS, str, texts=lambda: texts)
        self.answers = answers.of(Desk(means=means))
        self.http = means.webhook

    async def ask(self, text: str = "где мой заказ а семнадцать") -> list[Sentence]:
        said = [sentence async for sentence in self.answers.sentences(text, Context(), self)]
        await self.model.close()
        return said

    def reached(self, stage: str) -> None: ...

    def token(self) -> None: ...


@pytest.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer(Behaviour(answer="Он придёт 25 ноября и стоит 7321 рубль.|")) as running:
        yield running


@pytest.fixture
async def crm(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Crm]:
    monkeypatch.setenv("CRM_TOKEN", "hush")
    running = Crm()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def http() -> AsyncIterator[HttpTools]:
    tools = HttpTools()
    yield tools
    await tools.close()


async def test_a_look_up_is_announced_done_and_told(
    server: OpenAiServer, crm: Crm, http: HttpTools, tmp_path: Path
) -> None:
    server.behaviour.calls = [("order", '{"number": "А/17", "full": true}')]
    house = House(server, ORDER.replace("URL", crm.url), tmp_path, Means(http.call))
    said = [sentence.text for sentence in await house.ask()]
    assert said == ["Секунду, смотрю заказ.", "Он придёт 25 ноября и стоит 7321 рубль."]
    assert crm.asked == [("GET", "/orders/%D0%90%2F17?full=true", "Bearer hush")]
    assert "25 ноября" in server.behaviour.requests[-1]["messages"][-1]["content"]


async def test_a_model_that_fails_after_a_look_up_leaves_no_silence(
    server: OpenAiServer, crm: Crm, http: HttpTools, tmp_path: Path
) -> None:
    server.behaviour.calls, server.behaviour.answer = [("order", '{"number": "1"}')], "Скидка 90 %.|"
    said = await House(server, ORDER.replace("URL", crm.url), tmp_path, Means(http.call)).ask()
    assert [sentence.text for sentence in said] == ["Секунду, смотрю заказ.", WORDS.no_answer]


async def test_nothing_is_done_for_a_guess(server: OpenAiServer, crm: Crm, http: HttpTools, tmp_path: Path) -> None:
    server.behaviour.calls = [("order", '{"number": "1"}')]
    house = House(server, ORDER.replace("URL", crm.url), tmp_path, Means(http.call))
    guess = house.answers.sentences("где заказ", Context(), house)
    assert (await anext(guess)).text == "Секунду, смотрю заказ."
    await guess.aclose()
    await house.model.close()
    assert crm.asked == []


@pytest.mark.parametrize("way", ["hangs", "breaks", "away"])
async def test_a_tool_that_fails_is_apologised_for(
    server: OpenAiServer, crm: Crm, http: HttpTools, tmp_path: Path, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    crm.hangs, crm.status = way == "hangs", 500
    server.behaviour.calls = [("order", '{"number": "тайна"}')]
    tools = ORDER.replace("URL", "http://127.0.0.1:9" if way == "away" else crm.url)
    began = asyncio.get_running_loop().time()
    said = [sentence.text for sentence in await House(server, tools, tmp_path, Means(http.call)).ask()]
    assert said == ["Секунду, смотрю заказ.", WORDS.stalled]
    assert asyncio.get_running_loop().time() - began < 3
    assert "tool order" in caplog.text
    assert not re.search("тайна|hush", caplog.text)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("{}", "number is missing"),
        ('{"number": 5}', "number must be of type string"),
        ('{"number": "1", "x": 1}', "no argument x"),
        ('{"number": ', "not JSON"),
        ("[]", "no object"),
    ],
)
async def test_wrong_arguments_are_told_to_the_model_and_not_to_the_crm(
    server: OpenAiServer, crm: Crm, http: HttpTools, tmp_path: Path, arguments: str, told: str
) -> None:
    server.behaviour.calls, server.behaviour.answer = [("order", arguments)], "Какой номер заказа?|"
    house = House(server, ORDER.replace("URL", crm.url), tmp_path, Means(http.call))
    assert [sentence.text for sentence in await house.ask()] == ["Какой номер заказа?"]
    assert told in server.behaviour.requests[-1]["messages"][-1]["content"]
    assert crm.asked == []


async def test_a_refusal_of_the_crm_is_told_to_the_model(
    server: OpenAiServer, crm: Crm, http: HttpTools, tmp_path: Path
) -> None:
    crm.status, server.behaviour.answer = 404, "Такого заказа нет.|"
    server.behaviour.calls = [("order", '{"number": "1"}')]
    said = await House(server, ORDER.replace("URL", crm.url), tmp_path, Means(http.call)).ask()
    assert said[-1].text == "Такого заказа нет."
    assert server.behaviour.requests[-1]["messages"][-1]["content"].startswith("error: HTTP 404")


SHIPPED = (PROMPTS / "ru/tools.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("transfer_to_operator", Sentence(WORDS.transfer, action=Action("transfer"))),
        ("hang_up", Sentence(WORDS.goodbye, action=Action("hangup"))),
    ],
)
async def test_effects_travel_with_their_sentence(
    server: OpenAiServer, tmp_path: Path, name: str, said: Sentence
) -> None:
    server.behaviour.calls = [(name, "{}")]
    assert await House(server, SHIPPED, tmp_path, Means()).ask() == [said]
    assert len(server.behaviour.requests) == 1


async def test_messages_are_offered_only_where_a_line_can_send_them(server: OpenAiServer, tmp_path: Path) -> None:
    sent: list[str] = []

    async def send(text: str) -> str:
        sent.append(text)
        return "sent"

    server.behaviour.answer = "Отправила.|"
    await House(server, SHIPPED, tmp_path, Means(number="+7000")).ask()
    server.behaviour.calls = [("send_sms", '{"text": "Заказы везём сами"}')]
    said = await House(server, SHIPPED, tmp_path, Means(send_text=send, number="+7000")).ask()
    offered = [[tool["function"]["name"] for tool in request["tools"]] for request in server.behaviour.requests]
    assert "send_sms" not in offered[0]
    assert "send_sms" in offered[1]
    assert sent == ["Заказы везём сами"]
    assert [sentence.text for sentence in said] == ["Отправляю.", "Отправила."]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('kind = "http_webhook"', 'kind = "ftp"'), r"order: kind must be one of"),
        (('description = "Заказ."', ""), r"order: a description is needed"),
        (("/orders/{number}", "/orders/{id}"), r"order: url names \{id\}, which is no parameter"),
        (("https://crm.example", "https://{number}.example"), r"order: url must begin with"),
        (("deadline_s = 0.4", "deadline_s = 60"), r"order: deadline_s must be between"),
        (("CRM_TOKEN", "NO_SUCH_TOKEN"), r"order: the environment has no NO_SUCH_TOKEN"),
        (('type = "boolean"', 'type = "list"'), r"order: parameters: full: type must be one of"),
        (("filler", "fillers"), r"order: fillers: there is no such key"),
        (("[[tool]]", "[tool]"), r"tool: each stands under a line \[\[tool\]\]"),
        (("[[tool]]", "[[tools]]"), r"tools: there is no such key; \[\[tool\]\] is"),
        (("[[tool]]", '[[tool]]\nname = "order"\nkind = "hang_up"\ndescription = "x"\n[[tool]]'), r"two tools of this"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str], said: str
) -> None:
    monkeypatch.setenv("CRM_TOKEN", "hush")
    path = tmp_path / "tools.toml"
    path.write_text(ORDER.replace("URL", "https://crm.example").replace(*change), encoding="utf-8")
    with pytest.raises(StartError, match=said) as caught:
        load_tools(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_shipped_tools_can_be_used(language: str) -> None:
    kinds = {declared.kind for declared in load_tools(PROMPTS / language / "tools.toml")}
    assert kinds == {"transfer_to_operator", "hang_up", "send_sms", "call_back"}


async def test_what_no_passage_says_is_not_written_either(server: OpenAiServer, tmp_path: Path) -> None:
    sent: list[str] = []

    async def send(text: str) -> str:
        sent.append(text)
        return "sent"

    server.behaviour.calls = [("send_sms", '{"text": "Скидка 90 %"}')]
    server.behaviour.answer = "Заказы везём сами.|"
    said = await House(server, SHIPPED, tmp_path, Means(send_text=send, number="+7000")).ask()
    assert sent == []
    assert "no passage says 90" in server.behaviour.requests[-1]["messages"][-1]["content"]
    assert [sentence.text for sentence in said] == ["Отправляю.", "Заказы везём сами."]


async def test_a_wish_to_be_called_is_left_to_the_model_where_it_can_be_granted(
    server: OpenAiServer, tmp_path: Path
) -> None:
    asked: list[dict[str, object]] = []

    async def call_back(arguments: Mapping[str, object]) -> str:
        asked.append(dict(arguments))
        return "noted: the caller will be called at 18:30, in 10 minutes"

    wish = "перезвоните мне через десять минут"
    (refusal,) = await House(server, SHIPPED, tmp_path, Means(number="+7000")).ask(wish)
    assert "Перезвонить сам я не могу" in refusal.text
    server.behaviour.calls = [("call_back", '{"minutes": 10}')]
    server.behaviour.answer = "Хорошо, перезвоню в 18:30.|"
    said = await House(server, SHIPPED, tmp_path, Means(call_back=call_back, number="+7000")).ask(wish)
    assert [sentence.text for sentence in said] == ["Записываю.", "Хорошо, перезвоню в 18:30."]
    assert asked == [{"minutes": 10}]
