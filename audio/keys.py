"""Tones of telephone keys: two sines at once, one of four low and one of four high ones (ITU-T Q.23)."""

import numpy as np
from numpy.typing import NDArray

from audio.frame import FRAME_MS

LOW_HZ, HIGH_HZ = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
QUIETEST = 10 ** (-45 / 10)
"""Mean square below which nothing is a key: -45 dBFS."""
PURE = 0.8
"""Least part of a frame's energy that lies in the two sines; vowels have less in any such pair."""
TWIST = 10.0
"""Most by which one of the two is stronger, as a ratio of energies: 10 dB; receivers bear 4 to 8 (ITU-T Q.24)."""
ALONE = 4.0
"""Least by which each of the two outdoes the next one of its four, as a ratio of energies."""
HELD = 2
"""Frames until it is known whether one is muted: a key lasts two frames at least (40 ms; ITU-T Q.24), and one more
on each side is muted with it."""


class KeyTones:
    """One side of a recording without the tones of keys; what comes out is ``HELD`` frames late."""

    def __init__(self, rate: int) -> None:
        """``rate`` is 8000 or 16000 Hz."""
        self._size = rate * FRAME_MS // 1000
        times = np.arange(self._size) / rate
        self._sines = np.exp(2j * np.pi * np.outer(times, LOW_HZ + HIGH_HZ)).astype(np.complex64)
        self._samples = np.zeros(0, "<i2")
        """Not given out yet, the last frame maybe in part."""
        self._keys = np.full(HELD, -1)
        """Of the last frames that were given out, and then of those that were looked at; -1: none."""

    def push(self, pcm: bytes) -> bytes:
        """Take PCM16 mono of any length; return what is sure by now, keys silenced."""
        self._samples = np.concatenate([self._samples, np.frombuffer(pcm, "<i2")])
        seen = len(self._keys) - HELD
        whole = len(self._samples) // self._size
        fresh = self._samples[seen * self._size : whole * self._size].reshape(-1, self._size)
        self._keys = np.concatenate([self._keys, self._found(fresh)])
        return self._out(max(whole - HELD, 0))

    def rest(self) -> bytes:
        """What is held at the end."""
        whole = len(self._keys) - HELD
        self._keys = np.concatenate([self._keys, np.full(HELD, -1)])
        out = self._out(whole) + self._samples.tobytes()
        self._samples = self._samples[:0]
        return out

    def _found(self, frames: NDArray[np.int16]) -> NDArray[np.int64]:
        """The key of each frame, 0 to 15, or -1."""
        if not len(frames):
            return np.zeros(0, np.int64)
        samples = frames.astype(np.float32) / 32768
        energy = np.square(samples).mean(axis=1)
        # a sine with the amplitude a has the energy a * a / 2, and |sum| = a * n / 2 at its frequency
        power = 2 * np.square(np.abs(samples @ self._sines) / self._size)
        low, high = power[:, :4], power[:, 4:]
        least = np.minimum(_lead(low), _lead(high))
        tops = np.stack([low.max(axis=1), high.max(axis=1)])
        even = tops.max(axis=0) < TWIST * tops.min(axis=0)
        key = (energy > QUIETEST) & (tops.sum(axis=0) > PURE * energy) & even & (least > ALONE)
        return np.where(key, low.argmax(axis=1) * 4 + high.argmax(axis=1), -1)

    def _out(self, count: int) -> bytes:
        """The next ``count`` frames; their keys and two more on each side are known."""
        keys = self._keys
        same = (keys[1:] == keys[:-1]) & (keys[1:] >= 0)
        pressed = np.concatenate([same, [False]]) | np.concatenate([[False], same])
        muted = pressed[1:-1] | pressed[:-2] | pressed[2:]
        frames = self._samples[: count * self._size].copy().reshape(-1, self._size)
        frames[muted[HELD - 1 : HELD - 1 + count]] = 0
        self._samples, self._keys = self._samples[count * self._size :], keys[count:]
        return frames.tobytes()


def _lead(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """By how much the strongest of four is stronger than the next."""
    ordered = np.sort(power, axis=1)
    return np.asarray(ordered[:, -1] / np.maximum(ordered[:, -2], 1e-12), np.float32)
