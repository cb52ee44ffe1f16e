"""Do the demo answers hold the facts? Tables of questions, the facts they ask for, and what must be refused.

``questions`` are callers' phrases as the recogniser writes them, ``paraphrases`` other people's words for the same
things, ``unseen`` were written when the search was finished. The floors are a little under what was measured.
"""

import asyncio
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from agent.backends.llm_extractive import ExtractiveModel
from agent.intents import load_intents
from agent.language.normalise import normalise
from agent.ports import Passage, Question
from agent.sentences import SentenceCutter
from agent.settings import Kb
from kb.live import Knowledge
from kb.retriever import KnowledgeBase, load

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
THRESHOLD = Kb().threshold


class Row(NamedTuple):
    text: str
    base: str
    fact: str


@cache
def knowledge(language: str) -> KnowledgeBase:
    return load(ROOT / "kb", language, Kb().top_k, THRESHOLD)


def split(text: str) -> list[str]:
    cutter = SentenceCutter(longest=1000, first=1000)
    return cutter.feed(text) + cutter.flush()


def ask(language: str, text: str) -> tuple[tuple[Passage, ...], str]:
    base = knowledge(language)
    canonical = normalise(text, language)
    passages = asyncio.run(base.search(canonical))
    model = ExtractiveModel(Knowledge(base), split, THRESHOLD)
    return passages, " ".join(model.choose(Question(canonical, passages)))


def rows(name: str) -> Iterator[Row]:
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield Row(*line.split("\t"))


@pytest.mark.parametrize(
    ("table", "language", "least", "floor"),
    [
        ("questions_ru.tsv", "ru", 60, 0.95),
        ("questions_en.tsv", "en", 30, 0.95),
        ("paraphrases_ru.tsv", "ru", 40, 0.80),
        ("paraphrases_en.tsv", "en", 20, 0.80),
        ("unseen_ru.tsv", "ru", 30, 0.75),
        ("unseen_en.tsv", "en", 20, 0.75),
    ],
)
def test_answers_hold_the_facts(table: str, language: str, least: int, floor: float) -> None:
    asked = list(rows(table))
    answers = [(row, *ask(language, row.text)) for row in asked]
    missed = [f"{row.text}: {row.fact!r} not in {said!r}" for row, _, said in answers if row.fact not in said]
    astray = [row.text for row, passages, _ in answers if not passages or passages[0].base != row.base]
    assert len(asked) >= least
    assert len(missed) <= len(asked) * (1 - floor), missed
    assert len(astray) <= len(asked) * 0.1, astray


@pytest.mark.parametrize("language", ["ru", "en"])
def test_what_is_not_our_trade_is_refused(language: str) -> None:
    lines = (HERE / f"offtopic_{language}.txt").read_text(encoding="utf-8").splitlines()
    answered = {line: said for line in lines if (said := ask(language, line)[1])}
    assert len(lines) >= 18
    assert answered == {}


@pytest.mark.parametrize(("language", "least"), [("ru", 0.9), ("en", 0.8)])
def test_transcripts_of_the_test_speech_get_an_intent_or_an_answer(language: str, least: float) -> None:
    lines = (ROOT / "tests/speech" / language / "domain/transcripts.tsv").read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t")[1] for line in lines]
    intents = load_intents(ROOT / "prompts", language)
    silent = [text for text in texts if intents.match(text) is None and not ask(language, text)[1]]
    assert len(silent) <= len(texts) * (1 - least), silent


def test_answers_are_short_enough_to_listen_to() -> None:
    said = [ask("ru", row.text)[1] for row in rows("questions_ru.tsv")]
    assert max(map(len, said)) <= 330
    assert sum(map(len, said)) / len(said) <= 160
