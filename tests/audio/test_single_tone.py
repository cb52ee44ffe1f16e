"""Pure tones: what is ruled out by one quick look is what a whole look would rule out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.level import comfort_noise, tone
from audio.single_tone import GATHERED, QUIETEST, SCALE, SingleTone

RATE = 8000
BLOCK_MS = GATHERED * 20


def mixed(hz: float, level: float, noise: float) -> bytes:
    samples = [np.frombuffer(tone(hz, BLOCK_MS, RATE, level), "<i2").astype(np.int32)]
    samples.append(np.frombuffer(comfort_noise(BLOCK_MS * RATE // 1000, noise), "<i2").astype(np.int32))
    return np.clip(sum(samples), -32768, 32767).astype("<i2").tobytes()


@settings(max_examples=60)
@given(st.floats(60, 3900), st.floats(-44, -6), st.floats(-50, -6))
def test_the_quick_look_rules_out_only_what_has_no_tone(hz: float, level: float, noise: float) -> None:
    pcm, taker = mixed(hz, level, noise), SingleTone(RATE)
    block = np.frombuffer(pcm, "<i2") * SCALE

    loud = block.dot(block) >= QUIETEST * block.size
    middle = block.reshape(GATHERED, -1)[GATHERED // 2 :][:1]

    assert taker._seems_pure(pcm) == bool(loud and taker._tones(middle)[0])


def test_what_comes_in_any_pieces_has_the_same_tones() -> None:
    pcm = comfort_noise(RATE // 2, -60.0) + tone(1100, 500, RATE, -20.0) + comfort_noise(RATE // 2, -60.0)
    in_one = SingleTone(RATE).push(pcm)

    taker = SingleTone(RATE)
    assert tuple(hertz for at in range(0, len(pcm), 322) for hertz in taker.push(pcm[at : at + 322])) == in_one
    assert sum(abs(hertz - 1100) < 20 for hertz in in_one) >= 20


def test_tones_outside_the_bands_cost_no_whole_look() -> None:
    taker = SingleTone(RATE, ((1040.0, 1160.0),))

    assert taker._seems_pure(tone(1100, BLOCK_MS, RATE, -20.0))
    assert taker._seems_pure(tone(1158, BLOCK_MS, RATE, -20.0))
    assert not taker._seems_pure(tone(1400, BLOCK_MS, RATE, -20.0))
    assert not taker._seems_pure(tone(440, BLOCK_MS, RATE, -20.0))
