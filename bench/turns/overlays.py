"""Sounds that nobody says: those of ``bench.ear_sounds`` and a few more of an office, cut to what is audible."""

import numpy as np

from bench import ear_sounds
from bench.ear_sounds import RATE, Make, Samples, at_level, pink
from bench.turns.voices import trimmed

LOUD = (-34.0, -14.0)
"""Loudest 100 ms, dBFS."""


def door(dice: np.random.Generator) -> Samples:
    """A door falls shut: a low blow, its rattle, the room."""
    time = np.arange(int(0.7 * RATE)) / RATE
    blow = sum(
        np.sin(2 * np.pi * hz * time + dice.uniform(0, 6)) * np.exp(-time / 0.07) for hz in dice.uniform(55, 180, 4)
    )
    rattle = pink(time.size, dice) * np.exp(-time / dice.uniform(0.05, 0.15)) * 1.5
    latch = np.roll(dice.standard_normal(time.size) * np.exp(-time / 0.006), int(dice.uniform(0.03, 0.09) * RATE))
    return np.asarray(blow + rattle + latch)


def sigh(dice: np.random.Generator) -> Samples:
    """A long breath out, straight into the microphone."""
    size = int(dice.uniform(0.8, 1.6) * RATE)
    shape = np.interp(np.arange(size), (0, size // 5, size), (0.0, 1.0, 0.0)) ** 1.5
    return np.asarray(pink(size, dice) * shape)


def line(dice: np.random.Generator) -> Samples:
    """Two seconds of a steady hiss or hum that a bad line puts in."""
    time = np.arange(2 * RATE) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 6))
    return np.asarray(hum * dice.uniform(0, 0.5) + dice.standard_normal(time.size))


def ring(dice: np.random.Generator) -> Samples:
    """Another telephone rings in the room."""
    time = np.arange(int(1.2 * RATE)) / RATE
    low, high = dice.uniform(400, 700), dice.uniform(900, 1400)
    return np.asarray(
        (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)) * (np.sin(2 * np.pi * 20 * time) > 0)
    )


NOISES: dict[str, Make] = {**ear_sounds.NOISES, **{make.__name__: make for make in (door, sigh, line, ring)}}
"""By name."""


def noise(name: str, dice: np.random.Generator) -> Samples:
    """One of ``NOISES``, somewhere between soft and loud."""
    return trimmed(at_level(NOISES[name](dice), float(dice.uniform(*LOUD))))
