from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.echo import EchoCanceller
from audio.frame import frame_bytes
from audio.level import silence, tone
from audio.resample import resample
from audio.vad import SpeechDetector
from audio.wav import read_mono
from bench.ear_sounds import RATE, EchoPath, Samples, at_level, pcm, samples_of

SPEECH = Path(__file__).parent.parent / "speech"
AGENT = sorted((SPEECH / "ru" / "domain").glob("festival_*.wav"))
CALLER = sorted((SPEECH / "ru" / "domain").glob("espeak-m6_*.wav"))
ROOMS = [(-15.0, 60.0), (-20.0, 20.0), (-20.0, 180.0), (-20.0, 290.0), (-25.0, 120.0), (-30.0, 200.0)]


def cut(data: bytes, rate: int = RATE) -> list[bytes]:
    size = frame_bytes(rate)
    return [data[i : i + size] for i in range(0, len(data) - size + 1, size)]


@cache
def spoken(turns: int = 3, first: int = 0) -> Samples:
    """Turns of three phrases, a second of silence between."""
    parts = []
    for turn in range(turns):
        parts.append(np.zeros(RATE))
        phrases = [samples_of(read_mono(path)) for path in AGENT[first + 3 * turn : first + 3 * turn + 3]]
        parts += [0.7 * phrase / np.abs(phrase).max() for phrase in phrases]
    whole = np.concatenate((*parts, np.zeros(RATE)))
    return whole[: whole.size // 160 * 160]


def background(samples: int) -> Samples:
    return np.asarray(np.random.default_rng(1).standard_normal(samples) * 10 ** (-65 / 20))


def heard(near: Sequence[bytes], far: Sequence[bytes], rate: int = RATE) -> tuple[bytes, list[bool]]:
    """What the canceller leaves, and which of it counts as speech."""
    canceller, detector = EchoCanceller(rate), SpeechDetector(rate)
    left, flags = [], []
    for one, other in zip(near, far, strict=True):
        left.append(canceller.push(one, other))
        flags.append(detector.push(left[-1]) and not canceller.dominated)
    return b"".join(left), flags


def longest(flags: Sequence[bool]) -> int:
    return max(len(run) for run in "".join("#" if flag else "." for flag in flags).split("."))


@pytest.mark.parametrize(("level", "delay"), ROOMS)
def test_the_agents_own_voice_is_nobody_speaking(level: float, delay: float) -> None:
    far = spoken()
    near = EchoPath(level, delay, seed=int(delay)).echo(far) + background(far.size)
    _, flags = heard(cut(pcm(near)), cut(pcm(far)))

    assert longest(flags) < 5  # 100 ms


def test_without_it_the_echo_would_be_speech() -> None:
    far = spoken()
    detector = SpeechDetector(RATE)
    near = EchoPath(-20.0, 100.0).echo(far) + background(far.size)

    assert sum(detector.push(frame) for frame in cut(pcm(near))) > 100


def test_the_echo_becomes_faint_within_a_second_and_stays_so() -> None:
    far = spoken()
    near = cut(pcm(EchoPath(-20.0, 120.0, drive=0.0).echo(far) + background(far.size)))
    left = samples_of(heard(near, cut(pcm(far)))[0])
    came = samples_of(b"".join(near))

    for start, least_db in ((2.0, 8.0), (4.0, 15.0), (8.0, 20.0)):
        part = slice(int(start * RATE), int((start + 1.5) * RATE))
        assert 10 * np.log10(np.mean(came[part] ** 2) / np.mean(left[part] ** 2)) > least_db


@pytest.mark.parametrize("path", CALLER[::5], ids=lambda path: path.stem)
def test_a_caller_who_interrupts_is_heard_at_once(path: Path) -> None:
    far = spoken()
    near = EchoPath(-20.0, 150.0).echo(far) + background(far.size)
    says = at_level(samples_of(read_mono(path)), -18.0)
    begin = far.size - 2 * RATE - says.size
    near[begin : begin + says.size] += says
    left, flags = heard(cut(pcm(near)), cut(pcm(far)))

    loud = np.flatnonzero(np.convolve(says**2, np.ones(160) / 160, "valid") > 10 ** (-40 / 10))[0]
    at = (begin + int(loud)) // 160
    assert longest(flags[: at - 3]) < 5
    assert any(flags[at : at + 8])
    voiced = samples_of(left)[begin : begin + says.size]
    assert np.corrcoef(voiced, says)[0, 1] > 0.85


def test_a_way_that_changes_is_learnt_anew() -> None:
    far = spoken(6)
    near = background(far.size)
    half = far.size // 2
    near[:half] += EchoPath(-20.0, 60.0, seed=1).echo(far)[:half]
    near[half:] += EchoPath(-20.0, 190.0, seed=2).echo(far)[half:]
    _, flags = heard(cut(pcm(near)), cut(pcm(far)))

    assert longest(flags[: half // 160]) < 5
    assert sum(flags[half // 160 : half // 160 + 150]) < 50
    assert longest(flags[half // 160 + 150 :]) < 5


@pytest.mark.parametrize(("frames", "seconds"), [(1, 10.0), (2, 9.0), (-2, 9.5), (-2, 10.5), (3, 10.5)])
def test_an_echo_that_slips_by_whole_frames_is_found_again(frames: int, seconds: float) -> None:
    far = spoken()
    near = EchoPath(-20.0, 120.0).echo(far) + background(far.size)
    at = int(seconds * 50) * 160
    hole, cut_out = max(frames, 0) * 160, max(-frames, 0) * 160
    slipped = np.concatenate((near[:at], background(hole), near[at + cut_out :], np.zeros(cut_out)))[: far.size]
    _, flags = heard(cut(pcm(slipped)), cut(pcm(far)))

    assert longest(flags) < 5


def test_on_a_line_without_echo_a_caller_passes_untouched() -> None:
    far = cut(pcm(spoken()))
    says = cut(pcm(at_level(samples_of(read_mono(CALLER[0])), -18.0)))[:40]
    near = cut(pcm(background(160 * len(far))))
    near[700 : 700 + len(says)] = says
    canceller = EchoCanceller(RATE)

    for one, other in zip(near, far, strict=True):
        assert canceller.push(one, other) is one
        assert not canceller.dominated
        assert not canceller.possible


def test_an_echo_that_begins_in_mid_call_is_learnt() -> None:
    far = spoken(6)
    near = background(far.size)
    half = far.size // 2
    near[half:] += EchoPath(-20.0, 120.0).echo(far)[half:]
    _, flags = heard(cut(pcm(near)), cut(pcm(far)))

    assert not any(flags[: half // 160])
    assert sum(flags[half // 160 :]) < 100
    assert longest(flags[half // 160 + 150 :]) < 5


def test_lost_packets_do_not_unlearn_it() -> None:
    far = spoken()
    near = cut(pcm(EchoPath(-20.0, 100.0).echo(far) + background(far.size)))
    dice = np.random.default_rng(3)
    lost = [silence(160) if dice.random() < 0.05 else frame for frame in near]

    assert longest(heard(lost, cut(pcm(far)))[1]) < 5


def test_sixteen_kilohertz() -> None:
    far = spoken(2)
    near = EchoPath(-20.0, 100.0).echo(far) + background(far.size)
    _, flags = heard(
        cut(resample(pcm(near), RATE, 16000), 16000), cut(resample(pcm(far), RATE, 16000), 16000), rate=16000
    )

    assert longest(flags) < 5


def test_nothing_played_costs_nothing_and_changes_nothing() -> None:
    canceller = EchoCanceller(RATE)
    frame = tone(440.0, 20, RATE)

    assert all(canceller.push(frame, silence(160)) is frame for _ in range(100))
    assert not canceller.dominated


def test_after_half_a_second_of_silence_nothing_is_done() -> None:
    canceller = EchoCanceller(RATE)
    frame = tone(440.0, 20, RATE)
    for _ in range(20):
        canceller.push(frame, frame)
    for _ in range(25):
        canceller.push(frame, silence(160))

    assert canceller.push(frame, silence(160)) is frame


def test_the_same_frames_give_the_same_frames() -> None:
    far = spoken(1)
    near = cut(pcm(EchoPath(-20.0, 100.0).echo(far) + background(far.size)))

    assert heard(near, cut(pcm(far))) == heard(near, cut(pcm(far)))


FRAMES = st.sampled_from([bytes(320), b"\xff\x7f" * 160, b"\x00\x80" * 160, bytes(range(160)) * 2, b"\x01\x00" * 160])


@given(st.lists(st.tuples(FRAMES, FRAMES), max_size=50))
def test_any_samples_are_taken(frames: list[tuple[bytes, bytes]]) -> None:
    canceller = EchoCanceller(RATE)

    assert all(len(canceller.push(near, far)) == 320 for near, far in frames)


def test_wrong_sizes_and_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="44100"):
        EchoCanceller(44100)
    with pytest.raises(ValueError, match="100 and 320 bytes"):
        EchoCanceller(RATE).push(bytes(100), bytes(320))
    with pytest.raises(ValueError, match="320 and 640 bytes"):
        EchoCanceller(RATE).push(bytes(320), bytes(640))
