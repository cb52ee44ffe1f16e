"""Silero's voice detector for 8 kHz, computed with numpy: 32 ms of sound in, how much it sounds like a voice out.

The network is Silero VAD 6.2 (Silero Team, MIT; see ``audio/models/silero-vad-8k/README.md``): a short Fourier
transform, four convolutions and one LSTM cell, 360,000 multiplications in all. So small a thing is cheaper in ten
matrix products than behind a runtime for neural networks, and nothing has to be installed for it.
"""

import threading
from functools import cache
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

WEIGHTS = Path(__file__).parent / "models" / "silero-vad-8k" / "weights.npz"

_BINS = 65
_CELLS = 128

Floats = NDArray[np.float32]


@cache
def _weights() -> dict[str, Floats]:
    """The network's numbers, loaded once a process; raises ``FileNotFoundError`` where the file is missing."""
    if not WEIGHTS.is_file():
        raise FileNotFoundError(f"the speech detector's network is missing: {WEIGHTS}; install Allo again")
    with np.load(WEIGHTS) as stored:
        return {name: np.ascontiguousarray(stored[name], dtype=np.float32) for name in stored.files}


def load() -> None:
    """Read the network now, so that a broken installation shows at the start; raises ``FileNotFoundError``."""
    _weights()


class _Bench:
    """Where the numbers between the network's layers lie. All the voices of a thread work at the same one: a step
    finds it in the processor's cache, which it would not with one for each call.
    """

    def __init__(self) -> None:
        self.padded = np.zeros(CONTEXT + STEP + 32, np.float32)
        self.windows = as_strided(self.padded, (4, 128), (256, 4))
        self.spectrum = np.zeros((4, 2 * _BINS), np.float32)
        bins = np.zeros((6, _BINS), np.float32)
        self.magnitudes, self.bins = bins[1:5], as_strided(bins, (4, 3 * _BINS), (4 * _BINS, 4))
        first = np.zeros((5, 128), np.float32)
        self.first, pairs = first[1:], as_strided(first, (2, 384), (1024, 4))
        second = np.zeros((2, 64), np.float32)
        self.second = second.reshape(128)
        self.halves = (pairs[0], second[0]), (pairs[1], second[1])
        self.third = np.zeros(64, np.float32)
        self.gates = np.zeros(4 * _CELLS, np.float32)


_THREAD = threading.local()


def _bench() -> _Bench:
    if not hasattr(_THREAD, "bench"):
        _THREAD.bench = _Bench()
    bench: _Bench = _THREAD.bench
    return bench


class Voice:
    """The network with the memory of one sound; ``forget`` begins the next. It belongs to the thread that made it."""

    def __init__(self) -> None:
        self._w, self._bench = _weights(), _bench()
        self._seen = np.zeros(2 * _CELLS, np.float32)
        """What the cell sees: this step's features, then its own last output."""
        self._cell = np.zeros(_CELLS, np.float32)

    def forget(self) -> None:
        """Begin anew, as after silence."""
        self._seen.fill(0.0)
        self._cell.fill(0.0)

    def hear(self, samples: Floats) -> float:
        """Probability of a voice in ``samples``: ``CONTEXT`` earlier and ``STEP`` new ones between -1 and 1."""
        self._look(samples)
        return self._remember()

    def _look(self, samples: Floats) -> None:
        """Fourier transform and convolutions: 288 samples become 128 features."""
        weights, bench = self._w, self._bench
        padded, spectrum, magnitudes = bench.padded, bench.spectrum, bench.magnitudes
        padded[: CONTEXT + STEP] = samples
        padded[CONTEXT + STEP :] = padded[CONTEXT + STEP - 2 : STEP - 2 : -1]
        np.matmul(bench.windows, weights["fourier"], out=spectrum)
        np.multiply(spectrum, spectrum, out=spectrum)
        np.add(spectrum[:, :_BINS], spectrum[:, _BINS:], out=magnitudes)
        np.sqrt(magnitudes, out=magnitudes)
        _layer(bench.bins, weights["conv0"], weights["bias0"], bench.first)
        for seen, out in bench.halves:  # two products with a vector are quicker than one with two rows
            _layer(seen, weights["conv1"], weights["bias1"], out)
        _layer(bench.second, weights["conv2"], weights["bias2"], bench.third)
        _layer(bench.third, weights["conv3"], weights["bias3"], self._seen[:_CELLS])

    def _remember(self) -> float:
        """One step of the LSTM; a sigmoid is ``(1 + tanh(x / 2)) / 2`` here, and the inner half is in the weights."""
        gates, cell, output = self._bench.gates, self._cell, self._seen[_CELLS:]
        np.dot(self._w["gates"], self._seen, out=gates)
        gates += self._w["gate_bias"]
        np.tanh(gates, out=gates)
        enter, keep, new, leave = gates[:128], gates[128:256], gates[256:384], gates[384:]
        enter += 1.0
        keep += 1.0
        leave += 1.0
        cell *= keep
        enter *= new
        cell += enter
        cell *= 0.5
        np.tanh(cell, out=output)
        leave *= 0.5
        output *= leave
        score = float(np.maximum(output, 0.0, out=leave).dot(self._w["score"])) + float(self._w["score_bias"][0])
        return 1.0 / (1.0 + exp(-score))


def _layer(seen: Floats, weights: Floats, bias: Floats, out: Floats) -> None:
    np.matmul(seen, weights, out=out)
    np.add(out, bias, out=out)
    np.maximum(out, 0.0, out=out)
