"""What people hum with a closed mouth: «мм», «мгм», "mhm".

espeak-ng spells these («эм гэ эм», "em aitch em"), so they are made here. A murmur is the voice's harmonics through the
nose: one strong resonance near 250 Hz, a hole near 750, weak ones above
(K. N. Stevens, "Acoustic Phonetics", 1998, chapter 9).
"""

from zlib import crc32

import numpy as np

from bench.ear_sounds import RATE, Samples

RESONANCES = ((260.0, 70.0, 1.0), (1050.0, 200.0, 0.12), (2150.0, 300.0, 0.06))
"""Hz, width in Hz, and how much of the first one's strength."""
HOLE = (750.0, 250.0)
"""Hz and width of what the closed mouth takes out."""
MURMUR, CLOSURE, BREATH = "m", "'", "h"
HUMS = {
    "мм": "m",
    "ммм": "m",
    "мгм": "m'm",
    "мхм": "mhm",
    "хм": "hm",
    "mm": "m",
    "mmm": "m",
    "mhm": "mhm",
    "mm hmm": "mhm",
    "hm": "hm",
    "hmm": "hm",
}
"""How each is hummed: murmurs, a closed throat, a breath through the nose."""
LENGTHS_MS = {MURMUR: (120, 260), CLOSURE: (40, 80), BREATH: (50, 100)}
ALONE_MS = (220, 420)
"""A murmur that is everything, milliseconds."""
LOW_HZ, HIGH_HZ = (90.0, 135.0), (170.0, 240.0)
"""Pitch of men and women."""


def hum(text: str, voice: str) -> Samples:
    """One of ``HUMS``; the same for the same voice, a name of espeak-ng's such as ``ru+f3``."""
    dice = np.random.default_rng(crc32(f"{text} {voice}".encode()))
    parts = HUMS[text]
    lengths = [dice.uniform(*(ALONE_MS if parts == MURMUR else LENGTHS_MS[part])) for part in parts]
    sizes = [int(length * RATE / 1000) for length in lengths]
    pitch = _pitch(sum(sizes), voice, dice)
    murmur, breath = _murmur(pitch), _breath(pitch.size, dice)
    strength = {MURMUR: (1.0, 0.0), CLOSURE: (0.02, 0.0), BREATH: (0.15, 0.25)}
    loud = np.array([strength[part] for part in parts]).repeat(sizes, axis=0)
    smooth = np.hanning(RATE // 50) / np.hanning(RATE // 50).sum()
    voiced, breathy = (np.convolve(row, smooth, "same") for row in loud.T)
    return np.asarray(murmur * voiced + breath * breathy)


def _pitch(size: int, voice: str, dice: np.random.Generator) -> Samples:
    """Falls a little, then rises."""
    woman = voice.partition("+")[2][:1] in ("f", "A", "l", "s")
    base = dice.uniform(*(HIGH_HZ if woman else LOW_HZ))
    end = dice.uniform(0.9, 1.35)
    return np.asarray(base * np.interp(np.arange(size), (0, size / 2, size), (1.05, 0.95, end)))


def _murmur(pitch: Samples) -> Samples:
    turns = np.cumsum(pitch) / RATE
    out = np.zeros(pitch.size)
    for harmonic in range(1, int(3600 / pitch.min())):
        hz = pitch * harmonic
        out += np.where(hz < 3600, _through_the_nose(hz) / harmonic, 0.0) * np.sin(2 * np.pi * harmonic * turns)
    return np.asarray(out / np.sqrt(np.mean(out**2)))


def _breath(size: int, dice: np.random.Generator) -> Samples:
    spectrum = np.fft.rfft(dice.standard_normal(size))
    noise = np.fft.irfft(
        spectrum * np.sqrt(_through_the_nose(np.asarray(np.fft.rfftfreq(size, 1 / RATE), np.float64))), size
    )
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _through_the_nose(hz: Samples) -> Samples:
    passed = sum(much / (1.0 + ((hz - centre) / width) ** 2) for centre, width, much in RESONANCES)
    return np.asarray(passed * (1.0 - 0.8 / (1.0 + ((hz - HOLE[0]) / HOLE[1]) ** 2)))
