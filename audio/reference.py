"""How good a recording of a voice is: what of it is speech, how far the noise lies below, what was cut off.

Levels are those of 20 ms blocks. Pure; a minute of speech takes some 20 ms.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.frame import SAMPLE_BYTES
from audio.level import FULL_SCALE, SILENCE_DBFS

BLOCK_MS = 20
SPEECH_BELOW_PEAK_DB = 30.0
"""Blocks that are so much quieter than the loudest ones are no speech."""
QUIETEST_DBFS = -60.0
"""And none below this."""
FLAT_RUN = 4
"""So many samples in a row at the very peak were cut off: no voice stands still there."""
FLAT_SHARE = 0.995
"""Of the peak: what counts as standing there."""
PITCHES_HZ = (65.0, 400.0)
"""Voices of people."""
VOICED = 0.5
"""A block is voiced when it repeats itself so well, 1 = exactly."""
PERIOD = 0.9
"""The shortest time after which it repeats itself nearly as well as ever is the period."""

_Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quality:
    """What a recording is like."""

    seconds: float
    """Length."""
    speech_s: float
    """Of it speech, seconds."""
    speech_dbfs: float
    """Level of the speech, RMS."""
    noise_dbfs: float
    """Level of what lies between; ``SILENCE_DBFS`` where nothing does."""
    clipped: float
    """Share of the samples that were cut off at the peak, 0 to 1."""
    treble_db: float
    """Speech above 4 kHz against all of it, dB: about -25 in a studio, below -50 over a telephone."""
    pitch_hz: float
    """Median of the voiced blocks; 0: none was found."""

    @property
    def silence(self) -> float:
        """Share of the length that is no speech, 0 to 1."""
        return 1.0 - self.speech_s / self.seconds if self.seconds else 1.0

    @property
    def snr_db(self) -> float:
        """Speech over noise."""
        return self.speech_dbfs - self.noise_dbfs


def quality(pcm: bytes, rate: int) -> Quality:
    """Measure PCM16 mono of at least 8 kHz."""
    samples = np.frombuffer(pcm, "<i2", len(pcm) // SAMPLE_BYTES).astype(np.float32) / np.float32(FULL_SCALE)
    size = rate * BLOCK_MS // 1000
    blocks = samples[: samples.size // size * size].reshape(-1, size)
    energies = (blocks * blocks).mean(axis=1) if len(blocks) else np.zeros(0, np.float32)
    spoken = _spoken(energies)
    return Quality(
        seconds=samples.size / rate,
        speech_s=float(spoken.sum()) * BLOCK_MS / 1000,
        speech_dbfs=_db(energies[spoken]),
        noise_dbfs=_noise(energies, spoken),
        clipped=_clipped(samples),
        treble_db=_treble(blocks[spoken], rate),
        pitch_hz=_pitch(blocks[spoken], rate),
    )


def _spoken(energies: _Samples) -> NDArray[np.bool_]:
    if not energies.size:
        return np.zeros(0, bool)
    loud = np.percentile(energies, 95)
    gate = max(float(loud) * 10 ** (-SPEECH_BELOW_PEAK_DB / 10), 10 ** (QUIETEST_DBFS / 10))
    return energies >= gate


def _noise(energies: _Samples, spoken: NDArray[np.bool_]) -> float:
    """Between the words; where all is loud the quietest twentieth: noise that covers the pauses is found there."""
    rest = energies[~spoken]
    if len(rest) < 5:
        rest = np.sort(energies)[: max(len(energies) // 20, 1)]
    return _db(np.array([np.median(rest)])) if rest.size else SILENCE_DBFS


def _db(energies: _Samples) -> float:
    mean = float(energies.mean()) if energies.size else 0.0
    return max(10.0 * float(np.log10(mean)), SILENCE_DBFS) if mean > 0 else SILENCE_DBFS


def _clipped(samples: _Samples) -> float:
    """Also found where the recording was made quieter afterwards: it is flat at its own peak."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak == 0.0:
        return 0.0
    flat = np.zeros(samples.size + 2, np.int8)
    flat[1:-1] = np.abs(samples) >= FLAT_SHARE * peak
    edges = np.flatnonzero(np.diff(flat))
    runs = edges[1::2] - edges[::2]
    return float(runs[runs >= FLAT_RUN].sum()) / samples.size


def _treble(blocks: _Samples, rate: int) -> float:
    if not len(blocks):
        return SILENCE_DBFS
    power = (np.abs(np.fft.rfft(blocks * np.hanning(blocks.shape[1]))) ** 2).sum(axis=0)
    border = 4000 * blocks.shape[1] // rate
    whole, above = float(power.sum()), float(power[border + 2 :].sum())
    return max(10.0 * float(np.log10(above / whole)), SILENCE_DBFS) if above > 0 else SILENCE_DBFS


def _pitch(blocks: _Samples, rate: int) -> float:
    """By autocorrelation of pairs of blocks: 40 ms hold two periods of the lowest voice."""
    pairs = blocks[: len(blocks) // 2 * 2].reshape(-1, 2 * blocks.shape[1]) if len(blocks) > 1 else blocks[:0]
    if not len(pairs):
        return 0.0
    length = pairs.shape[1]
    spectrum = np.fft.rfft(pairs - pairs.mean(axis=1, keepdims=True), 2 * length)
    alike = np.fft.irfft(np.abs(spectrum) ** 2)[:, :length]
    alike = alike / np.maximum(alike[:, :1], 1e-12) * (length / (length - np.arange(length)))
    first, last = int(rate / PITCHES_HZ[1]), int(rate / PITCHES_HZ[0])
    found = alike[:, first:last]
    top = found.max(axis=1)
    best = first + (found >= PERIOD * top[:, None]).argmax(axis=1)  # two periods are as alike as one
    voiced = top >= VOICED
    return float(np.median(rate / best[voiced])) if voiced.any() else 0.0
