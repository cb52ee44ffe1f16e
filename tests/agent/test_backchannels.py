"""«Угу» over the agent's speech, and what recognisers make of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.intents import load_intents
from agent.language.backchannels import meant

PROMPTS = Path(__file__).parents[2] / "prompts"
LISTENING = {"backchannel", "yes"}


def listens(text: str, language: str) -> bool:
    found = load_intents(PROMPTS, language).match(text)
    return found is not None and found.kind in LISTENING


MISHEARD = {
    "ru": "а да|до да|да до да|а да ага|до понял|вольт как|ну|вот как|интересно|да понятно|угу ага",
    "en": "ahead|nine|yes you|got it|get it|really|oh|at half|ready",
}
TAKING = {
    "ru": "стоп|нет|а вы|да но|а скидка|ну и сколько|до свидания|а до вас далеко|нет не то",
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


@given(st.text())
def test_any_text_may_be_heard(text: str) -> None:
    assert len(meant(text, "ru")) <= max(len(text), len("ага понятно"))
    assert len(meant(text, "en")) <= max(len(text), len("uh huh"))
