"""Files that change while the house runs: the next turn uses them, broken ones are refused and named."""

import asyncio
import os
import shutil
import time
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from agent.answer import Answers
from agent.desk.building_apart import build_apart, rebuild
from agent.desk.editing import apply_settings, prompt_texts, save_prompts
from agent.dialogue import Context
from agent.errors import SettingsError, StartError
from agent.furnish import furnish, open_answers
from agent.hot import Watched
from agent.live import Live
from agent.prompts import load_prompts
from agent.settings import Llm, Settings, load
from tests.fakes.line import FakeLine
from tests.fakes.openai_server import Behaviour, OpenAiServer

ROOT = Path(__file__).parents[2]
UNKNOWN = "сколько лет вашему директору по маркетингу"
KNOWN = "какая гарантия на оборудование"


class Quiet:
    def reached(self, stage: str) -> None: ...

    def token(self) -> None: ...


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file with prompts and a storage of its own."""
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    path = tmp_path / "allo.toml"
    path.write_text(
        f'# ours\n[storage]\ndir = "{tmp_path}/var"\n[prompts]\ndir = "{tmp_path}/prompts"\n', encoding="utf-8"
    )
    return path


def touched(path: Path, text: str) -> None:
    """Written, and so that even a coarse clock shows it."""
    path.write_text(text, encoding="utf-8")
    stamp = time.time_ns() + 1_000_000_000
    os.utime(path, ns=(stamp, stamp))


def appended(path: Path, text: str) -> str:
    whole = path.read_text(encoding="utf-8") + text
    path.write_text(whole, encoding="utf-8")
    return whole


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def opened(config: Path, stack: AsyncExitStack) -> tuple[Answers, Live]:
    answers, _, live = await open_answers(load(config), stack)
    return answers, live


async def ask(answers: Answers, text: str) -> str:
    return " ".join([sentence.text async for sentence in answers.sentences(text, Context(), Quiet())])


async def test_the_next_turn_uses_an_edited_text(config: Path, stack: AsyncExitStack) -> None:
    answers, live = await opened(config, stack)
    phrases = config.parent / "prompts/ru/phrases.toml"
    before = phrases.read_text(encoding="utf-8")
    assert (await ask(answers, UNKNOWN)).startswith("К сожалению")
    touched(phrases, before.replace("К сожалению, этого я не знаю.", "Увы, не знаю."))
    assert (await ask(answers, UNKNOWN)).startswith("Увы, не знаю.")
    assert live.now().prompts.no_answer.startswith("Увы")


async def test_a_broken_text_is_refused_and_the_old_one_stays(
    config: Path, stack: AsyncExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    answers, live = await opened(config, stack)
    phrases = config.parent / "prompts/ru/phrases.toml"
    before = phrases.read_text(encoding="utf-8")
    touched(phrases, before.replace("greeting =", "greting ="))
    for _ in range(3):
        assert (await ask(answers, UNKNOWN)).startswith("К сожалению")
    assert "greting: there is no such prompt" in live.fault
    assert caplog.text.count("greting: there is no such prompt") == 1
    touched(phrases, before + "\n")
    assert await ask(answers, UNKNOWN)
    assert live.fault == ""


@pytest.mark.parametrize("name", ["intents.toml", "tools.toml"])
async def test_a_file_of_another_shape_ends_no_call(config: Path, stack: AsyncExitStack, name: str) -> None:
    answers, live = await opened(config, stack)
    touched(config.parent / "prompts/ru" / name, f'{name[:-6]} = "да"\n')
    assert (await ask(answers, UNKNOWN)).startswith("К сожалению")
    assert f"ru/{name}: {name[:-6]}: each stands under a line" in live.fault


async def test_models_follow_the_settings_file(config: Path, stack: AsyncExitStack) -> None:
    async with OpenAiServer(Behaviour(answer="Два года.|")) as server:
        text = appended(config, f'[llm]\nbase_url = "{server.base_url}"\nmodel = "one"\n')
        answers, live = await opened(config, stack)
        assert await ask(answers, KNOWN) == "Два года."
        touched(config, text.replace('"one"', '"two"'))
        assert await ask(answers, KNOWN) == "Два года."
        touched(config, text.replace('"one"', "two"))
        assert await ask(answers, KNOWN + " скажите") == "Два года."
        assert "not valid TOML" in live.fault
        assert list(answers.models) == [f"{server.base_url[7:-3]}/two"]
    assert [request["model"] for request in server.behaviour.requests[:2]] == ["one", "two"]


async def test_a_persona_is_told_to_the_model_after_the_rules(config: Path, stack: AsyncExitStack) -> None:
    async with OpenAiServer(Behaviour(answer="Два года.|")) as server:
        appended(config, f'persona = "warm"\n[llm]\nbase_url = "{server.base_url}"\n')
        answers, live = await opened(config, stack)
        assert await ask(answers, KNOWN)
        apply_settings(load(config), {"prompts.persona": "business"})
        assert await ask(answers, KNOWN + " а")
        apply_settings(load(config), {"prompts.persona": "nobody"})
        assert await ask(answers, KNOWN + " и")
        assert "nobody.txt" in live.fault
        touched(config.parent / "prompts/ru/contextualiser.txt", "«А сколько» спрашивают о цене того же.")
        apply_settings(load(config), {"prompts.persona": ""})
        assert await ask(answers, KNOWN + " о")
    systems = [request["messages"][0]["content"] for request in server.behaviour.requests]
    assert systems[0].index("8. ") < systems[0].index("Тебя зовут Анна") < systems[0].index("<reference>\n")
    assert ["Тебя зовут Анна" in system for system in systems] == [True, False, False, False]
    assert ["по-деловому" in system for system in systems] == [False, True, True, False]
    assert ["вместе с разговором до него" in system for system in systems] == [True, True, True, False]
    assert systems[3].index("8. ") < systems[3].index("«А сколько» спрашивают") < systems[3].index("<reference>\n")


async def test_the_search_follows_the_settings_file(config: Path, stack: AsyncExitStack) -> None:
    answers, live = await opened(config, stack)
    assert not (await ask(answers, KNOWN)).startswith("К сожалению")
    apply_settings(load(config), {"kb.threshold": 1.0})
    live.now()
    assert live._indexing is not None
    await asyncio.wait([live._indexing])
    assert (await ask(answers, KNOWN)).startswith("К сожалению")


async def test_an_index_built_by_another_process_is_used_by_calls(config: Path, stack: AsyncExitStack) -> None:
    folder = config.parent / "kb"
    folder.mkdir()
    for base in ("general", "tech"):
        (folder / f"{base}.md").write_text("# Цены\nПресс стоит пять рублей.\n", encoding="utf-8")
    appended(config, f'[kb]\ndir = "{folder}"\n')
    answers, live = await opened(config, stack)
    assert (await ask(answers, "сколько стоит дегустация мёда")).startswith("К сожалению")
    (folder / "general.md").write_text("# Дегустация\nДегустация мёда стоит семь рублей.\n", encoding="utf-8")
    await build_apart(load(config), lambda stage, done, of: None)
    live.now()
    assert live._indexing is not None
    await asyncio.wait([live._indexing])
    assert "семь рублей" in await ask(answers, "сколько стоит дегустация мёда")
    live.now()
    assert live._indexing is None, "the same build is read once"


async def test_a_search_setting_never_brings_older_texts_back(config: Path, stack: AsyncExitStack) -> None:
    folder = config.parent / "kb"
    folder.mkdir()
    for base in ("general", "tech"):
        (folder / f"{base}.md").write_text("# Цены\nПресс стоит пять рублей.\n", encoding="utf-8")
    appended(config, f'[kb]\ndir = "{folder}"\n')
    _, live = await opened(config, stack)
    apply_settings(load(config), {"kb.top_k": 1})
    live.now()
    assert live._indexing is not None
    await asyncio.wait([live._indexing])
    (folder / "general.md").write_text("# Дегустация\nДегустация мёда стоит семь рублей.\n", encoding="utf-8")
    await rebuild(live.knowledge, live.settings)
    for _ in range(2):
        live.now()
        if live._indexing is not None:
            await asyncio.wait([live._indexing])
    found = await live.knowledge.search("сколько стоит дегустация мёда")
    assert [passage.heading for passage in found] == ["Дегустация"]


def test_saved_prompts_are_checked_as_a_whole_first(config: Path) -> None:
    settings = load(config)
    folder = config.parent / "prompts/ru"
    before = prompt_texts(settings)
    kept: dict[str, str] = {}
    assert save_prompts(settings, {"system.txt": "Отвечай коротко."}, kept.__setitem__) == ["ru/system.txt"]
    assert (folder / "system.txt").read_text(encoding="utf-8") == "Отвечай коротко."
    assert kept == {"ru/system.txt": before["ru/system.txt"]}
    for changes, said in (
        ({"system.txt": "Иначе.", "unheard.txt": "без места"}, r"^ru.unheard\.txt: \{\} is missing"),
        ({"phrases.toml": "greeting = ["}, r"^ru.phrases\.toml: not valid TOML"),
        ({"en/unheard.txt": "no place"}, r"^en.unheard\.txt: \{\} is missing"),
        ({"personas/warm.ru.txt": " "}, r"^personas.warm\.ru\.txt: prompt is empty"),
        ({"greeting": ""}, r"^ru.phrases\.toml: greeting: a text is needed"),
        ({"fillers": "Мгм."}, r"^ru/fillers: a list of texts is needed"),
        ({"../../allo.toml": "x"}, r"there is no such prompt"),
        ({"ru/tools.toml": ""}, r"there is no such prompt"),
    ):
        with pytest.raises(StartError, match=said):
            save_prompts(settings, changes)
    assert (folder / "system.txt").read_text(encoding="utf-8") == "Отвечай коротко."


def test_applied_settings_keep_the_rest_of_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(config.read_text(encoding="utf-8") + '[llm] # the brain\nmodel = "a" # old\n', encoding="utf-8")
    changed = apply_settings(load(config), {"llm.model": "vendor/b:free", "llm.temperature": 0.7})
    assert (changed.llm.model, changed.llm.temperature) == ("vendor/b:free", 0.7)
    assert load(config).llm == changed.llm
    text = config.read_text(encoding="utf-8")
    assert text.startswith("# ours\n[storage]\n")
    assert "[llm] # the brain\n" in text
    monkeypatch.setenv("LLM_MODEL_PRIMARY", "c")
    for changes, said in (
        ({"llm.temperature": 9}, r"\[llm\] temperature: input should be less than or equal to 2"),
        ({"sip.port": 1}, r"sip\.port: can't be changed while Allo runs"),
        ({"llm.model": "d"}, r"the environment sets it by LLM_MODEL_PRIMARY"),
    ):
        with pytest.raises(SettingsError, match=said):
            apply_settings(load(config), changes)
    assert config.read_text(encoding="utf-8") == text


def test_a_phrase_is_changed_where_it_stands(config: Path) -> None:
    settings = load(config)
    path = config.parent / "prompts/ru/phrases.toml"
    before = path.read_text(encoding="utf-8")
    said = {"greeting": '! Алло. "Да"?', "hold": ["Жду.", "Жду вас."], "en/notice": "Recorded."}
    assert save_prompts(settings, said) == ["ru/phrases.toml", "en/phrases.toml"]
    prompts = load_prompts(config.parent / "prompts", "ru")
    assert (prompts.greeting, prompts.hold) == ('Алло. "Да"?', ("Жду.", "Жду вас."))
    assert prompts.firm(prompts.greeting)
    after = path.read_text(encoding="utf-8")
    assert [row for row in after.splitlines() if row.startswith("#")] == [
        row for row in before.splitlines() if row.startswith("#")
    ]
    assert tomllib.loads(before) | {"greeting": said["greeting"], "hold": said["hold"]} == tomllib.loads(after)


def test_without_a_file_one_is_made_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLO_STORAGE__DIR", str(tmp_path))
    apply_settings(load(), {"llm.model": "a", "turns.barge_in": False})
    apply_settings(load(), {"llm.model": "b"})
    settings = load()
    assert (settings.llm.model, settings.turns.barge_in, settings.source) == ("b", False, tmp_path / "settings.toml")


async def test_what_was_given_beside_the_file_stays_until_the_file_changes(config: Path, stack: AsyncExitStack) -> None:
    settings = load(config)
    other = settings.model_copy(update={"llm": Llm(model="other")})
    live = Live(other, stack)
    live.now()
    assert live.settings is other
    apply_settings(settings, {"turns.reprompts": 7, "prompts.persona": "warm"})
    assert live.now().prompts.persona.startswith("Тебя зовут Анна")
    assert live.turns.reprompts == 7


async def test_the_next_call_uses_changed_turn_taking(config: Path, stack: AsyncExitStack) -> None:
    house, _ = await furnish(load(config), stack)
    line = FakeLine(())
    assert house.for_call(house, line).turns.barge_in
    apply_settings(load(config), {"turns.barge_in": False, "calls.max_minutes": 5})
    found = house.for_call(house, line)
    assert (found.turns.barge_in, found.calls.max_minutes) == (False, 5)


def test_a_look_costs_microseconds(config: Path) -> None:
    watched = Watched(lambda _: [config] * 8, lambda: load(config))
    best = min(_timed(watched) for _ in range(5))
    assert best < 0.0005


def _timed(watched: Watched[Settings]) -> float:
    began = time.perf_counter()
    for _ in range(50):
        assert watched.current
    return (time.perf_counter() - began) / 50
