"""The judge, and what it says of the demo knowledge."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.errors import StartError
from agent.ports import Exchange, Passage
from kb.evaluation import Answered, answers, figures, half_of, holds_fact, judge, read

HERE = Path(__file__).parent
TABLES = tuple(f"{kind}_{name}.tsv" for kind in ("eval", "dialogues") for name in ("ru", "more_ru", "last_ru"))
HELD_OUT = ("eval_blind_ru.tsv", "dialogues_blind_ru.tsv")
QUESTIONS = "id\tkb\tquestion\tmust_contain\tsection_heading\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "questions.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def passage(heading: str) -> Passage:
    return Passage("general", heading, "Текст.", 0.9)


@pytest.mark.parametrize(
    ("said", "fact", "holds"),
    [
        ("Стоит 145 000 рублей.", "145 000", True),
        ("Стоит 1 145 000 рублей.", "45 000", False),
        ("Идёт всё утро", "все", True),
        ("в офисе", "офис", False),
        ("Вес 55 кг.", "55 кг", True),
        ("с 9:00 до 18:00", "с 9:00", True),
    ],
)
def test_facts_are_whole_words(said: str, fact: str, holds: bool) -> None:
    assert holds_fact(said, fact) is holds


@pytest.mark.parametrize(
    ("written", "answers_it"),
    [
        ("Скидки", True),
        ("## Скидки", True),
        ("Цены / Скидки", True),
        ("# Цены > ## Скидки", True),
        ("Прессы|скидки", True),
        ("Цены", False),
        ("Прессы / Скидки", False),
        ("#", False),
    ],
)
def test_a_section_is_named_as_it_stands_in_the_text_or_by_its_path(
    tmp_path: Path, written: str, answers_it: bool
) -> None:
    (case,) = read(table(tmp_path, f"{QUESTIONS}a\tgeneral\tскидка\t5\t{written}\n"))
    assert answers(case, "Цены / Скидки") is answers_it


async def test_figures_of_right_wrong_and_refused(tmp_path: Path) -> None:
    cases = read(
        table(
            tmp_path,
            QUESTIONS
            + "a\tgeneral\tгде вы\tМоскве|Твери\tАдрес\nb\tgeneral\tцена\t5\tЦены / Прессы|Скидки\n"
            + "c\ttech\tвес\t7 кг\tВес\nd\tnone\tпогода\t\t\ne\tnone\tкурс\t\t\n",
        )
    )
    replies = {
        "где вы": Answered("Мы в Твери.", False, (passage("О нас / Адрес"),), 1.0),
        "цена": Answered("Стоит 15.", False, (passage("Вес"), passage("Скидки")), 2.0),
        "вес": Answered("Не знаю.", True, (), 3.0),
        "погода": Answered("Не знаю.", True, (), 4.0),
        "курс": Answered("Стоит 15.", False, (), 5.0),
    }

    async def ask(text: str, history: Sequence[Exchange]) -> Answered:
        return replies[text]

    results = [await judge(case, ask) for case in cases]
    assert figures(results) == {
        "recall@1": 0.3333,
        "recall@3": 0.6667,
        "mrr": 0.5,
        "contains": 0.3333,
        "refused": 0.5,
        "wrongly_refused": 0.3333,
        "p50_ms": 3.0,
        "p95_ms": 5.0,
    }
    assert results[1].row()["rank"] == 2


async def test_the_second_turn_of_a_dialogue_is_judged_with_the_first_behind_it(tmp_path: Path) -> None:
    path = table(tmp_path, "id\tturn1\tturn2\tmust_contain\tsection_heading\nd\tраз\tдва\tодин\tА\n")
    seen: list[tuple[str, tuple[str, ...]]] = []

    async def ask(text: str, history: Sequence[Exchange]) -> Answered:
        seen.append((text, tuple(exchange.agent for exchange in history)))
        return Answered("один", False, (passage("А"),))

    (case,) = read(path)
    assert (await judge(case, ask)).contains
    assert seen == [("раз", ()), ("два", ("один",))]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "first line"),
        ("id\tquestion\n", "first line"),
        (QUESTIONS + "a\tother\tгде\tтут\tА\n", "line 2: kb is 'other'"),
        (QUESTIONS + "a\ttech\tгде\tтут\tА\tлишнее\n", "line 2 has 6 columns"),
        (QUESTIONS, "no question below the first line"),
        (QUESTIONS.replace("\t", ","), "with tabs between"),
        (QUESTIONS + "a\ttech\t \tтут\tА\n", "line 2: question is empty"),
        ("id\tturn1\tturn2\tmust_contain\tsection_heading\na\tгде\n", "line 2: turn2 is empty"),
    ],
)
def test_wrong_tables_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(StartError, match=rf"questions\.tsv.*{says}"):
        read(table(tmp_path, text))
    with pytest.raises(StartError, match="can't be read"):
        read(tmp_path / "absent.tsv")


def test_a_table_out_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    text = 'question\tid\tmust_contain\tkb\tsection_heading\r\n"почём ""Луч"""\ta\tпять|5\ttech\t\r\nгде\tb\t\tnone\r\n'
    first, second = read(table(tmp_path, text))
    assert (first.turns, first.facts, first.kb, first.headings) == (('почём "Луч"',), ("пять", "5"), "tech", ())
    assert (second.turns, second.answerable) == (("где",), False)


def test_the_shipped_tables_are_large_and_halved() -> None:
    cases = read(HERE / "eval_ru.tsv")
    dialogues = read(HERE / "dialogues_ru.tsv")
    assert len(cases) >= 120
    assert sum(not case.answerable for case in cases) >= 25
    assert len(dialogues) >= 20
    assert len({case.id for case in (*cases, *dialogues)}) == len(cases) + len(dialogues)
    dev = sum(half_of(case.id) == "dev" for case in cases)
    assert 0.4 < dev / len(cases) < 0.6
    assert len(read(HERE / "eval_ru.tsv", "dev")) == dev


def test_every_fact_stands_in_its_section() -> None:
    from kb.retriever import load  # noqa: PLC0415

    sections = load(HERE.parents[1] / "kb", "ru", 3, 0.3).sections
    for case in (case for name in TABLES for case in read(HERE / name)):
        texts = [section.text for section in sections if section.heading in case.headings]
        assert not case.answerable or texts, case.id
        assert not case.facts or any(holds_fact(text, fact) for text in texts for fact in case.facts), case.id


def test_what_is_held_out_is_asked_nowhere_else() -> None:
    """Questions that are tuned on tell nothing of those that nobody has seen."""
    held = {case.turns for name in HELD_OUT for case in read(HERE / name)}
    spent = ("eval_held_out_ru.tsv", "dialogues_held_out_ru.tsv")
    seen = {case.turns for name in (*TABLES, *spent) for case in read(HERE / name)}
    assert len(held) == 172
    assert held & seen == set()
