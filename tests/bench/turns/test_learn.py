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

    phrases = [" ".join(parts) for parts in learn.read(learn.HERE / f"corpus_{language}.txt")]

    assert len(set(phrases)) == len(phrases) >= LEAST[language]
    assert not {phrase for phrase in phrases if len(phrase.split()) > 2} & said


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_weights_are_those_of_the_phrases(language: str) -> None:
    phrases = learn.read(learn.HERE / f"corpus_{language}.txt")
    weights = learn.learn(learn.samples(phrases, language))

    kept = continuation.weights(language)

    assert float(np.abs(weights).max()) > 0.5
    assert float(np.abs(kept - weights).max()) <= float(np.abs(weights).max()) / learn.FEW_BITS


def test_beginnings_of_a_phrase_are_gone_on_with_and_the_phrase_is_not() -> None:
    samples = {one.text: one for one in learn.samples([["верните мне", "деньги за билет"], ["верните"]], "ru")}

    assert {text: one.more for text, one in samples.items()} == {
        "верните": 0.0,
        "верните мне": learn.EITHER,
        "верните мне деньги": 1.0,
        "верните мне деньги за": 1.0,
        "верните мне деньги за билет": 0.0,
    }


def test_unseen_phrases_are_told_better_than_by_the_rules_alone() -> None:
    phrases = learn.read(learn.HERE / "corpus_en.txt")[::2]
    samples = learn.samples(phrases, "en")
    more = np.array([one.more for one in samples])
    ruled = np.array([one.verdict == "complete" for one in samples])

    likely = learn.unseen(samples, phrases)

    least = float(np.quantile(likely[more == 0], np.mean(ruled[more == 0])))
    assert np.mean(likely[more == 1] <= least) < np.mean(ruled[more == 1]) / 1.5


def test_a_phrase_is_explained() -> None:
    rows = learn.explained("где находится ваш", "ru")

    assert rows[0].startswith("где находится ваш: 0.9")
    assert any(row.endswith("w ваш") for row in rows)
    assert "settled" in learn.explained("спасибо", "ru")[0]
