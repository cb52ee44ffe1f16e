"""``allo chat`` with the real knowledge, in one process and as a command in a pipe."""

import asyncio
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.commands.chat_command import chat_command
from agent.costs import FILE as COSTS
from agent.prompts import load_prompts
from agent.settings import Llm, Settings
from tests.fakes.openai_server import Behaviour, OpenAiServer

ROOT = Path(__file__).parents[2]
WORDS = load_prompts(ROOT / "prompts", "ru")
QUESTION = "какая гарантия на оборудование"


def chat(text: str, settings: Settings, *, as_json: bool = False) -> list[str]:
    out = io.StringIO()
    assert chat_command(settings, as_json=as_json, given=io.StringIO(text), out=out) == 0
    return out.getvalue().splitlines()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"storage": {"dir": tmp_path}})


def test_answers_name_their_base_and_the_goodbye_ends_it(settings: Settings) -> None:
    greeting, answer, goodbye, done = chat(f"{QUESTION}\n\nдо свидания\nещё вопрос\n", settings)

    assert greeting == WORDS.greeting
    assert answer.startswith("[general] ")
    assert "24" in answer
    assert (goodbye, done) == (WORDS.goodbye, "(hangup)")


def test_an_offer_is_remembered(settings: Settings) -> None:
    lines = chat("сколько лет директору по маркетингу\nда\n", settings)

    assert lines[1:] == [WORDS.no_answer, WORDS.transfer, "(transfer)"]


def test_json_is_one_line_for_each_question(settings: Settings) -> None:
    one, two = map(json.loads, chat(f"{QUESTION}\nдо свидания", settings, as_json=True))

    assert (one["turn"], one["question"], one["source"], one["action"]) == (1, QUESTION, "general", "")
    assert one["answer"] == " ".join(sentence["text"] for sentence in one["sentences"])
    assert one["stages_ms"]["first_sentence"] >= 0
    assert (two["turn"], two["action"]) == (2, "hangup")


async def test_the_model_answers_here_too_and_sees_the_history(tmp_path: Path) -> None:
    async with OpenAiServer(Behaviour(answer="Два года.| Это всё.|")) as server:
        settings = Settings.model_validate(
            {"storage": {"dir": tmp_path}, "llm": Llm(base_url=server.base_url, model="m").model_dump()}
        )
        lines = await asyncio.to_thread(chat, f"{QUESTION}\nа на запчасти\n", settings)
    assert lines[1:] == ["[general] Два года.", "[general] Это всё."] * 2
    roles = [(message["role"], message["content"]) for message in server.behaviour.requests[-1]["messages"]]
    assert ("user", QUESTION) in roles
    assert ("assistant", "Два года. Это всё.") in roles


async def test_what_is_asked_by_hand_is_counted_and_ends_with_the_day_too(tmp_path: Path) -> None:
    price = {"kind": "llm", "name": "m", "per_million_tokens_in": 1e6, "money_a_day": 1}
    async with OpenAiServer(Behaviour(answer="Два года.|")) as server:
        settings = Settings.model_validate(
            {
                "storage": {"dir": tmp_path},
                "llm": Llm(base_url=server.base_url, model="m", stall_s=15, first_token_s=15),
                "costs": {"engines": [price]},
            }
        )
        await asyncio.to_thread(chat, f"{QUESTION}\n", settings)
        await asyncio.to_thread(chat, "сколько стоит доставка\n", settings)
        assert len(server.behaviour.requests) == 1
    assert json.loads((tmp_path / COSTS).read_text(encoding="utf-8"))["used"]["llm m"]["tokens_in"] > 1


def test_the_command_works_in_a_pipe_whatever_the_locale(tmp_path: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "ALLO_STORAGE__DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "agent", "chat", "--json"],
        input=f"{QUESTION}\n".encode(), cwd=ROOT, env=environment, capture_output=True, timeout=15, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["question"] == QUESTION
