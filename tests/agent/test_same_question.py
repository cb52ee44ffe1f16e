"""What a recogniser made of one utterance at two moments: when it is the same question."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.answer import Answers, Minds
from agent.intents import load_intents
from agent.language.same_question import STRAY, same_question
from agent.prompts import load_prompts
from tests.fakes.engines import FakeMind, FakeRetriever

PROMPTS = Path(__file__).parents[2] / "prompts"
SAME = [
    ("если заказать три машина какая будет скидка", "если заказать три машины какая будет скидка", "ru"),
    ("со склада а машину можно забрать", "со склада машину можно забрать", "ru"),
    ("термокамера ваше минус сколько держит", "термокамера ваша минус сколько держит", "ru"),
    ("советское производство", "советского производства", "ru"),
    ("ну сколько стоит пресс", "сколько стоит пресс", "ru"),
    ("how much is the machine", "how much is machine", "en"),
    ("do you repair machine", "do you repair machines", "en"),
]
OTHERS = [
    ("заказ был готов", "заказ будет готов", "ru"),
    ("машина работает", "машина не работает", "ru"),
    ("пять прессов", "шесть прессов", "ru"),
    ("пять прессов", "пяти прессов", "ru"),
    ("заказ а пять один", "заказ пять один", "ru"),
    ("соедините с ивановым", "соедините с ивановой", "ru"),
    ("пресс и копёр", "пресс или копёр", "ru"),
    ("сколько стоит", "сколько стоит пресс", "ru"),
    ("вы мне звонили", "я вам звонил", "ru"),
    ("ну", "вот", "ru"),
    ("i know", "is know", "en"),
    ("it works", "it worked", "en"),
    ("can you repair", "can't you repair", "en"),
    ("order five a", "order five", "en"),
    ("uh", "um", "en"),
]


@pytest.mark.parametrize(("one", "other", "language"), SAME)
def test_endings_of_nouns_and_stray_words_are_no_other_question(one: str, other: str, language: str) -> None:
    assert same_question(one, other, language)
    assert same_question(other, one, language)


@pytest.mark.parametrize(("one", "other", "language"), OTHERS)
def test_verbs_numbers_names_and_joining_words_have_to_be_the_same(one: str, other: str, language: str) -> None:
    assert not same_question(one, other, language)
    assert not same_question(other, one, language)


@given(st.lists(st.sampled_from(["пресс", "машины", "не", "будет", "и", "стоит"]), min_size=1), st.data())
def test_stray_words_may_stand_anywhere(words: list[str], data: st.DataObject) -> None:
    strewn = list(words)
    for stray in data.draw(st.lists(st.sampled_from(sorted(STRAY["ru"])))):
        strewn.insert(data.draw(st.integers(0, len(strewn))), stray)
    assert same_question(" ".join(words), " ".join(strewn), "ru")


def test_a_reply_begun_is_used_where_only_an_ending_changed_unless_that_makes_it_a_command() -> None:
    words, intents = load_prompts(PROMPTS, "ru"), load_intents(PROMPTS, "ru")
    answers = Answers(FakeRetriever(()), Minds(FakeMind({})), words, intents, str)

    assert answers.alike("какая цена на машина", "какая цена на машину")
    assert intents.match("до свидания")
    assert not intents.match("до свидание")
    assert not answers.alike("до свидание", "до свидания")
