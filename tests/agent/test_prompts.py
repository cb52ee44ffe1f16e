"""The prompt files."""

import shutil
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from agent.errors import StartError
from agent.prompts import load_prompts

PROMPTS = Path(__file__).parents[2] / "prompts"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PROMPTS / "ru", tmp_path / "ru")
    return tmp_path


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_shipped_prompts_are_whole(language: str) -> None:
    prompts = load_prompts(PROMPTS, language)
    assert len(prompts.reprompts) == 2
    assert len(prompts.spoken) == len(set(prompts.spoken)) >= 12
    assert "|" in prompts.system
    assert prompts.contextualiser
    assert all(len(text) < 150 for text in prompts.spoken)
    assert {*prompts.fillers, *prompts.again.values(), prompts.stalled, prompts.limit_warning} <= {*prompts.spoken}
    assert set(prompts.again) == {"repeat", "slower", "faster", "louder", "quieter"}
    assert all(len(text) < 20 for text in prompts.fillers)
    assert prompts.opening == [prompts.greeting]
    assert not any(prompts.firm(text) for text in (*prompts.spoken, ""))
    with pytest.raises(FrozenInstanceError):
        prompts.greeting = "нет"  # type: ignore[misc]


@pytest.mark.parametrize("name", ["phrases.toml", "system.txt", "contextualiser.txt", "unheard.txt", "returning.txt"])
def test_a_missing_or_empty_file_is_named(folder: Path, name: str) -> None:
    (folder / "ru" / name).write_text(" \n", encoding="utf-8")
    with pytest.raises(StartError, match=rf"ru/{name}: prompt is empty"):
        load_prompts(folder, "ru")
    (folder / "ru" / name).unlink()
    with pytest.raises(StartError, match=rf"ru/{name}: prompt can't be read"):
        load_prompts(folder, "ru")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("greting = 'Здравствуйте'", r"greting: there is no such prompt"),
        ("= 5", r"phrases\.toml: not valid TOML"),
    ],
)
def test_a_wrong_phrases_file_is_explained(folder: Path, line: str, says: str) -> None:
    path = folder / "ru" / "phrases.toml"
    path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")
    with pytest.raises(StartError, match=says):
        load_prompts(folder, "ru")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("greeting", "''"),
        ("greeting", "5"),
        ("reprompts", "[]"),
        ("hold", "'once'"),
        ("hold", "[1]"),
        ("louder", "'!'"),
        ("notice", "7"),
    ],
)
def test_a_wrong_value_is_explained(folder: Path, name: str, value: str) -> None:
    path = folder / "ru" / "phrases.toml"
    text = path.read_text(encoding="utf-8").replace(f"\n{name} =", f"\n{name} = {value}\n[old]\nold =", 1)
    path.write_text(text.split("[old]", maxsplit=1)[0], encoding="utf-8")
    with pytest.raises(StartError, match=rf"phrases\.toml: {name}: .* needed here"):
        load_prompts(folder, "ru")


def test_a_mark_makes_a_text_firm_and_a_notice_always_is(folder: Path) -> None:
    path = folder / "ru" / "phrases.toml"
    text = path.read_text(encoding="utf-8").replace('notice = ""', 'notice = "Разговор записывается."')
    text = text.replace('goodbye = "', 'goodbye = "! ').replace('fillers = ["Сек', 'fillers = ["!Сек')
    path.write_text(text, encoding="utf-8")
    prompts = load_prompts(folder, "ru")
    assert [text for text in prompts.spoken if prompts.firm(text)] == [
        "Спасибо за звонок. До свидания!",
        "Секундочку.",
        "Разговор записывается.",
    ]
    assert prompts.goodbye == "Спасибо за звонок. До свидания!"
    assert prompts.opening == ["Разговор записывается.", prompts.greeting]


def test_the_note_for_the_model_needs_a_place_for_the_words(folder: Path) -> None:
    (folder / "ru" / "unheard.txt").write_text("(не услышал)", encoding="utf-8")
    with pytest.raises(StartError, match=r"unheard\.txt: \{\} is missing"):
        load_prompts(folder, "ru")
