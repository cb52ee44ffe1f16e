from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.level import peak_dbfs, silence, tone
from audio.loudness import CROSSFADE, TARGET_DBFS, Joiner, Leveller, active_level

RATE = 24000


def speech(level: float, seconds: float = 3.0, seed: int = 1, rate: int = RATE) -> bytes:
    """Noise in syllables of 160 ms of uneven loudness, with pauses; a crest like that of a voice."""
    rng = np.random.default_rng(seed)
    samples = rng.laplace(size=int(rate * seconds))
    syllable = rate * 160 // 1000
    for n, start in enumerate(range(0, samples.size, syllable)):
        part = samples[start : start + syllable]
        part *= 0.0 if n % 7 == 6 else rng.uniform(0.5, 1.5) * np.sin(np.pi * (np.arange(part.size) + 1) / syllable)
    samples *= 32768 * 10 ** (level / 20) / np.sqrt(np.mean(samples[np.abs(samples) > 0] ** 2))
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()


def levelled(pcm: bytes, known: float | None = None, sizes: Iterator[int] | None = None, rate: int = RATE) -> bytes:
    leveller = Leveller(rate, known)
    return b"".join(leveller.push(part) for part in cut(pcm, sizes)) + leveller.flush()


def cut(pcm: bytes, sizes: Iterator[int] | None) -> Iterator[bytes]:
    place = 0
    while place < len(pcm):
        size = next(sizes, 4000) if sizes else 4800
        yield pcm[place : place + size]
        place += size


@pytest.mark.parametrize("level", [-36.0, -30.0, -24.0, -19.0, -14.0, -10.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_voice_comes_to_the_same_level(level: float, seed: int) -> None:
    out = levelled(speech(level, seed=seed))
    assert abs(active_level(out, RATE) - TARGET_DBFS) <= 2.0
    assert peak_dbfs(out) < 0.0
    assert len(out) == len(speech(level, seed=seed))


@pytest.mark.parametrize("level", [-34.0, -12.0])
def test_a_known_voice_is_given_out_at_once_and_right_from_its_first_word(level: float) -> None:
    pcm = speech(level)
    leveller = Leveller(RATE, active_level(pcm, RATE))
    assert leveller.push(pcm[:960])
    out = levelled(pcm, active_level(pcm, RATE))
    assert abs(active_level(out[: RATE * 2], RATE) - TARGET_DBFS) <= 2.5  # its first second
    assert abs(active_level(out, RATE) - TARGET_DBFS) <= 1.0


def test_a_wrong_memory_of_a_voice_is_mended_while_it_speaks() -> None:
    out = levelled(speech(-32.0, seconds=12.0), known=-16.0)
    assert abs(active_level(out[-RATE * 2 * 3 :], RATE) - TARGET_DBFS) <= 2.0


def test_loud_peaks_are_bent_not_clipped() -> None:
    pcm = speech(-30.0) + tone(440, 60, RATE, -12.0) + speech(-30.0, seed=2)
    out = np.frombuffer(levelled(pcm), dtype="<i2").astype(int)
    assert np.abs(out).max() < 32767
    assert np.sum(np.abs(out) >= 32760) == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=40), st.sampled_from([None, -25.0]))
def test_the_output_does_not_depend_on_the_cuts(sizes: list[int], known: float | None) -> None:
    pcm = silence(3000) + speech(-27.0, seconds=1.0)
    assert levelled(pcm, known, iter(sizes)) == levelled(pcm, known)


@pytest.mark.parametrize("pcm", [b"", silence(10), silence(RATE), speech(-30, 0.05)])
def test_nothing_short_and_silence_pass_in_full(pcm: bytes) -> None:
    out = levelled(pcm)
    assert len(out) == len(pcm)
    assert out == pcm or any(pcm)


def test_a_word_shorter_than_the_first_look_is_levelled_too() -> None:
    out = levelled(speech(-35.0, seconds=0.14))
    assert abs(active_level(out, RATE) - TARGET_DBFS) <= 2.0


def test_what_was_heard_can_be_remembered() -> None:
    pcm = speech(-30.0)
    leveller = Leveller(RATE)
    leveller.push(pcm)
    assert leveller.heard_dbfs == pytest.approx(active_level(pcm, RATE), abs=0.5)
    assert 2000 <= leveller.heard_ms <= 3000


def joined(pieces: list[bytes], size: int) -> bytes:
    joiner, out = Joiner(), b""
    for n, piece in enumerate(pieces):
        out += joiner.cut() if n else b""
        out += b"".join(joiner.push(piece[place : place + size]) for place in range(0, len(piece), size))
    return out + joiner.flush()


def test_a_join_is_smooth_and_costs_256_samples() -> None:
    loud, quiet = tone(200, 500, RATE, -12.0), tone(310, 500, RATE, -16.0)
    loud = loud[: -RATE // 800 * 2]  # it ends at the height of a wave
    out = np.frombuffer(joined([loud, quiet], 1000), dtype="<i2").astype(int)
    assert out.size == (len(loud) + len(quiet)) // 2 - CROSSFADE
    hard = np.frombuffer(loud + quiet, dtype="<i2").astype(int)
    steepest = np.abs(np.diff(np.frombuffer(loud, dtype="<i2").astype(int))).max()
    assert np.abs(np.diff(out)).max() <= steepest * 1.2
    assert np.abs(np.diff(hard)).max() > steepest * 5


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 900), min_size=1, max_size=6), st.integers(1, 700))
def test_joins_do_not_depend_on_the_cuts(lengths: list[int], size: int) -> None:
    pieces = [speech(-20.0, 0.05, seed=n)[: 2 * length] for n, length in enumerate(lengths)]
    assert joined(pieces, 2 * size) == joined(pieces, 100_000)


def test_one_piece_passes_untouched() -> None:
    pcm = speech(-20.0, 0.2)
    assert joined([pcm], 640) == pcm
