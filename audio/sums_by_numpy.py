"""Sums over a call's frames that are wanted all the time, for machines on which nothing was compiled.

``frame_sums.c`` gives the same numbers to the last bit, but for ``purity``: squares of samples are whole numbers that
a double holds, so their sums are the same in any order.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from audio.frame import SAMPLE_BYTES

Doubles = NDArray[np.float64]

SPAN = 16
"""Frames of both sides that ``weigh_delays`` takes."""

_PCM = np.dtype("<i2")
_LOWEST, _HIGHEST = np.array(-32768.0, np.float32), np.array(32767.0, np.float32)


def squares(pcm: bytes, size: int) -> list[float]:
    """Sum of the squares of the samples of each ``size`` bytes of PCM16."""
    exact = np.frombuffer(pcm, _PCM).reshape(-1, size // SAMPLE_BYTES).astype(np.float64)
    sums: list[float] = np.einsum("ij,ij->i", exact, exact).tolist()
    return sums


def amplified(pcm: bytes, gain: float) -> bytes:
    """PCM16 mono, louder by a factor, clipped."""
    loud = np.frombuffer(pcm, _PCM).astype(np.float32)
    loud *= np.float32(gain)
    np.minimum(loud, _HIGHEST, out=loud)
    np.maximum(loud, _LOWEST, out=loud)
    return loud.astype(_PCM).tobytes()


def turns_of(samples: int) -> Doubles:
    """What ``purity`` wants to know of the frequencies of so many samples: 2 cos of the angle of one sample."""
    return np.asarray(2.0 * np.cos(2.0 * np.pi * np.arange(samples // 2 + 1) / samples))


def purity(pcm: bytes, begin: int, window: Doubles, turns: Doubles, wanted: Doubles) -> float:
    """Part of the power within two steps of the strongest frequency, for the samples from byte ``begin`` on.

    ``window``: one factor for each sample. ``turns``: ``turns_of`` their number. ``wanted``: for each frequency 1, or 0
    where nothing is to be told of it. Rounded, to some 1e-6.
    """
    spectrum = np.fft.rfft(np.frombuffer(pcm, _PCM, window.size, begin) * window)
    power = spectrum.real * spectrum.real + spectrum.imag * spectrum.imag
    strongest = int(power.argmax())
    peak, total = min(max(strongest, 2), turns.size - 3), float(power.sum())
    return float(wanted[strongest] * power[peak - 2 : peak + 3].sum()) / total if total > 0.0 else 0.0


def weigh_delays(
    far: bytes, near: bytes, played: Doubles, sums: Doubles, limits: tuple[float, float, float]
) -> tuple[float, float]:
    """For each delay of an echo, add what was played so long before quiet near frames, and before loud ones.

    ``far`` and ``near`` are ``SPAN`` frames. ``played`` holds the squares of the frames before these, and of these;
    ``sums`` two rows, quiet and loud, a column for each delay. ``limits``: squares of the softest loud frame; the least
    that counts as heard in a quiet one; what is left of the sums before. Gives what was heard in the quiet near frames,
    squares, and the least of the quiet sums, -1 where the loud one is more at some delay.
    """
    least, hush, keeps = limits
    quiet, loud = sums
    size, heard = len(near) // SPAN, np.array(squares(near, len(near) // SPAN))
    played[: quiet.size - 1] = played[SPAN:]
    played[quiet.size - 1 :] = squares(far, size)
    still, delayed = heard < least, sliding_window_view(played, SPAN)
    sums *= keeps
    quiet += delayed @ still.astype(np.float64)
    loud += delayed @ (~still).astype(np.float64)
    proof = -1.0 if bool((loud > quiet).any()) else float(quiet.min())
    return float(np.maximum(heard[still], hush).sum()), proof
