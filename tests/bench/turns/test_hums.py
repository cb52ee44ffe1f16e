"""Hums: the voice through the nose, no letters."""

import numpy as np
import pytest

from bench.ear_sounds import RATE
from bench.turns.hums import HUMS, hum
from bench.turns.voices import Voice


@pytest.mark.parametrize("text", HUMS)
@pytest.mark.parametrize("voice", ["ru+m1", "en-us+f3"])
def test_a_hum_is_short_and_lies_below_a_kilohertz(text: str, voice: str) -> None:
    sound = hum(text, voice)
    power = np.abs(np.fft.rfft(sound)) ** 2

    assert 0.1 < sound.size / RATE < 0.7
    assert power[np.fft.rfftfreq(sound.size, 1 / RATE) < 1000].sum() > 0.9 * power.sum()


def test_one_who_hums_hums_alike_and_others_otherwise() -> None:
    assert np.array_equal(hum("мгм", "ru+f1"), hum("мгм", "ru+f1"))
    assert not np.array_equal(hum("мм", "ru+f1")[:500], hum("мм", "ru+f2")[:500])


def test_a_voice_hums_what_its_synthesiser_would_spell() -> None:
    assert Voice("ru+f1", "ru").say("мгм").size < 0.7 * RATE
