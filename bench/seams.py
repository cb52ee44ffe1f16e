"""Was every word said once, where one voice went on for another? Told by the samples on the wire, not by a recogniser.

What each voice made is known, with its words' places. The first voice's part of the wire is where the two are alike,
20 ms by 20 ms; the second voice's begins with the word that it was asked to begin with.
"""

from dataclasses import dataclass

import numpy as np

from agent.ports import WordStart
from audio.frame import SAMPLE_BYTES

BLOCK_MS = 20
ALIKE = 0.9
"""Correlation of a block with the same block of the undisturbed take: the level may differ, the shape not."""
QUIET = 60.0
"""Blocks with less than this, RMS of 16 bits, say nothing."""
SAID = 0.7
"""A word of which so much was heard was said (the last letters of a word die away)."""


@dataclass(frozen=True, slots=True)
class Take:
    """What a voice made of a text, whole, whether all of it was heard or not."""

    text: str
    pcm: bytes
    """PCM16 mono at the rate of the wire."""
    words: tuple[WordStart, ...]
    """Offsets in ``text``, samples in ``pcm``."""


@dataclass(frozen=True, slots=True)
class Seam:
    """How a sentence went over from one voice to the next."""

    cut: int
    """Samples of the first voice on the wire."""
    shares: tuple[float, ...]
    """Of each of its words: how much was heard, 0 to 1."""
    then: int
    """Word with which the second voice began, counted in the sentence."""

    @property
    def lost(self) -> int:
        """Words that nobody said."""
        return sum(share < SAID for share in self.shares[: self.then])

    @property
    def twice(self) -> int:
        """Words that both said."""
        return sum(share >= SAID for share in self.shares[self.then :])

    @property
    def begun(self) -> float:
        """How much was heard of the word that the second voice said from its beginning, 0 to 1."""
        return max(self.shares[self.then :], default=0.0)


def seam(wire: bytes, rate: int, first: Take, rest: str | None) -> Seam:
    """Compare what was heard with what ``first`` made; ``rest``: what the second voice was asked for, None: nothing."""
    cut = _alike(wire, first.pcm, rate)
    ends = [word.sample for word in first.words[1:]] + [_end(first.pcm, rate)]
    shares = tuple(
        min(max((cut - word.sample) / max(end - word.sample, 1), 0.0), 1.0)
        for word, end in zip(first.words, ends, strict=True)
    )
    start = len(first.text) - len(rest or "")
    return Seam(cut, shares, sum(word.offset < start for word in first.words))


def _alike(wire: bytes, take: bytes, rate: int) -> int:
    """Samples from the beginning up to which both are the same speech."""
    size = rate * BLOCK_MS // 1000
    count = min(len(wire), len(take)) // (size * SAMPLE_BYTES)
    heard, made = (
        np.frombuffer(pcm, "<i2", count * size).astype(np.float64).reshape(count, size) for pcm in (wire, take)
    )
    heard, made = heard - heard.mean(axis=1, keepdims=True), made - made.mean(axis=1, keepdims=True)
    loud = np.sqrt((made**2).mean(axis=1)) > QUIET
    power = np.sqrt((heard**2).sum(axis=1) * (made**2).sum(axis=1))
    same = (heard * made).sum(axis=1) >= ALIKE * np.maximum(power, 1e-9)
    other = np.flatnonzero(loud & ~same)
    return int(other[0]) * size if other.size else count * size


def _end(pcm: bytes, rate: int) -> int:
    """Where the last sound ends."""
    size = rate * BLOCK_MS // 1000
    blocks = np.frombuffer(pcm, "<i2", len(pcm) // SAMPLE_BYTES // size * size).astype(np.float64).reshape(-1, size)
    loud = np.flatnonzero(np.sqrt((blocks**2).mean(axis=1)) > QUIET)
    return (int(loud[-1]) + 1) * size if loud.size else len(blocks) * size
