import numpy as np
import pytest

from audio.level import SILENCE_DBFS, comfort_noise, silence, tone
from audio.reference import quality
from audio.resample import resample

RATE = 22_050


def syllables(seconds: float, hz: float = 120.0, level: float = -20.0, rate: int = RATE) -> bytes:
    """A buzzing voice: 300 ms of it, 100 ms of nothing, and so on."""
    time = np.arange(int(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * hz * part * time) / part for part in range(1, int(0.45 * rate / hz)))
    spoken = buzz * (time % 0.4 < 0.3)
    scaled = spoken / np.sqrt((spoken[spoken != 0] ** 2).mean()) * 32768 * 10 ** (level / 20)
    return bytes(np.clip(np.rint(scaled), -32768, 32767).astype("<i2").tobytes())


def mixed(*sounds: bytes) -> bytes:
    whole = sum(np.frombuffer(sound, "<i2").astype(int) for sound in sounds)
    return bytes(np.clip(whole, -32768, 32767).astype("<i2").tobytes())


def test_length_level_and_pauses_are_measured() -> None:
    own = quality(syllables(4.0), RATE)
    assert own.seconds == pytest.approx(4.0)
    assert own.silence == pytest.approx(0.25, abs=0.04)
    assert own.speech_dbfs == pytest.approx(-20.0, abs=1.0)
    assert own.noise_dbfs == SILENCE_DBFS
    assert own.clipped == 0.0


@pytest.mark.parametrize("noise_dbfs", [-60.0, -45.0, -35.0])
def test_noise_is_found_below_the_speech_also_where_it_fills_the_pauses(noise_dbfs: float) -> None:
    pcm = syllables(4.0)
    own = quality(mixed(pcm, comfort_noise(len(pcm) // 2, noise_dbfs)), RATE)
    assert own.noise_dbfs == pytest.approx(noise_dbfs, abs=1.0)
    assert own.snr_db == pytest.approx(-20.0 - noise_dbfs, abs=1.5)


def test_what_was_cut_off_is_found_also_after_it_was_made_quieter() -> None:
    loud = np.clip(np.frombuffer(syllables(4.0), "<i2").astype(int) * 12, -32768, 32767)
    for factor in (1.0, 0.3):
        own = quality(np.rint(loud * factor).astype("<i2").tobytes(), RATE)
        assert own.clipped > 0.01
    assert quality(syllables(4.0, level=-12.0), RATE).clipped < 0.001


def test_a_telephone_is_known_by_its_missing_treble() -> None:
    pcm = syllables(3.0)
    assert quality(pcm, RATE).treble_db > -40
    assert quality(resample(resample(pcm, RATE, 8000), 8000, RATE), RATE).treble_db < -45


@pytest.mark.parametrize("hz", [90.0, 120.0, 210.0, 300.0])
def test_pitch(hz: float) -> None:
    assert quality(syllables(3.0, hz), RATE).pitch_hz == pytest.approx(hz, rel=0.03)


def test_nothing_and_silence_and_a_click_are_no_speech() -> None:
    for pcm in (b"", silence(100), silence(RATE), b"\xff\x7f" + silence(RATE)):
        own = quality(pcm, RATE)
        assert own.speech_s <= 0.04
        assert own.pitch_hz == 0.0
        assert own.silence >= 0.95
    assert quality(tone(1000, 1000, RATE, -20), RATE).speech_s == pytest.approx(1.0)
