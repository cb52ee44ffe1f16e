"""What is learnt from the phrases of callers, and from which."""

import tomllib

import numpy as np
import pytest

from agent.language import continuation
from bench.turns import learn

LEAST = {"ru": 1500, "en": 700}


@pytest.mark.parametrize("language", ["ru", "en"])
def test_no_phrase_is_one_of_the_bench(language: str) -> None:
    """One or two words, «нет спасибо», belong to nobody."""
    said: set[str] = set()
    for file in learn.HERE.glob("texts*.toml"):
        texts = tomllib.loads(file.read_text(encoding="utf-8"))[language]
        for kind in ("questions", "hesitations", "numbers"):
            said |= {" ".join(text.replace("|", " ").replace("ё", "е").split()) for text in texts[kind]}

    phrases = [one.text for one in learn.read(language)]

    assert len(phrases) >= LEAST[language]
    assert not {phrase for phrase in phrases if len(phrase.split()) > 2} & said


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_weights_are_those_of_the_phrases(language: str) -> None:
    """To learn them again takes too long here: ``python -m bench.turns.learn`` does when the phrases change."""
    with np.load(continuation.file(language)) as kept:
        assert int(kept["of"]) == learn.fingerprint(learn.read(language))

    assert float(np.abs(continuation.weights(language)).max()) > 0.5


def test_beginnings_of_a_phrase_are_gone_on_with_and_the_phrase_is_not() -> None:
    phrases = [learn.phrase("верните мне / деньги за билет"), learn.phrase("верните")]

    assert {one.text: one.more for one in learn.samples(phrases, "ru")} == {
        "верните": 0.0,
        "верните мне": learn.EITHER,
        "верните мне деньги": 1.0,
        "верните мне деньги за": 1.0,
        "верните мне деньги за билет": 0.0,
    }


def test_words_that_are_whole_for_some_and_paused_after_by_others_are_in_doubt() -> None:
    phrases = [learn.phrase("нужен автобус || на сорок мест"), learn.phrase("нужен автобус")]

    found = {one.text: one for one in learn.samples(phrases, "ru")}

    assert found["нужен автобус"].more == pytest.approx(learn.HALT / (1 + learn.HALT))
    assert found["нужен автобус"].halt
    assert not found["нужен автобус на"].halt
    assert found["нужен автобус на сорок мест"].more == 0


def test_a_pause_is_told_from_an_end() -> None:
    ends, pauses = np.array([0.1, 0.2, 0.4]), np.array([0.3, 0.9])

    assert learn.told_apart(ends, pauses) == pytest.approx(5 / 6)
    assert learn.told_apart(ends, ends) == pytest.approx(0.5)


def test_unseen_phrases_are_told_better_than_by_the_rules_alone() -> None:
    samples = learn.samples(learn.read("en")[::8], "en")
    more = np.array([one.more for one in samples])
    ruled = np.array([one.verdict == "complete" for one in samples])

    likely = learn.unseen(samples)

    least = float(np.quantile(likely[more == 0], np.mean(ruled[more == 0])))
    assert np.mean(likely[more == 1] <= least) < np.mean(ruled[more == 1])


def test_a_phrase_is_explained() -> None:
    rows = learn.explained("где находится ваш", "ru")

    assert rows[0].startswith("где находится ваш: 0.9")
    assert any(row.endswith("w ваш") for row in rows)
    assert "settled" in learn.explained("спасибо", "ru")[0]
