"""What the judgement of finished words is measured on, and what its limits cost there."""

import pytest

from agent.language.completeness import LIMITS
from agent.pauses import Verdict
from bench.turns import learn, limits

LEAST = {"ru": (350, 200), "en": (180, 150)}
"""Short whole turns that ask, halts."""
BARS = {"ru": (0.75, 0.05, 0.075), "en": (0.68, 0.04, 0.085)}
"""Least share of whole questions known at the short pause, greatest of those that wait longest, of halts cut into."""


@pytest.mark.parametrize("language", ["ru", "en"])
def test_short_turns_are_answered_soon_and_halts_seldom_cut(language: str) -> None:
    turns = limits.read(language)
    asked = [text for text in turns.whole if not limits.only_tells(text, language)]
    known, late, cut = BARS[language]

    found = limits.cost(limits.used(asked, language), limits.used(turns.halts, language), LIMITS[language])

    assert (len(asked), len(turns.halts)) >= LEAST[language]
    assert found.known >= known
    assert found.late <= late
    assert found.cut <= cut


@pytest.mark.parametrize("language", ["ru", "en"])
def test_nothing_is_learnt_from_what_is_measured_on(language: str) -> None:
    whole = {one.text for one in learn.read(language)}

    assert not whole & set(limits.read(language).whole)


def test_the_cost_of_limits() -> None:
    whole: list[float | Verdict] = [0.1, 0.35, 0.5, 0.9, "complete"]
    halts: list[float | Verdict] = [0.1, 0.5, 0.9, "open"]

    found = limits.cost(whole, halts, (0.3, 0.7))

    assert found.known == 0.4
    assert found.late == 0.2
    assert found.wait_ms == (240 + 530 + 530 + 1100 + 240) / 5
    assert found.wait_p50_ms == 530
    assert found.cut == pytest.approx((1 + 470 / 700) / 4)
    assert found.cut_brief == pytest.approx((1 + 270 / 500) / 4)
