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
SAME_RU = [
    ("если заказать три машина какая будет скидка", "если заказать три машины какая будет скидка"),
    ("со склада а машину можно забрать", "со склада машину можно забрать"),
    ("термокамера ваше минус сколько держит", "термокамера ваша минус сколько держит"),
    ("советское производство", "советского производства"),
    ("ну сколько стоит пресс", "сколько стоит пресс"),
]
OTHERS_RU = [
    ("заказ был готов", "заказ будет готов"),
    ("машина работает", "машина не работает"),
    ("пять прессов", "шесть прессов"),
    ("пять прессов", "пяти прессов"),
    ("соедините с ивановым", "соедините с ивановой"),
    ("пресс и копёр", "пресс или копёр"),
    ("сколько стоит", "сколько стоит пресс"),
    ("вы мне звонили", "я вам звонил"),
    ("ну", "вот"),
]
SAME_EN = [("how much is the machine", "how much is machine"), ("do you repair machine", "do you repair machines")]
OTHERS_EN = [("i know", "is know"), ("it works", "it worked"), ("can you repair", "can't you repair"), ("uh", "um")]


@pytest.mark.parametrize(("one", "other"), SAME_RU)
def test_endings_of_nouns_and_stray_words_are_no_other_question(one: str, other: str) -> None:
    assert same_question(one, other, "ru")
    assert same_question(other, one, "ru")


@pytest.mark.parametrize(("one", "other"), OTHERS_RU)
def test_verbs_numbers_names_and_joining_words_have_to_be_the_same(one: str, other: str) -> None:
    assert not same_question(one, other, "ru")
    assert not same_question(other, one, "ru")


@pytest.mark.parametrize(("one", "other"), SAME_EN)
def test_english_articles_and_plurals_are_no_other_question(one: str, other: str) -> None:
    assert same_question(one, other, "en")
    assert same_question(other, one, "en")


@pytest.mark.parametrize(("one", "other"), OTHERS_EN)
def test_other_english_words_have_to_be_the_same(one: str, other: str) -> None:
    assert not same_question(one, other, "en")
    assert not same_question(other, one, "en")


@given(st.lists(st.sampled_from(["пресс", "машины", "не", "пять", "будет", "и", "стоит"]), min_size=1), st.data())
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
