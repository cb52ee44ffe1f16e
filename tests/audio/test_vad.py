from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from audio.frame import frame_bytes
from audio.level import comfort_noise, dbfs, peak_dbfs, silence, tone
from audio.resample import resample
from audio.vad import SpeechDetector
from audio.wav import read_mono
from bench.ear_sounds import RATE, a_law, noise, pcm, pink, samples_of

SPEECH = Path(__file__).parent.parent / "speech"
PCM = np.dtype("<i2")
FILES = sorted(SPEECH.glob("*/domain/*.wav"))[::9]


def cut(pcm: bytes, rate: int = 8000) -> list[bytes]:
    size = frame_bytes(rate)
    return [pcm[i : i + size] for i in range(0, len(pcm) - size + 1, size)]


def flags(frames: Sequence[bytes], rate: int = 8000) -> list[bool]:
    detector = SpeechDetector(rate)
    return [detector.push(frame) for frame in frames]


def at_peak(pcm: bytes, level: float) -> bytes:
    gain = 10.0 ** ((level - peak_dbfs(pcm)) / 20.0)
    louder: NDArray[np.float64] = np.rint(np.frombuffer(pcm, dtype=PCM) * gain)
    return louder.astype(PCM).tobytes()


def mixed(pcm: bytes, noise: bytes) -> bytes:
    both: NDArray[np.int64] = np.frombuffer(pcm, dtype=PCM).astype(int) + np.frombuffer(noise[: len(pcm)], dtype=PCM)
    return np.clip(both, -32768, 32767).astype(PCM).tobytes()


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("level", [-100.0, -72.0, -60.0])
def test_silence_and_faint_noise_are_never_speech(rate: int, level: float) -> None:
    quiet = comfort_noise(rate * 10, level) if level > -100.0 else silence(rate * 10)
    assert not any(flags(cut(quiet, rate), rate))
    assert not any(flags(cut(silence(rate) + quiet, rate), rate))


@pytest.mark.parametrize("level", [-50.0, -40.0, -30.0, -20.0])
def test_steady_noise_of_any_level_is_not_speech(level: float) -> None:
    assert not any(flags(cut(comfort_noise(80_000, level))))


def test_noise_that_begins_is_learnt_within_three_seconds() -> None:
    heard = flags(cut(silence(16_000) + comfort_noise(80_000, -25.0)))
    assert not any(heard[100 + 150 :])


@pytest.mark.parametrize("level", [-6.0, -20.0, -40.0])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_callers_are_heard(path: Path, level: float) -> None:
    pcm = at_peak(read_mono(path), level)
    frames = cut(silence(8000) + pcm + silence(8000))
    heard = np.flatnonzero(flags(frames))
    loud = np.flatnonzero([dbfs(frame) > level - 26.0 for frame in frames])
    assert heard.size
    assert abs(int(heard[0]) - int(loud[0])) <= 10  # 200 ms
    assert -25 <= int(heard[-1]) - int(loud[-1]) <= 10  # never later than 200 ms after the end
    assert np.diff(heard).max() <= 25  # no hole of more than 500 ms within these phrases


@pytest.mark.parametrize("path", FILES[:4], ids=lambda path: path.stem)
def test_callers_are_heard_through_noise(path: Path) -> None:
    pcm = silence(8000) + at_peak(read_mono(path), -6.0) + silence(16_000)
    heard = np.flatnonzero(flags(cut(mixed(pcm, comfort_noise(len(pcm), -32.0)))))
    assert heard.size > 10
    assert heard[0] >= 50
    assert heard[-1] < len(pcm) // 320 - 50


def test_sixteen_kilohertz_hears_the_same_speech() -> None:
    pcm = read_mono(FILES[0])
    low = np.flatnonzero(flags(cut(pcm)))
    high = np.flatnonzero(flags(cut(resample(pcm, 8000, 16000), 16000), 16000))
    assert abs(int(low[0]) - int(high[0])) <= 3
    assert abs(int(low[-1]) - int(high[-1])) <= 5


def test_the_same_frames_give_the_same_flags() -> None:
    frames = cut(mixed(read_mono(FILES[1]), comfort_noise(80_000, -35.0)))
    assert flags(frames) == flags(frames)


