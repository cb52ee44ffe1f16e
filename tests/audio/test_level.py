import numpy as np
import pytest

from audio.level import SILENCE_DBFS, comfort_noise, dbfs, energy, peak_dbfs, silence, tone


def test_square_and_sine_have_their_textbook_levels() -> None:
    square = np.full(160, -32768, dtype="<i2").tobytes()
    assert dbfs(square) == pytest.approx(0.0)
    assert dbfs(tone(1000.0, 100, 8000, -3.02)) == pytest.approx(-3.02, abs=0.01)
    assert peak_dbfs(tone(1000.0, 100, 16000, -20.0)) == pytest.approx(-17.0, abs=0.05)


@pytest.mark.parametrize("pcm", [b"", silence(160)])
def test_nothing_is_silence(pcm: bytes) -> None:
    assert dbfs(pcm) == peak_dbfs(pcm) == SILENCE_DBFS
    assert energy(pcm) == 0.0


@pytest.mark.parametrize("level", [-60.0, -40.0, -20.0])
def test_noise_and_tone_come_at_the_level_asked_for(level: float) -> None:
    assert dbfs(comfort_noise(8000, level)) == pytest.approx(level, abs=0.3)
    assert dbfs(tone(440.0, 1000, 8000, level)) == pytest.approx(level, abs=0.1)


def test_noise_is_the_same_for_the_same_seed() -> None:
    assert comfort_noise(160, -50.0, 7) == comfort_noise(160, -50.0, 7)
    assert comfort_noise(160, -50.0, 7) != comfort_noise(160, -50.0, 8)


def test_a_tone_never_wraps() -> None:
    samples = np.frombuffer(tone(100.0, 100, 8000, 12.0), dtype="<i2").astype(int)
    assert np.abs(np.diff(samples)).max() < 4000
