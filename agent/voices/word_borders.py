"""Where the words lie in speech whose text is known but whose word times are not.

Another voice that knows its word times (espeak-ng does, in milliseconds) speaks the same text; the sound of both is
compared frame by frame (dynamic time warping over cepstra), and its word times are carried over. That is how aeneas
aligns audiobooks. The speech may end anywhere in the text. Pure.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from audio.resample import resample

HOP_MS = 10
"""Frames of the comparison."""

_RATE = 8000
_HOP = _RATE * HOP_MS // 1000
_WINDOW = 200
_SPECTRUM = 256
_BANDS = 22
_CEPSTRA = 12
_UNEVEN = 0.5
"""Standing still in the other voice, or skipping a frame of it, costs so much of the mean distance more: the tempo of
two voices differs by less than what a path may gain by a sound that happens to be alike."""

_Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text spoken by a voice that knows its word times."""

    pcm: bytes
    """PCM16 mono."""
    rate: int
    """Hz."""
    words: tuple[tuple[int, int], ...]
    """Of each word the characters of the text before it, and the sample at which it begins; rising."""


@dataclass(frozen=True, slots=True)
class Borders:
    """How far speech got in its text."""

    words: tuple[tuple[int, int], ...]
    """Of each word that begins in the speech: the characters before it, and its first sample."""
    next_word: int
    """Characters before the first word that does not begin in it; -1: all words do."""
    into_last: float
    """How much of the last word was said, 0 to 1."""
    loudness: tuple[float, ...] = ()
    """Of each word how loud it is where it begins, natural logarithm of power; a seam is best where it is quiet."""


def borders(pcm: bytes, rate: int, model: Spoken) -> Borders:
    """Where the words of ``model`` begin in ``pcm`` (PCM16 mono), which holds the same text or the beginning of it."""
    heard, known = _cepstra(resample(pcm, rate, _RATE)), _cepstra(resample(model.pcm, model.rate, _RATE))
    if not len(heard) or not len(known) or not model.words:
        return Borders((), model.words[0][0] if model.words else -1, 0.0)
    path = _path(heard, known)
    quiet = heard[:, 0]
    found: list[tuple[int, int]] = []
    next_word, frames = -1, [sample * _RATE // model.rate // _HOP for _, sample in model.words]
    for (offset, _), frame in zip(model.words, frames, strict=True):
        if frame > path[-1]:
            next_word = offset
            break
        at = int(np.argmax(path >= frame)) if found else 0
        found.append((offset, max(at * _HOP * rate // _RATE, found[-1][1] if found else 0)))
    last = len(found) - 1
    end = frames[last + 1] if last + 1 < len(frames) else _end_of(known)
    into = (int(path[-1]) - frames[last]) / max(end - frames[last], 1)
    places = [sample * _RATE // rate // _HOP for _, sample in found]
    loudness = tuple(float(quiet[max(frame - 1, 0) : frame + 2].min()) for frame in places)
    return Borders(tuple(found), next_word, min(max(into, 0.0), 1.0), loudness)


def _end_of(known: _Matrix) -> int:
    """Frame after the last sound: what is silent behind it belongs to no word."""
    loud = np.flatnonzero(known[:, 0] > known[:, 0].max() - 4.0)
    return int(loud[-1]) + 1


def _path(heard: _Matrix, known: _Matrix) -> NDArray[np.int64]:
    """For each frame of ``heard`` the frame of ``known`` it stands for: rising by 0, 1 or 2, free to end early."""
    cost = _distances(_levelled(heard, heard), _levelled(known, known[: len(heard) * 11 // 10]))
    uneven = np.float32(_UNEVEN * float(cost.mean()))
    width = cost.shape[1]
    total = np.full(width + 2, np.inf, np.float32)
    total[2 : 2 + min(10, width)] = cost[0, :10]
    steps = np.zeros(cost.shape, np.int8)
    for row in range(1, len(cost)):
        options = np.stack((total[2:] + uneven, total[1:-1], total[:-2] + uneven))
        steps[row] = options.argmin(axis=0)
        total[2:] = options.min(axis=0) + cost[row]
    path = np.empty(len(cost), np.int64)
    place = int(total[2:].argmin())
    for row in range(len(cost) - 1, -1, -1):
        path[row] = place
        place -= int(steps[row, place])
    return path


def _distances(heard: _Matrix, known: _Matrix) -> _Matrix:
    """Euclidean, each frame with each."""
    squares = (heard * heard).sum(axis=1)[:, None] + (known * known).sum(axis=1) - 2.0 * heard @ known.T
    distances: _Matrix = np.sqrt(np.maximum(squares, 0.0), dtype=np.float32)
    return distances


def _levelled(frames: _Matrix, like: _Matrix) -> _Matrix:
    """Each coefficient by its mean and spread over ``like``: voices and telephones differ in both.

    Where speech ends early the other voice is measured over as much: other words have other means.
    """
    out: _Matrix = (frames - like.mean(axis=0)) / (like.std(axis=0) + np.float32(1e-3))
    return out


def _cepstra(pcm: bytes) -> _Matrix:
    """Log energy, 12 cepstra and the slopes of all these, of each 10 ms of PCM16 at 8 kHz."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
    if samples.size < _WINDOW:
        return np.zeros((0, 2 * (_CEPSTRA + 1)), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames, _SPECTRUM)) ** 2
    bands = np.log(power @ _mel().T + 1e-7)
    energy = np.log(power.sum(axis=1) + 1e-6)
    still = np.column_stack((energy, bands @ _cosines().T))
    slopes = np.zeros_like(still)
    slopes[2:-2] = (2.0 * (still[4:] - still[:-4]) + still[3:-1] - still[1:-3]) / 10.0
    out: _Matrix = np.column_stack((still, slopes)).astype(np.float32)
    return out


@cache
def _mel() -> _Matrix:
    """Triangles over the spectrum, 100 to 3800 Hz."""

    def mel(hz: float) -> float:
        return float(2595.0 * np.log10(1.0 + hz / 700.0))

    edges = 700.0 * (10.0 ** (np.linspace(mel(100.0), mel(3800.0), _BANDS + 2) / 2595.0) - 1.0)
    bins = np.arange(_SPECTRUM // 2 + 1) * (_RATE / _SPECTRUM)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    out: _Matrix = np.maximum(0.0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))
    return out


@cache
def _cosines() -> _Matrix:
    """The discrete cosine transform without its constant."""
    order = np.arange(1, _CEPSTRA + 1)[:, None]
    out: _Matrix = np.cos(np.pi * order * (np.arange(_BANDS) + 0.5) / _BANDS)
    return out
