"""The waveform of a stereo recording."""

import wave
from typing import BinaryIO

import numpy as np

from audio.frame import SAMPLE_BYTES

FULL = 32768.0
"""Full scale of PCM16."""
SOFTEST_DB = -48.0
"""Drawn as nothing, dB of full scale."""


def peaks(file: BinaryIO, columns: int) -> dict[str, object]:
    """Loudness of each side in ``columns`` equal stretches, 0 to 255 on a scale of decibels, and the length in ms.

    A recording that is shorter than ``columns`` samples has fewer. Blocks on the disk: call it from a thread.
    Raises ``ValueError`` for what is no recording, or not yet, and ``OSError``.
    """
    try:
        with wave.open(file, "rb") as wav:
            return _peaks(wav, columns)
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{error or 'cut short'}") from None


def _peaks(wav: wave.Wave_read, columns: int) -> dict[str, object]:
    rate, frames = wav.getframerate(), wav.getnframes()
    columns = max(1, min(columns, frames))
    caller, agent = [], []
    for column in range(columns):
        count = (column + 1) * frames // columns - column * frames // columns
        pcm = wav.readframes(count)
        pairs = np.frombuffer(pcm[: len(pcm) // (2 * SAMPLE_BYTES) * 2 * SAMPLE_BYTES], dtype="<i2").reshape(-1, 2)
        loudest = np.abs(pairs.astype(np.int32)).max(axis=0) if len(pairs) else np.zeros(2)
        caller.append(_height(float(loudest[0])))
        agent.append(_height(float(loudest[1])))
    return {"caller": caller, "agent": agent, "length_ms": frames * 1000 // rate}


def _height(sample: float) -> int:
    if sample <= 0:
        return 0
    decibels = 20 * np.log10(sample / FULL)
    return int(max(0.0, 1 - decibels / SOFTEST_DB) * 255)
