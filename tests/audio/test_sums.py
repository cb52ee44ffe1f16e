"""Sums over frames in machine code: the same numbers as numpy's."""

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio import sums_by_numpy as numpy_sums
from audio.sums_by_numpy import SPAN, turns_of
from tests.machine_code import compiled_c

FRAME = 160
PARTS = 21
levels = st.sampled_from((0.0, 3.0, 40.0, 900.0, 12_000.0, 60_000.0))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return compiled_c("frame_sums", "frame_sums.c", tmp_path_factory.mktemp("made"))


def noise(seed: int, *loudness: float) -> bytes:
    dice = np.random.default_rng(seed)
    frames = [np.clip(dice.standard_normal(FRAME) * level, -32768, 32767) for level in loudness]
    return np.concatenate(frames).astype("<i2").tobytes()


@given(st.integers(0, 99), st.lists(levels, min_size=1, max_size=12))
def test_squares_are_the_same_to_the_last_bit(made: ModuleType, seed: int, loudness: list[float]) -> None:
    pcm = noise(seed, *loudness)

    assert made.squares(pcm, 2 * FRAME) == numpy_sums.squares(pcm, 2 * FRAME)


def test_squares_of_the_loudest_samples() -> None:
    pcm = np.full(FRAME, -32768, "<i2").tobytes()

    assert numpy_sums.squares(pcm, len(pcm)) == [FRAME * 2.0**30]


@given(st.integers(0, 99), levels, st.floats(0.1, 40.0))
def test_amplified_to_the_last_bit(made: ModuleType, seed: int, level: float, gain: float) -> None:
    pcm = noise(seed, level)

    assert made.amplified(pcm, gain) == numpy_sums.amplified(pcm, gain)


@given(st.integers(0, 99), st.floats(10, 3990), levels, levels)
def test_purity_within_its_rounding(made: ModuleType, seed: int, hertz: float, tone: float, hiss: float) -> None:
    wave = np.sin(2 * np.pi * hertz / 8000 * np.arange(2 * FRAME)) * tone
    pcm = np.clip(wave + np.frombuffer(noise(seed, hiss, hiss), "<i2"), -32768, 32767).astype("<i2").tobytes()
    window, turns = np.hanning(FRAME), turns_of(FRAME)
    wanted = np.arange(turns.size) % 3 > 0.0

    ours, theirs = (sums.purity(pcm, FRAME, window, turns, wanted.astype(np.float64)) for sums in (made, numpy_sums))
    assert ours == pytest.approx(theirs, abs=1e-6)


@given(st.integers(0, 99), st.lists(st.tuples(levels, levels), min_size=SPAN, max_size=SPAN))
def test_delays_weigh_the_same_to_the_last_bit(
    made: ModuleType, seed: int, loudness: list[tuple[float, float]]
) -> None:
    told = []
    for sums in (made, numpy_sums):
        played, weighed = np.zeros(PARTS - 1 + SPAN), np.array([[1e9] * PARTS, [3e7] * PARTS])
        for turn in range(3):
            far, near = (noise(seed + turn, *(pair[side] for pair in loudness)) for side in (0, 1))
            told.append(sums.weigh_delays(far, near, played, weighed, (4e5, 4e4, 0.85)))
        told.append((played.tolist(), weighed.tolist()))

    assert told[:4] == told[4:]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("squares", (b"abc", 2)),
        ("squares", (b"abcd", 0)),
        ("squares", ("abcd", 2)),
        ("amplified", (b"abcd", "loud")),
        ("purity", (b"abcd", 2, np.zeros(160), np.zeros(81), np.ones(81))),
        ("purity", (bytes(400), -2, np.zeros(160), np.zeros(81), np.ones(81))),
        ("purity", (bytes(400), 0, np.zeros(160), np.zeros(3), np.ones(3))),
        ("purity", (bytes(400), 0, np.zeros(160), np.zeros(81), np.ones(80))),
        ("weigh_delays", (bytes(5120), bytes(320), np.zeros(36), np.zeros(42), (1.0, 1.0, 0.85))),
        ("weigh_delays", (bytes(5120), bytes(5120), np.zeros(36), np.zeros(40), (1.0, 1.0, 0.85))),
        ("weigh_delays", (bytes(5120), bytes(5120), np.zeros(35), np.zeros(42), (1.0, 1.0, 0.85))),
        ("weigh_delays", (bytes(5120), bytes(5120), np.zeros(36), np.zeros(42), (1.0, 1.0))),
    ],
)
def test_nothing_is_read_beyond_what_was_given(made: ModuleType, name: str, wrong: tuple[object, ...]) -> None:
    with pytest.raises((TypeError, ValueError)):
        getattr(made, name)(*wrong)
