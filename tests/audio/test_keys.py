"""Tones of keys go from a recording, speech stays as it is."""

from pathlib import Path

import numpy as np
import pytest

from audio.keys import HELD, HIGH_HZ, LOW_HZ, KeyTones
from audio.level import comfort_noise, dbfs, tone
from audio.wav import read_mono

SPEECH = Path(__file__).parents[1] / "speech"
RATE = 8000


def key(low: int, high: int, ms: int, rate: int = RATE, level: float = -20.0) -> bytes:
    both = np.frombuffer(tone(low, ms, rate, level), "<i2") + np.frombuffer(tone(high, ms, rate, level + 3), "<i2")
    return bytes(both.astype("<i2").tobytes())


def passed(pcm: bytes, rate: int = RATE, piece: int = 1600) -> bytes:
    tones = KeyTones(rate)
    return b"".join(tones.push(pcm[at : at + piece]) for at in range(0, len(pcm), piece)) + tones.rest()


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("low", LOW_HZ)
@pytest.mark.parametrize("high", HIGH_HZ)
def test_every_key_is_silenced_wherever_it_begins(low: int, high: int, rate: int) -> None:
    noise = comfort_noise(rate, -60.0, seed=1)
    for offset in (0, 37, 101):
        before = comfort_noise(rate // 2 + offset, -60.0, seed=2)
        heard = passed(before + key(low, high, 80, rate) + noise, rate)
        assert len(heard) == len(before) + rate * 80 // 1000 * 2 + len(noise)
        worst = max(dbfs(heard[at : at + 320]) for at in range(0, len(heard) - 320, 160))
        assert worst < -55


@pytest.mark.parametrize("piece", [320, 322, 5000, 100_000])
def test_however_the_audio_is_cut_it_comes_out_the_same(piece: int) -> None:
    noise = comfort_noise(4000, -50.0)
    pcm = noise + key(770, 1336, 120) + noise + key(941, 1209, 60) + bytes(500)
    assert passed(pcm, piece=piece) == passed(pcm, piece=len(pcm))


def test_speech_is_left_as_it_is() -> None:
    """Every recording of the tests, in Russian and English: a few frames may go for keys, no more."""
    muted = total = 0
    for path in sorted(SPEECH.rglob("*.wav"))[::3]:
        pcm = read_mono(path, RATE)
        before, after = (np.frombuffer(each, "<i2").astype(np.int32) for each in (pcm, passed(pcm)))
        muted += int((before != after).sum())
        total += len(before)
    assert total > 60 * RATE
    assert muted / total < 0.0005


def test_a_single_sine_is_no_key() -> None:
    pcm = tone(1000, 500, RATE) + tone(697, 500, RATE)
    assert passed(pcm) == pcm


def test_little_is_held_back() -> None:
    tones = KeyTones(RATE)
    assert len(tones.push(bytes(3200))) == 3200 - HELD * 320
    assert len(tones.rest()) == HELD * 320
