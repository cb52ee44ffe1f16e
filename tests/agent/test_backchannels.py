"""«Угу» over the agent's speech, and what recognisers make of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.intents import load_intents
from agent.language.backchannels import listens as only_listens
from agent.language.backchannels import meant, settled

PROMPTS = Path(__file__).parents[2] / "prompts"
LISTENING = {"backchannel", "yes"}


def listens(text: str, language: str) -> bool:
    found = load_intents(PROMPTS, language).match(text)
    return found is not None and found.kind in LISTENING


MISHEARD = {
    "ru": "а да|до да|да до да|а да ага|до понял|вольт как|ну|вот как|интересно|да понятно|угу ага"
    "|году|по понял|а мы вам ясно",
    "en": "ahead|nine|yes you|got it|get it|really|oh|at half|ready|how okay|mary|and|at|re a lot|write|light light"
    "|i'm emma okay",
}
COMPOSED = {
    "ru": "да ясно|так понятно|ну да ну да|да да понятно|хорошо понял|ага ну да|так так|да так|всё понятно",
    "en": "yes i see|yeah sure|right okay|oh okay|okay got it|yeah right",
}
TAKING = {
    "ru": "стоп|нет|а вы|да но|а скидка|ну и сколько|до свидания|а до вас далеко|нет не то"
    "|мы поняли другое|мне ясно что дорого",
    "en": "stop|no|wait|nine kilonewtons|how much|yes but|are you open",
}


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language in MISHEARD for text in MISHEARD[language].split("|")]
)
def test_a_misheard_backchannel_is_one(language: str, text: str) -> None:
    said = meant(text, language)

    assert not said or listens(said, language)


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language in TAKING for text in TAKING[language].split("|")]
)
def test_words_that_take_the_turn_are_left_alone(language: str, text: str) -> None:
    assert meant(text, language) == text
    assert not listens(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [(language, text) for language in COMPOSED for text in COMPOSED[language].split("|")],
)
def test_words_of_who_listens_in_any_order(language: str, text: str) -> None:
    assert only_listens(text, language)


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language in TAKING for text in TAKING[language].split("|")]
)
def test_who_takes_the_turn_does_not_only_listen(language: str, text: str) -> None:
    assert not only_listens(text, language)


@pytest.mark.parametrize(
    ("heard", "sure"),
    [("так по нет", "так"), ("да я", "да"), ("да сколько стоит", "да сколько"), ("стоп", ""), ("а сколько", "а")],
)
def test_the_last_word_of_who_still_speaks_may_be_half_of_one(heard: str, sure: str) -> None:
    assert settled(heard) == sure


@given(st.text())
def test_any_text_may_be_heard(text: str) -> None:
    assert len(meant(text, "ru")) <= max(len(text), len("ага понятно"))
    assert len(meant(text, "en")) <= max(len(text), len("uh huh"))
