"""Silero's voice detector for 8 kHz, computed with numpy: 32 ms of sound in, how much it sounds like a voice out.

The network is Silero VAD 6.2 (Silero Team, MIT; see ``audio/models/silero-vad-8k/README.md``): a short Fourier
transform, four convolutions and one LSTM cell, 360,000 multiplications in all. So small a thing is cheaper in ten
matrix products than behind a runtime for neural networks, and nothing has to be installed for it. Where `make compile`
made machine code of ``neural.c``, that does the same in a quarter of the time.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from math import exp
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

RATE = 8000
"""Samples per second that the network knows."""
STEP = 256
"""New samples that one ``Voice.hear`` takes, 32 ms."""
CONTEXT = 32
"""Samples before them that it sees again."""
MOST = 16
"""Sounds that are heard in one go; more of them go in turns."""

WEIGHTS = Path(__file__).parent / "models" / "silero-vad-8k" / "weights.npz"

_BINS = 65
_CELLS = 128
_SEEN = CONTEXT + STEP
_NOTHING, _HALF, _ONE = (np.array(value, np.float32) for value in (0.0, 0.5, 1.0))

Floats = NDArray[np.float32]
Hear = Callable[[Floats, list[Floats], list[Floats], list[float]], list[float]]
"""The network in ``neural.c``: weights, what is heard, memories, scales -> probabilities of up to ``MOST`` steps."""


def _machine_code() -> Hear | None:
    """What was made of ``neural.c``, where it was."""
    try:
        from audio.neural_steps import hear  # noqa: PLC0415 - it need not be there
    except ImportError:
        return None
    return hear


_MADE = _machine_code()


@cache
def _weights() -> dict[str, Floats]:
    """The network's numbers, loaded once a process; raises ``FileNotFoundError`` where the file is missing."""
    if not WEIGHTS.is_file():
        raise FileNotFoundError(f"the speech detector's network is missing: {WEIGHTS}; install Allo again")
    with np.load(WEIGHTS) as stored:
        return {name: np.ascontiguousarray(stored[name], dtype=np.float32) for name in stored.files}


PANEL = 64
"""Outputs that ``neural.c`` sums side by side."""


@cache
def laid_out() -> Floats:
    """The network's numbers in the order in which ``neural.c`` reads them."""
    known = _weights()
    fourier = np.delete(known["fourier"], (_BINS, 2 * _BINS - 1), axis=1)  # no imaginary part: the sine of 0 and of pi
    matrices = (fourier, *(known[name] for name in ("conv0", "conv1", "conv2", "conv3")), known["gates"].T)
    panels = [rows.reshape(len(rows), -1, PANEL).swapaxes(0, 1).ravel() for rows in matrices]
    names = ("bias0", "bias1", "bias2", "bias3", "gate_bias", "score", "score_bias")
    return np.concatenate([*panels, *(known[name].ravel() for name in names)])


def load() -> None:
    """Read the network now, so that a broken installation shows at the start; raises ``FileNotFoundError``."""
    _weights()


class _Bench:
    """Where the numbers between the network's layers lie, a row for each sound that is heard in one go.

    All the voices of a thread work at the same one: a step finds it in the processor's cache, which it would not with
    one for each call.
    """

    def __init__(self) -> None:
        self.padded = np.zeros((MOST, _SEEN + 32), np.float32)
        self.windows = as_strided(self.padded, (MOST, 4, 128), (4 * (_SEEN + 32), 256, 4))
        self.spectrum = np.zeros((MOST, 4, 2 * _BINS), np.float32)
        bins = np.zeros((MOST, 6, _BINS), np.float32)
        self.magnitudes = bins[:, 1:5]
        self.bins = as_strided(bins, (MOST, 4, 3 * _BINS), (24 * _BINS, 4 * _BINS, 4))
        first = np.zeros((MOST, 5, 128), np.float32)
        self.first, self.pairs = first[:, 1:], as_strided(first, (MOST, 2, 1, 384), (2560, 1024, 4, 4))
        self.second = np.zeros((MOST, 2, 1, 64), np.float32)
        self.third = np.zeros((MOST, 1, 64), np.float32)
        self.state = np.zeros((MOST, 3 * _CELLS), np.float32)
        """What the cell sees (this step's features, then its own last output), and what it holds."""
        self.gates = np.zeros((MOST, 4 * _CELLS), np.float32)
        self.rows = tuple(_Rows(self, count) for count in range(1, MOST + 1))


class _Rows:
    """The first rows of a bench: made once, since a view costs as much as a product with a vector."""

    def __init__(self, bench: _Bench, count: int) -> None:
        self.padded = bench.padded[:count]
        self.sound, self.edge = self.padded[:, :_SEEN], self.padded[:, _SEEN:]
        self.mirror = self.padded[:, _SEEN - 2 : STEP - 2 : -1]
        self.windows, self.spectrum = bench.windows[:count], bench.spectrum[:count]
        self.real, self.imaginary = self.spectrum[:, :, :_BINS], self.spectrum[:, :, _BINS:]
        self.magnitudes, self.bins = bench.magnitudes[:count], bench.bins[:count]
        self.first, self.pairs, self.second = bench.first[:count], bench.pairs[:count], bench.second[:count]
        self.halves = self.second.reshape(count, 1, 128)
        self.third = bench.third[:count]
        state, gates = bench.state[:count], bench.gates[:count]
        self.features, self.seen = state[:, None, :_CELLS], state[:, : 2 * _CELLS, None]
        self.memories = [row[_CELLS:] for row in state]
        self.output, self.cell = state[:, _CELLS : 2 * _CELLS], state[:, 2 * _CELLS :]
        self.gates, self.products = gates, gates[:, :, None]
        self.enter, self.keep, self.new, self.leave = (gates[:, at : at + _CELLS] for at in range(0, 512, _CELLS))
        self.positive, self.scores = self.leave[:, None, :], np.zeros((count, 1, 1), np.float32)


