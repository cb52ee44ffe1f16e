"""Pure tones of machines in a caller's audio: fax, beeps. Looked at a fifth of a second at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.frame import FRAME_MS, SAMPLE_BYTES

GATHERED = 10
"""Frames looked at together: cheaper than each alone."""
QUIETEST = 10 ** (-40 / 10)
"""Mean square below which nothing is looked at: -40 dBFS."""
PURE = 0.93
"""Least part of a frame's energy around one frequency; hums and whistles have less, or waver."""


class SingleTone:
    """Tells of every frame at which frequency it has a pure tone."""

    def __init__(self, rate: int) -> None:
        """``rate`` of the audio, Hz."""
        self._rate, self._size = rate, rate * FRAME_MS // 1000
        self._window = np.hanning(self._size).astype(np.float32)
        self._pcm = bytearray()

    def push(self, pcm: bytes) -> tuple[float, ...]:
        """Take PCM16 mono, of any length.

        Gives the tones of whole frames of 20 ms in Hz, 0 for none, ``GATHERED`` of them at a time, or nothing yet.
        """
        self._pcm += pcm
        found: tuple[float, ...] = ()
        size = GATHERED * self._size * SAMPLE_BYTES
        while len(self._pcm) >= size:
            found += self._look(bytes(self._pcm[:size]))
            del self._pcm[:size]
        return found

    def _look(self, pcm: bytes) -> tuple[float, ...]:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
        if samples.dot(samples) < QUIETEST * samples.size:
            return (0.0,) * GATHERED
        return self._tones(samples.reshape(GATHERED, -1))

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
