"""A language of tones, so that a server of the tests hears what it really received: a word is a pitch."""

from dataclasses import dataclass

import numpy as np

from audio.level import silence, tone

WORDS: tuple[str, ...] = ("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять")
WORDS += ("десять", "да", "нет", "сколько", "стоит", "доставка", "пресс", "гарантия")
LOWEST_HZ, STEP_HZ = 500, 150
"""Pitch of the first word and how far the others are apart, Hz; the highest is below what 8 kHz carry."""
TONE_MS, GAP_MS = 160, 120
_BLOCK_MS = 10
_LOUD = 1000
"""Amplitude of a block that is not silence."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A word that was heard."""

    text: str
    start_ms: int
    end_ms: int


def say(text: str, rate: int = 8000) -> bytes:
    """The words as PCM16."""
    pieces = [tone(LOWEST_HZ + STEP_HZ * WORDS.index(word), TONE_MS, rate, -15) for word in text.split()]
    gap = silence(GAP_MS * rate // 1000)
    return b"".join(gap + piece for piece in pieces) + gap


def hear(pcm: bytes, rate: int) -> list[Tone]:
    """The words that are in it; half a word counts when it is longer than a third of one."""
    block = _BLOCK_MS * rate // 1000
    samples = np.frombuffer(pcm[: len(pcm) // (2 * block) * 2 * block], np.int16).astype(np.float64)
    loud = np.abs(samples.reshape(-1, block)).max(axis=1) > _LOUD
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(np.int8), [0]))))
    found = []
    for start, end in edges.reshape(-1, 2):
        if (end - start) * _BLOCK_MS >= TONE_MS / 3:
            pitch = _pitch(samples[start * block : end * block], rate)
            number = round((pitch - LOWEST_HZ) / STEP_HZ)
            if 0 <= number < len(WORDS):
                found.append(Tone(WORDS[number], int(start) * _BLOCK_MS, int(end) * _BLOCK_MS))
    return found


def _pitch(samples: "np.typing.NDArray[np.float64]", rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8192))
    return float(spectrum.argmax()) * rate / 8192