def test_a_long_tone_is_soon_taken_for_noise() -> None:
    assert not any(flags(cut(tone(425.0, 6000, 8000, -20.0)))[150:])


def longest(heard: Sequence[bool]) -> int:
    runs = "".join("#" if flag else "." for flag in heard).split(".")
    return max(len(run) for run in runs)


@pytest.mark.parametrize("name", ["clicks", "crackle", "breath", "gust", "dtmf", "music"])
def test_noises_are_not_speech(name: str) -> None:
    runs = [
        longest(flags(cut(noise(name, level, seed)))) for seed in range(4) for level in (-50.0, -40.0, -30.0, -20.0)
    ]
    assert sum(run >= 5 for run in runs) <= 1  # 100 ms


def test_most_coughs_are_not_speech() -> None:
    taken = [longest(flags(cut(noise("cough", -25.0, seed)))) >= 5 for seed in range(20)]
    assert sum(taken) <= 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_speech_in_pink_noise_begins_soon_and_ends_soon(path: Path) -> None:
    speech = samples_of(read_mono(path))
    lead = np.zeros(2 * RATE)
    clean = np.concatenate((lead, speech * 0.5 / np.abs(speech).max(), lead))
    level = np.sqrt(np.mean(clean[np.abs(clean) > 1e-3] ** 2))
    frames = cut(pcm(clean + pink(clean.size, np.random.default_rng(1)) * level * 10 ** (-15 / 20)))
    loud = np.flatnonzero([dbfs(frame) > -30.0 for frame in cut(pcm(a_law(clean)))])
    heard = np.flatnonzero(flags(frames))
    assert -5 <= int(heard[0]) - int(loud[0]) <= 8
    assert int(heard[-1]) - int(loud[-1]) <= 15


@given(
    st.lists(st.sampled_from([bytes(320), b"\xff\x7f" * 160, b"\x00\x80" * 160, bytes(range(160)) * 2]), max_size=60)
)
def test_any_samples_give_a_flag_and_the_same_one_again(frames: list[bytes]) -> None:
    assert flags(frames) == flags(frames)


def test_frames_told_before_change_no_flag_whoever_else_is_told_some() -> None:
    dice = np.random.default_rng(7)
    calls = [cut(silence(1600) + at_peak(read_mono(path), -12.0) + noise("music", -30.0, 1)) for path in FILES[:6]]
    heard: list[list[tuple[bool, bool]]] = [[] for _ in calls]
    detectors = [SpeechDetector(8000) for _ in calls]
    skipped = 0
    for at in range(0, max(map(len, calls)), 10):
        size = int(dice.integers(1, 11))
        for detector, frames in zip(detectors, calls, strict=True):
            detector.expect(frames[at : at + size])
        for number, (detector, frames) in enumerate(zip(detectors, calls, strict=True)):
            told = frames[at : at + size]
            if told and detector.skip_silence(len(told)):
                skipped += 1
                heard[number] += [(detector.sound, False)] * len(told)
                told = []
            heard[number] += [(detector.push(frame), detector.sound) for frame in told + frames[at + size : at + 10]]

    for frames, flagged in zip(calls, heard, strict=True):
        alone = SpeechDetector(8000)
        assert flagged == [(alone.push(frame), alone.sound) for frame in frames]
    assert skipped
    assert any(speech for flagged in heard for speech, _ in flagged)


def test_frames_of_two_lengths_may_be_told_together() -> None:
    low, high = SpeechDetector(8000), SpeechDetector(16000)
    speech = read_mono(FILES[0])
    narrow, wide = cut(speech), cut(resample(speech, 8000, 16000), 16000)
    count = min(len(narrow), len(wide))
    low.expect(narrow[:count])
    high.expect(wide[:count])

    assert [low.push(frame) for frame in narrow[:count]] == flags(narrow[:count])
    assert [high.push(frame) for frame in wide[:count]] == flags(wide[:count], 16000)


def test_wrong_sizes_and_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="11025"):
        SpeechDetector(11025)
    with pytest.raises(ValueError, match="100 bytes"):
        SpeechDetector(8000).push(bytes(100))
    with pytest.raises(ValueError, match="not 20 ms"):
        SpeechDetector(8000).expect([bytes(320), bytes(100)])
