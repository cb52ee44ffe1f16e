"""Every voice equally loud, pieces of speech joined without a click; however the input is cut, the output is the same.

Loudness is the RMS of the 20 ms blocks in which somebody speaks (``active_level``), as dBFS. It is measured while the
speech goes by: what is known of a voice beforehand decides its first blocks, and the gain then moves slowly.
"""

import math

import numpy as np
from numpy.typing import NDArray

from audio.frame import SAMPLE_BYTES
from audio.level import FULL_SCALE, SILENCE_DBFS

TARGET_DBFS = -19.0
"""Level to which speech is brought, RMS of its active blocks."""
CROSSFADE = 256
"""Samples in which one piece of speech fades into the next."""

_BLOCK_MS = 20
_SPEECH_DBFS = -50.0
"""Blocks below this are never speech."""
_BELOW_PEAK_DB = 30.0
"""And none that is this much quieter than the loudest one."""
_FIRST_BLOCKS = 10
"""Active blocks that are looked at before anything is given out of a voice that is not known yet: 200 ms."""
_PRIOR_BLOCKS = 100
"""What is known of a voice counts like so many of its blocks, one less with each that is heard: 2 s."""
_MOST_DB = 24.0
"""Largest gain, up or down."""
_STEP_DB = 0.1
"""How much the gain moves from one block to the next: 5 dB a second."""
_KNEE = 0.7
"""Above this, full scale = 1, peaks are bent softly; nothing is clipped."""

_PCM = np.dtype("<i2")
_Samples = NDArray[np.float32]