_THREAD = threading.local()


def _bench() -> _Bench:
    if not hasattr(_THREAD, "bench"):
        _THREAD.bench = _Bench()
    bench: _Bench = _THREAD.bench
    return bench


class Voice:
    """The network's memory of one sound; ``forget`` begins the next. It belongs to the thread that made it."""

    def __init__(self) -> None:
        _weights()
        self.memory = np.zeros(2 * _CELLS, np.float32)
        """The cell's last output, and what it holds."""

    def forget(self) -> None:
        """Begin anew, as after silence."""
        self.memory.fill(0.0)

    def hear(self, samples: Floats) -> float:
        """Probability of a voice in ``samples``: ``CONTEXT`` earlier and ``STEP`` new ones between -1 and 1."""
        return hear_together((Step(self, samples),))[0]


@dataclass(slots=True)
class Step:
    """What one voice is to hear next."""

    voice: Voice
    samples: Floats
    """``CONTEXT`` earlier and ``STEP`` new ones."""
    scale: float = 1.0
    """They are multiplied by this, and cut off at -1 and 1."""


def hear_together(steps: Sequence[Step]) -> list[float]:
    """Probability of a voice in each of the ``steps``, which are of different voices.

    Each comes out the same to the last bit, whatever is heard beside it: every product is of one step's own numbers.
    Together they are cheaper, since the weights stay in the processor's cache from one to the next.
    """
    if len(steps) <= MOST:
        return _hear(steps) if steps else []
    left, heard = iter(steps), list[float]()
    while part := list(islice(left, MOST)):
        heard += _hear(part)
    return heard


def _hear(steps: Sequence[Step]) -> list[float]:
    if _MADE is None:
        return by_numpy(steps)
    sounds, memories = [step.samples for step in steps], [step.voice.memory for step in steps]
    return _MADE(laid_out(), sounds, memories, [step.scale for step in steps])


def by_numpy(steps: Sequence[Step]) -> list[float]:
    """``hear_together`` of up to ``MOST`` steps in matrix products."""
    weights, rows = _weights(), _bench().rows[len(steps) - 1]
    for step, sound, memory in zip(steps, rows.sound, rows.memories, strict=True):
        np.multiply(step.samples, step.scale, out=sound)
        memory[:] = step.voice.memory
    _look(weights, rows)
    scores = _remember(weights, rows)
    for step, memory in zip(steps, rows.memories, strict=True):
        step.voice.memory[:] = memory
    return [1.0 / (1.0 + exp(-score)) for score in scores]


def _look(weights: dict[str, Floats], rows: _Rows) -> None:
    """Fourier transform and convolutions: 288 samples become 128 features."""
    sound, spectrum, magnitudes = rows.sound, rows.spectrum, rows.magnitudes
    np.minimum(sound, _ONE, out=sound)
    np.maximum(sound, -_ONE, out=sound)
    rows.edge[:] = rows.mirror
    np.matmul(rows.windows, weights["fourier"], out=spectrum)
    np.multiply(spectrum, spectrum, out=spectrum)
    np.add(rows.real, rows.imaginary, out=magnitudes)
    np.sqrt(magnitudes, out=magnitudes)
    _layer(rows.bins, weights["conv0"], weights["bias0"], rows.first)
    _layer(rows.pairs, weights["conv1"], weights["bias1"], rows.second)  # a product with a vector each: quicker
    _layer(rows.halves, weights["conv2"], weights["bias2"], rows.third)
    _layer(rows.third, weights["conv3"], weights["bias3"], rows.features)


def _remember(weights: dict[str, Floats], rows: _Rows) -> list[float]:
    """One step of the LSTM; a sigmoid is ``(1 + tanh(x / 2)) / 2`` here, and the inner half is in the weights."""
    gates, enter, keep, leave, cell, output = rows.gates, rows.enter, rows.keep, rows.leave, rows.cell, rows.output
    np.matmul(weights["gates"], rows.seen, out=rows.products)
    gates += weights["gate_bias"]
    np.tanh(gates, out=gates)
    enter += _ONE
    keep += _ONE
    leave += _ONE
    cell *= keep
    enter *= rows.new
    cell += enter
    cell *= _HALF
    np.tanh(cell, out=output)
    leave *= _HALF
    output *= leave
    np.maximum(output, _NOTHING, out=leave)
    np.matmul(rows.positive, weights["score"][:, None], out=rows.scores)
    scores: list[float] = rows.scores.ravel().tolist()
    return [score + float(weights["score_bias"][0]) for score in scores]


def _layer(seen: Floats, weights: Floats, bias: Floats, out: Floats) -> None:
    np.matmul(seen, weights, out=out)
    np.add(out, bias, out=out)
    np.maximum(out, _NOTHING, out=out)
