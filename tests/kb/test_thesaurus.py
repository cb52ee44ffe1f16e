"""The thesaurus is compiled from what lies beside it, every word of it is one, and it helps the search."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from kb import evaluation, ingest, thesaurus, thesaurus_building
from kb.retriever import KnowledgeBase
from kb.terms import Terms

TRADES = sorted(folder for folder in (Path(__file__).parent / "trades").iterdir() if folder.is_dir())
LANGUAGES = tuple(sorted(path.stem for path in thesaurus.FOLDER.glob("*.npz")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_table_is_that_of_the_source(language: str) -> None:
    with np.load(thesaurus.FOLDER / f"{language}.npz") as kept:
        made = kept["digest"].tobytes().decode()
    assert made == thesaurus_building.digest(language), "run `python -m kb.thesaurus_building --write`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_one(language: str) -> None:
    assert thesaurus_building.unknown(language) == []


@pytest.mark.parametrize(
    ("said", "meant"),
    [("обойдется", "цена"), ("сломалась", "гарантия"), ("заклинило", "неисправность"), ("намокнет", "упаковка")],
)
def test_what_is_asked_stands_for_what_answers(said: str, meant: str) -> None:
    terms = Terms("ru")
    (term,), (answer,) = terms.plain(said), terms.plain(meant)
    assert dict(terms.related(term))[answer] >= thesaurus_building.ASKS


def test_a_word_is_found_in_all_its_forms() -> None:
    table = thesaurus.load("ru")
    assert table is not None
    assert dict(table.of("ребенк"))["дет"] >= thesaurus_building.SYNONYM


@pytest.mark.parametrize(("said", "meant"), [("балочка", "балка"), ("покататься", "кататься"), ("кубик", "куб")])
def test_a_word_that_the_table_lacks_means_what_its_kin_mean(said: str, meant: str) -> None:
    terms = Terms("ru")
    (term,), (other,) = terms.plain(said), terms.plain(meant)
    assert dict(terms.related(term))[other] >= thesaurus_building.NEAR


def sections(folder: Path) -> list[ingest.Section]:
    return [*ingest.load(folder / "general.md", "general"), *ingest.load(folder / "tech.md", "tech")]


@pytest.mark.parametrize("folder", TRADES, ids=lambda folder: folder.name)
def test_the_questions_of_a_trade_have_their_answers(folder: Path) -> None:
    for table in ("eval_ru", "dialogues_ru"):
        for case in evaluation.read(folder / f"{table}.tsv"):
            right = [s for s in sections(folder) if evaluation.answers(case, s.heading)]
            assert not case.answerable or any(evaluation.holds_fact(s.text, f) for s in right for f in case.facts), case


def test_another_trade_is_searched_better_with_it() -> None:
    """Questions that share hardly a word with what answers them: the section is among the first three."""
    found = {True: 0, False: 0}
    for folder in TRADES[:1]:
        for helped in found:
            terms = Terms("ru")
            if not helped:
                terms.__dict__["related"] = lambda term: ()
            base = KnowledgeBase(sections(folder), terms, 3, 0.35)
            for case in evaluation.read(folder / "eval_ru.tsv"):
                passages = asyncio.run(base.search(case.turns[0]))
                found[helped] += any(evaluation.answers(case, passage.heading) for passage in passages)
    assert found[True] >= found[False] + 4
