"""Pure tones of machines in a caller's audio: fax, beeps. Looked at a fifth of a second at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.frame import FRAME_MS, SAMPLE_BYTES

GATHERED = 10
"""Frames looked at together: cheaper than each alone."""
QUIETEST = 10 ** (-40 / 10)
"""Mean square below which nothing is looked at: -40 dBFS."""
SCALE = np.float32(1 / 32768)
PURE = 0.93
"""Least part of a frame's energy around one frequency; hums and whistles have less, or waver."""
SURELY_NOT = 0.92
"""With less, no rounding makes it pure."""


Samples = NDArray[np.float32]


class SingleTone:
    """Tells of every frame at which frequency it has a pure tone."""

    def __init__(self, rate: int) -> None:
        """``rate`` of the audio, Hz."""
        self._rate, self._size = rate, rate * FRAME_MS // 1000
        self._window = np.hanning(self._size).astype(np.float32)
        self._block = GATHERED * self._size
        self._pcm = bytearray()
        self._held: Samples | None = None
        """The block before, whose tones are looked for when it, its neighbour before or the one after seems pure."""
        self._near = False
        """It or the one before it seems pure."""

    def push(self, pcm: bytes) -> tuple[float, ...]:
        """Take PCM16 mono, of any length.

        Gives the tones of whole frames of 20 ms in Hz, 0 for none, ``GATHERED`` of them at a time, one block late.
        """
        self._pcm += pcm
        found: tuple[float, ...] = ()
        size = self._block * SAMPLE_BYTES
        while len(self._pcm) >= size:
            found += self._look(np.frombuffer(bytes(self._pcm[:size]), "<i2") * SCALE)
            del self._pcm[:size]
        return found

    def _look(self, block: Samples) -> tuple[float, ...]:
        """Speech, which is nearly all that ever comes, costs one frame's spectrum out of ten."""
        pure = bool(block.dot(block) >= QUIETEST * block.size and self._seems_pure(block))
        held, near, self._held, self._near = self._held, self._near, block, pure
        if held is None:
            return ()
        if not (near or pure):
            return (0.0,) * GATHERED
        tones = self._tones(held.reshape(GATHERED, -1))
        self._near = pure or bool(tones[-1])
        return tones

    def _seems_pure(self, block: Samples) -> bool:
        """The frame in its middle has a tone; for nearly all that comes the strongest frequencies alone say no."""
        frame = block[GATHERED // 2 * self._size :][: self._size]
        spectrum = np.fft.rfft(frame * self._window)
        real, imaginary = spectrum.real, spectrum.imag
        power = real * real + imaginary * imaginary
        peak = min(max(int(power.argmax()), 2), len(power) - 3)
        if float(power[peak - 2 : peak + 3].sum()) < SURELY_NOT * float(power.sum()):
            return False
        return bool(self._tones(frame[None])[0])

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
