"""How texts are read aloud and speech is written down: tables of pairs, of which every third line is held out."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import StartError
from agent.language import tables
from agent.language.normalise import normalise
from agent.language.own_table import load_own
from agent.language.verbalise import prepare, verbalise
from bench.language import exact, rows

EXACT = 0.97
"""Least part of the pairs that comes out to the letter."""
LEAST = {"ru": 150, "en": 60}
"""Pairs of each table."""


@pytest.mark.parametrize("held_out", [False, True], ids=["seen", "held out"])
@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("kind", ["normalise", "verbalise"])
def test_pairs_come_out_to_the_letter(kind: str, language: str, held_out: bool) -> None:
    assert len(rows(kind, language)) >= LEAST[language]
    found = exact(kind, language, held_out)
    assert found.share >= EXACT, "\n".join(f"{source}: {got}, wanted {wanted}" for source, got, wanted in found.wrong)


SIGNS = "абв РМстоXI 0123456789.,:-–—/%°+№кНм()@xyz\n²½$€_*#"
TEXT = st.text(max_size=120) | st.text(alphabet=SIGNS, max_size=80)
_SPOKEN = """сто двадцать пять тысяч две с половиной целых десятых первого второй половине без четверти час ноября минус
плюс рублей копеек процентов градусов цельсия миллиметров в секунду эр эм полтора ноль восемь девятьсот номер пол до 9
30 1 450 000 , . точка ру собака инфо метров третьего минут"""
SPOKEN = st.lists(st.sampled_from(_SPOKEN.split()), max_size=9).map(" ".join)
_SAID = """one hundred and twenty five thousand two a half past to quarter nine oh first second the november point minus
dollars cents pounds percent degrees celsius millimetres per second n g dot com at 9 30 9,800 , . kilo"""
SAID = st.lists(st.sampled_from(_SAID.split()), max_size=9).map(" ".join)


@given(TEXT | SPOKEN | SAID, st.sampled_from(["ru", "en"]))
def test_any_text_can_be_said_and_leaves_no_digit(text: str, language: str) -> None:
    assert not re.search(r"\d", verbalise(text, language))


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(
    "text", ["1" * 5000, "1" * 5000 + "-го", "1" * 5000 + " кН", "5, " * 400, "5-" * 400, "a." * 800]
)
def test_a_line_without_end_is_said_too(text: str, language: str) -> None:
    assert not re.search(r"\d", verbalise(text, language))
    assert normalise(normalise(text, language, True), language, True) == normalise(text, language, True)


@given(
    st.lists(st.sampled_from(["да", "пресс", "скоро", "Казань", "5", "РМ-100", "м/с", "—", "10:30", "№"]), max_size=8)
)
def test_no_word_is_dropped(words: list[str]) -> None:
    said = verbalise(" ".join(words), "ru").split()
    for word in ("да", "пресс", "скоро", "Казань"):
        assert said.count(word) == words.count(word)


@given(TEXT | SPOKEN, st.booleans())
def test_normalising_russian_twice_changes_nothing(text: str, numbers: bool) -> None:
    once = normalise(text, "ru", numbers)
    assert normalise(once, "ru", numbers) == once


@given(TEXT | SAID, st.booleans())
def test_normalising_english_twice_changes_nothing(text: str, numbers: bool) -> None:
    once = normalise(text, "en", numbers)
    assert normalise(once, "en", numbers) == once


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_sentence_is_put_into_words_within_a_millisecond(language: str) -> None:
    """CPU time, so that a busy machine does not matter; three times the bar, since machines differ."""
    prepare(language)
    texts = [row.source for row in rows("verbalise", language)]
    triples = zip(texts, texts[1:], texts[2:], strict=False)
    sentences = [f"Сентябрь {first}, {second}; {third}."[:100] for first, second, third in triples][::5]
    for sentence in sentences:
        verbalise(sentence, language)
    spent = sorted(_cpu_ms(lambda text=f"{sentence} ": verbalise(text, language)) for sentence in sentences)  # type: ignore[misc]
    assert spent[int(len(spent) * 0.95)] < 3


def _cpu_ms(work: Callable[[], str]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


@pytest.fixture
def untouched_tables() -> object:
    yield
    tables.load_tables(None, "ru")
    tables.load_tables(None, "en")


@pytest.mark.usefixtures("untouched_tables")
def test_a_user_adds_units_words_and_models(tmp_path: Path) -> None:
    (tmp_path / "language_ru.toml").write_text(
        '[units]\n"дптр" = ["диоптри", "line", ""]\n'
        '[words]\n"СТО" = "станция техобслуживания"\n'
        '[models]\n"ВР" = ["вэ эр"]\n',
        encoding="utf-8",
    )
    assert verbalise("5 дптр", "ru") == "пять дптр"
    tables.load_tables(tmp_path / "language_ru.toml", "ru")
    assert verbalise("5 дптр на СТО", "ru") == "пять диоптрий на станция техобслуживания"
    assert normalise("вэ эр двадцать", "ru") == "ВР-20"
    assert verbalise("5 мм", "ru") == "пять миллиметров"
    tables.load_tables(tmp_path / "absent.toml", "ru")
    assert normalise("вэ эр двадцать", "ru") == "вэ эр двадцать"


@pytest.mark.usefixtures("untouched_tables")
@pytest.mark.parametrize("content", ["[unknown]\na = 1\n", "words = 5\n", "= 5"])
def test_a_users_table_that_cannot_be_used_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "language_en.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StartError, match=r"language_en\.toml"):
        tables.load_tables(path, "en")


@pytest.mark.usefixtures("untouched_tables")
@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("[units]\n'дптр' = ['диоптри']", "'дптр'"),
        ("[units]\n'дптр' = ['диоптри', 'nosuch', '']", "'дптр'"),
        ("[units]\n'дптр' = 5", "'дптр'"),
        ("[models]\n'ПТ' = ['пэ тэ']\n'ВР' = 'вэ эр'", "'ВР'"),
        ("[models]\n'ВР' = ['вэ (эр']", "'ВР'"),
        ("[abbreviations]\n'ОТК' = [5]", "'ОТК'"),
        ("[words]\n'СТО' = ['станция']", "'СТО'"),
        ("[words]\n'' = 'станция'", "''"),
    ],
)
def test_a_row_that_would_end_calls_is_named_at_the_start(tmp_path: Path, row: str, named: str) -> None:
    path = tmp_path / "language_ru.toml"
    path.write_text(row, encoding="utf-8")
    with pytest.raises(StartError, match=rf"language_ru\.toml: \[\w+\] {named}: this row can't be used"):
        load_own(path, "ru")
    assert verbalise("5 дптр", "ru") == "пять дптр"
