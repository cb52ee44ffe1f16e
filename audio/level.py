"""How loud, and sounds made here: tones and comfort noise.

dBFS everywhere is the RMS against 32768, so a full-scale square wave is 0 dBFS and a full-scale sine -3 dBFS.
"""

import math

import numpy as np
from numpy.typing import NDArray

from audio.frame import SAMPLE_BYTES

SILENCE_DBFS = -100.0
"""Level of digital silence; one single bit in a 20 ms frame is about -112 dBFS and counts as silence too."""

FULL_SCALE = 32768.0

_PCM = np.dtype("<i2")


def energy(pcm: bytes) -> float:
    """Mean square of PCM16 mono samples, full scale = 1.0; 0.0 for nothing at all."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    if not samples.size:
        return 0.0
    return float(samples.dot(samples)) / (samples.size * FULL_SCALE * FULL_SCALE)


def dbfs(pcm: bytes) -> float:
    """RMS level of PCM16 mono samples, dBFS; never below ``SILENCE_DBFS``."""
    mean_square = energy(pcm)
    return max(SILENCE_DBFS, 10.0 * math.log10(mean_square)) if mean_square else SILENCE_DBFS


def peak_dbfs(pcm: bytes) -> float:
    """Level of the largest sample of PCM16 mono, dBFS; never below ``SILENCE_DBFS``."""
    peak = float(np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.float32)).max(initial=0.0))
    return max(SILENCE_DBFS, 20.0 * math.log10(peak / FULL_SCALE)) if peak else SILENCE_DBFS


def tone(hz: float, ms: int, rate: int, level: float = -12.0) -> bytes:
    """A sine of ``ms`` milliseconds with an RMS of ``level`` dBFS (at most -3.02), PCM16 mono at ``rate``."""
    amplitude = min(FULL_SCALE - 1, FULL_SCALE * math.sqrt(2.0) * 10.0 ** (level / 20.0))
    time = np.arange(rate * ms // 1000, dtype=np.float64) / rate
    return _to_pcm(amplitude * np.sin(2.0 * math.pi * hz * time))


def silence(samples: int) -> bytes:
    """Digital silence, PCM16 mono."""
    return bytes(samples * SAMPLE_BYTES)


def comfort_noise(samples: int, level: float = -65.0, seed: int = 0) -> bytes:
    """White noise with an RMS of ``level`` dBFS, PCM16 mono; the same for the same seed."""
    noise = np.random.default_rng(seed).standard_normal(samples) * (FULL_SCALE * 10.0 ** (level / 20.0))
    return _to_pcm(noise)


def _to_pcm(samples: NDArray[np.float64]) -> bytes:
    return np.clip(np.rint(samples), -32768, 32767).astype(_PCM).tobytes()