def active_level(pcm: bytes, rate: int) -> float:
    """RMS of the 20 ms blocks of PCM16 mono within 30 dB of the loudest, dBFS; ``SILENCE_DBFS`` without speech."""
    meter = _Meter()
    size = rate * _BLOCK_MS // 1000
    samples = np.frombuffer(pcm, dtype=_PCM, count=len(pcm) // SAMPLE_BYTES // size * size).astype(np.float32)
    for energy in sorted(
        _energies(samples, size), reverse=True
    ):  # the loudest first, so that the gate is right at once
        meter.add(energy)
    return meter.level


class _Meter:
    """Mean energy of the active blocks so far, full scale = 1."""

    def __init__(self, known_dbfs: float = SILENCE_DBFS, weight: int = 0) -> None:
        """``known_dbfs`` counts like ``weight`` blocks of that level."""
        self._weight = weight
        self._known = _power(known_dbfs)
        self._sum = 0.0
        self._gate = _power(_SPEECH_DBFS)
        self.active = 0
        """Blocks of speech heard."""

    def add(self, energy: float) -> None:
        """One block."""
        self._gate = max(self._gate, energy * _power(-_BELOW_PEAK_DB))
        if energy >= self._gate:
            self._sum += energy
            self.active += 1

    @property
    def level(self) -> float:
        """dBFS; what was known beforehand counts the less the more was heard."""
        weight = max(0, self._weight - self.active)
        count, total = weight + self.active, weight * self._known + self._sum
        return 10.0 * math.log10(total / count) if count and total else SILENCE_DBFS


class Leveller:
    """One stream of speech brought to ``TARGET_DBFS``: PCM16 mono in, PCM16 mono out.

    ``known_dbfs``: the level of this voice as measured before. Without it the first 200 ms of speech are held back
    until they are complete or the stream ends.
    """

    def __init__(self, rate: int, known_dbfs: float | None = None) -> None:
        self._size = rate * _BLOCK_MS // 1000
        self._meter = _Meter() if known_dbfs is None else _Meter(known_dbfs, _PRIOR_BLOCKS)
        self._heard = _Meter()
        self._known = known_dbfs is not None
        self._gain: float | None = None
        """Gain at the end of the last block, dB."""
        self._held = bytearray()

    @property
    def heard_ms(self) -> int:
        """Speech measured so far, milliseconds."""
        return self._heard.active * _BLOCK_MS

    @property
    def heard_dbfs(self) -> float:
        """Level of the speech that was put in so far."""
        return self._heard.level

    def push(self, pcm: bytes) -> bytes:
        """Take any number of bytes; return what is ready, maybe nothing."""
        self._held += pcm
        if not self._known and not self._settle(_FIRST_BLOCKS):
            return b""
        return self._give(self._whole)

    def flush(self) -> bytes:
        """The stream has ended: return the rest."""
        if not self._known:
            self._settle(1)
        out = self._give(self._whole)
        rest = np.frombuffer(bytes(self._held), dtype=_PCM, count=len(self._held) // SAMPLE_BYTES).astype(np.float32)
        self._held.clear()
        return out + _pcm(rest * _amplitude(self._gain or 0.0))

    @property
    def _whole(self) -> int:
        """Bytes of the whole blocks that are held."""
        size = self._size * SAMPLE_BYTES
        return len(self._held) // size * size

    def _settle(self, active: int) -> bool:
        """Learn a voice by its first ten active blocks; False while fewer than ``active`` of them are held."""
        meter = _Meter()
        for energy in self._measure(self._whole):
            meter.add(energy)
            if meter.active >= _FIRST_BLOCKS:
                break
        self._known = meter.active >= active
        if self._known:
            self._meter = _Meter(meter.level, _FIRST_BLOCKS)
        return self._known

    def _measure(self, whole: int) -> list[float]:
        return _energies(np.frombuffer(bytes(self._held[:whole]), dtype=_PCM).astype(np.float32), self._size)

    def _give(self, whole: int) -> bytes:
        if not whole:
            return b""
        samples = np.frombuffer(bytes(self._held[:whole]), dtype=_PCM).astype(np.float32)
        del self._held[:whole]
        gains = [self._gain if self._gain is not None else _gain(self._meter.level)]
        for energy in _energies(samples, self._size):
            self._meter.add(energy)
            self._heard.add(energy)
            wanted = _gain(self._meter.level) if self._meter.level > SILENCE_DBFS else gains[-1]
            gains.append(gains[-1] + min(max(wanted - gains[-1], -_STEP_DB), _STEP_DB))
        self._gain = gains[-1]
        return _pcm(samples * _ramps(gains, self._size))


class Joiner:
    """Pieces of speech, PCM16 mono, each faded into the next over ``CROSSFADE`` samples; one stream.

    A piece may come in any number of parts; ``cut`` tells where one ends.
    """

    def __init__(self) -> None:
        self._tail = b""
        """End of what came, held back: the next piece may begin in it."""
        self._next: bytearray | None = None
        """Begin of the next piece, until there is enough to be mixed."""

    def push(self, pcm: bytes) -> bytes:
        """Whole samples of the present piece; returns what is ready."""
        if self._next is None:
            return self._pass(pcm)
        self._next += pcm
        return self._mix() if len(self._next) >= len(self._tail) else b""

    def cut(self) -> bytes:
        """The present piece is complete; what comes now belongs to the next."""
        early = self._mix() if self._next is not None else b""
        self._next = bytearray()
        return early

    def flush(self) -> bytes:
        """The end: return the rest."""
        early = self._mix() if self._next is not None else b""
        rest, self._tail = early + self._tail, b""
        return rest

    def _pass(self, pcm: bytes) -> bytes:
        known = self._tail + pcm
        keep = min(len(known), CROSSFADE * SAMPLE_BYTES)
        self._tail = known[len(known) - keep :]
        return known[: len(known) - keep]

    def _mix(self) -> bytes:
        """Fade what is held into what came."""
        fresh, self._next = bytes(self._next or b""), None
        length = min(len(self._tail), len(fresh)) // SAMPLE_BYTES
        held = np.frombuffer(self._tail, dtype=_PCM).astype(np.float32)
        begin = np.frombuffer(fresh, dtype=_PCM, count=length).astype(np.float32)
        rise = (np.arange(length, dtype=np.float32) + 0.5) / max(length, 1)
        held[held.size - length :] *= 1.0 - rise
        held[held.size - length :] += begin * rise
        self._tail = b""
        return self._pass(np.rint(held).astype(_PCM).tobytes() + fresh[length * SAMPLE_BYTES :])


def _power(db: float) -> float:
    return float(10.0 ** (db / 10.0))


def _amplitude(db: float) -> float:
    return float(10.0 ** (db / 20.0))


def _gain(level: float) -> float:
    return min(max(TARGET_DBFS - level, -_MOST_DB), _MOST_DB) if level > SILENCE_DBFS else 0.0


def _energies(samples: _Samples, size: int) -> list[float]:
    """Mean square of each block, full scale = 1."""
    blocks = samples.reshape(-1, size) / np.float32(FULL_SCALE)
    return [float(energy) for energy in (blocks * blocks).mean(axis=1)]


def _ramps(gains: list[float], size: int) -> _Samples:
    """Factors of all samples: straight lines between the gains at the borders of the blocks."""
    ends = np.array([_amplitude(gain) for gain in gains], dtype=np.float32)
    along = (np.arange(size, dtype=np.float32) + np.float32(1)) / np.float32(size)
    factors: _Samples = ends[:-1, None] + (ends[1:] - ends[:-1])[:, None] * along
    return factors.reshape(-1)


def _pcm(samples: _Samples) -> bytes:
    """Peaks bent, then rounded."""
    full = samples / np.float32(FULL_SCALE)
    size = np.abs(full)
    if size.max(initial=0.0) > _KNEE:
        bent = np.float32(_KNEE) + np.float32(1 - _KNEE) * np.tanh((size - np.float32(_KNEE)) / np.float32(1 - _KNEE))
        full = np.where(size > _KNEE, np.sign(full) * bent, full)
    out: bytes = np.rint(full * np.float32(FULL_SCALE - 1)).astype(_PCM).tobytes()
    return out
