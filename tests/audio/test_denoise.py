from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.denoise import NoiseSuppressor
from audio.frame import frame_bytes
from audio.wav import read_mono
from bench.ear_sounds import RATE, Samples, pcm, pink, samples_of

PHRASE = Path(__file__).parent.parent / "speech/ru/domain/festival_02.wav"


def suppressed(data: bytes, rate: int = RATE) -> Samples:
    suppressor, size = NoiseSuppressor(rate), frame_bytes(rate)
    return samples_of(b"".join(suppressor.push(data[at : at + size]) for at in range(0, len(data) - size + 1, size)))


@pytest.mark.parametrize("level", [-50.0, -30.0])
def test_steady_noise_is_taken_down(level: float) -> None:
    noise = pink(4 * RATE, np.random.default_rng(1)) * 10 ** (level / 20)
    after = suppressed(pcm(noise))[RATE:]

    assert 10 * np.log10(np.mean(noise[RATE:] ** 2) / np.mean(after**2)) > 8


def test_speech_stays_as_it_is_but_for_the_delay() -> None:
    speech = np.concatenate((np.zeros(RATE), samples_of(read_mono(PHRASE))))
    speech += np.random.default_rng(1).standard_normal(speech.size) * 1e-4
    after = suppressed(pcm(speech))
    delay = RATE * NoiseSuppressor.DELAY_MS // 1000

    assert np.corrcoef(after[delay:], speech[: after.size - delay])[0, 1] > 0.99


FRAMES = st.sampled_from([bytes(640), b"\xff\x7f" * 320, b"\x00\x80" * 320, bytes(range(160)) * 4])


@given(st.lists(FRAMES, max_size=40))
def test_any_samples_are_taken(frames: list[bytes]) -> None:
    suppressor = NoiseSuppressor(16000)

    assert all(len(suppressor.push(frame)) == 640 for frame in frames)


def test_wrong_sizes_and_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="44100"):
        NoiseSuppressor(44100)
    with pytest.raises(ValueError, match="100 bytes"):
        NoiseSuppressor(RATE).push(bytes(100))
