"""Pure tones of machines in a caller's audio: fax, beeps. Looked at a fifth of a second at a time."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.frame import FRAME_MS, SAMPLE_BYTES
from audio.sums import purity, squares
from audio.sums_by_numpy import turns_of

GATHERED = 10
"""Frames looked at together: cheaper than each alone."""
QUIETEST = 10 ** (-40 / 10)
"""Mean square below which nothing is looked at: -40 dBFS."""
SCALE = np.float32(1 / 32768)
PURE = 0.93
"""Least part of a frame's energy around one frequency; hums and whistles have less, or waver."""
SURELY_NOT = 0.98
"""With so much less of that, or of the least loudness, it is no matter how numbers were rounded."""


_PCM = np.dtype("<i2")
_NONE = (0.0,) * GATHERED


class SingleTone:
    """Tells of every frame at which frequency it has a pure tone."""

    def __init__(self, rate: int, bands: Sequence[tuple[float, float]] = ((0.0, math.inf),)) -> None:
        """``rate`` of the audio, Hz. ``bands``: where tones are looked for, Hz; others may be told as well or not."""
        self._rate, self._size = rate, rate * FRAME_MS // 1000
        self._window = np.hanning(self._size).astype(np.float32)
        self._softest = SURELY_NOT * QUIETEST * self._size * 32768.0**2
        """Squares of a frame in which nothing is looked for."""
        self._turned, self._turns = np.hanning(self._size), turns_of(self._size)
        step, places = rate / self._size, np.arange(self._turns.size)
        inside = [(places > low / step - 2) & (places < high / step + 2) for low, high in bands]
        self._wanted = np.any(inside, axis=0).astype(np.float64)
        """What ``purity`` wants to know: a factor for each sample, frequencies, and which of them count."""
        self._middle = GATHERED // 2 * self._size * SAMPLE_BYTES
        """Where the frame in the middle of a block begins, bytes."""
        self._pcm = bytearray()
        self._held = b""
        """The block before, whose tones are looked for when it, its neighbour before or the one after seems pure."""
        self._near = False
        """It or the one before it seems pure."""

    def push(self, pcm: bytes) -> tuple[float, ...]:
        """Take PCM16 mono, of any length.

        Gives the tones of whole frames of 20 ms in Hz, 0 for none, ``GATHERED`` of them at a time, one block late.
        """
        size = GATHERED * self._size * SAMPLE_BYTES
        if len(pcm) == size and not self._pcm:  # what nearly always comes
            return self._look(pcm)
        self._pcm += pcm
        found: tuple[float, ...] = ()
        while len(self._pcm) >= size:
            found += self._look(bytes(self._pcm[:size]))
            del self._pcm[:size]
        return found

    def _look(self, block: bytes) -> tuple[float, ...]:
        """Speech, which is nearly all that ever comes, costs one frame's spectrum out of ten."""
        pure = self._seems_pure(block)
        held, near, self._held, self._near = self._held, self._near, block, pure
        if not held:
            return ()
        if not (near or pure):
            return _NONE
        tones = self._tones((np.frombuffer(held, _PCM) * SCALE).reshape(GATHERED, -1))
        self._near = pure or bool(tones[-1])
        return tones

    def _seems_pure(self, block: bytes) -> bool:
        """It is loud, and the frame in its middle has a tone; mostly that one's strongest frequencies say no."""
        frame_bytes = self._size * SAMPLE_BYTES
        (loudness,) = squares(block[self._middle : self._middle + frame_bytes], frame_bytes)
        if loudness < self._softest or self._purity(block) < SURELY_NOT * PURE:
            return False
        frame = np.frombuffer(block, _PCM, self._size, self._middle) * SCALE
        samples = np.frombuffer(block, _PCM) * SCALE
        return bool(samples.dot(samples) >= QUIETEST * samples.size) and bool(self._tones(frame[None])[0])

    def _purity(self, block: bytes) -> float:
        return purity(block, self._middle, self._turned, self._turns, self._wanted)

    def _tones(self, frames: NDArray[np.floating[Any]]) -> tuple[float, ...]:
        power = np.square(np.abs(np.fft.rfft(frames * self._window)))
        total = power.sum(axis=1)
        peak = np.clip(power.argmax(axis=1), 2, power.shape[1] - 3)
        rows = np.arange(len(frames))
        around = np.stack([power[rows, peak + step] for step in (-2, -1, 0, 1, 2)])
        # a Hann window spreads a sine over four bins; the parabola through the logarithms of three finds it
        low, top, high = np.log(np.maximum(around[1:4], 1e-12))
        shift = 0.5 * (low - high) / np.minimum(low - 2 * top + high, -1e-6)
        loud = np.square(frames).mean(axis=1) > QUIETEST
        pure = loud & (around.sum(axis=0) > PURE * total) & (np.abs(shift) <= 1)
        hertz = (peak + shift) * (self._rate / self._size)
        return tuple(np.where(pure, hertz, 0.0).tolist())
