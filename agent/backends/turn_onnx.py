"""Has the caller finished, by the sound: an ONNX model in smart-turn's style, given by path; extra ``turn-model``.

What the model is fed follows from the shape of its one input, both 16 kHz with the newest sample last:

* ``[1, 80, frames]``: Whisper's log-mel features of ``frames`` / 100 seconds (8 s where the model leaves it open), as
  smart-turn v3 was trained with them: zeros before what is too short, the whole brought to mean 0 and variance 1;
* ``[1, samples]``: the samples themselves, full scale = 1 (8 s where the model leaves it open).

Its one output is the probability that the turn is over (smart-turn v3 names it ``logits``, the sigmoid is inside).
Sources: A. Radford et al., "Robust speech recognition via large-scale weak supervision", 2022, 2.2 (features);
M. Slaney, "Auditory toolbox", 1998 (mel scale); pipecat-ai/smart-turn (input, padding, normalisation).
"""

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.errors import HearingError, StartError
from audio.resample import resample

RATE = 16_000
"""What such models hear, Hz."""
SECONDS = 8
"""How far back a model looks that does not say, seconds."""
BANDS = 80
"""Mel bands."""
WINDOW, HOP = 400, 160
"""Samples of a frame and between two frames: 25 and 10 ms."""

_MISSING = (
    "an end-of-turn model needs the package onnxruntime: run `.venv/bin/pip install -c constraints.txt onnxruntime`, "
    "or take [turns] model out of the settings"
)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model wants."""

    samples: int
    """Length of the audio, samples at ``RATE``."""
    features: bool
    """Log-mel features, or the samples themselves."""

    def input(self, pcm: bytes, rate: int) -> Floats:
        """The model's input from PCM16 mono at ``rate`` Hz."""
        audio = window(pcm, rate, self.samples)
        return log_mel(audio)[None] if self.features else audio[None]


class OnnxTurnModel:
    """One model for all calls, on one thread beside the event loop."""

    def __init__(self, path: Path) -> None:
        """Load the model and try it on silence; raises ``StartError``."""
        try:
            runtime = importlib.import_module("onnxruntime")
        except ImportError:
            raise StartError(_MISSING) from None
        self._faults = _faults(runtime)
        try:
            self._session = _session(runtime, path)
            self._shape = _shape(self._session, path)
            self._input = self._session.get_inputs()[0].name
            tried = self._run(self._shape.input(b"", RATE))
        except self._faults as error:
            raise StartError(
                f"{path}: can't be used as an end-of-turn model ({type(error).__name__}): set [turns] model to a whole "
                "ONNX file in smart-turn's style, or take it out"
            ) from None
        if tried.size != 1:
            raise StartError(
                f"{path}: gives {tried.size} values where an end-of-turn model gives one probability: set [turns] "
                "model to one in smart-turn's style (v3), or take it out"
            )
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="turns")

    @classmethod
    async def load(cls, path: Path) -> "OnnxTurnModel":
        """The same off the event loop."""
        return await asyncio.to_thread(cls, path)

    async def ended(self, pcm: bytes, rate: int) -> float:
        """Probability, 0 to 1, that the turn is over after ``pcm``: PCM16 mono at ``rate`` Hz, newest sample last.

        More than the model looks back is cut off, what is missing is silence. Raises ``HearingError``.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._judge, pcm, rate)
        except self._faults as error:
            raise HearingError(f"the end-of-turn model failed: {type(error).__name__}") from None

    async def close(self) -> None:
        """End the thread; a judgement in work is finished first."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _judge(self, pcm: bytes, rate: int) -> float:
        probability = float(self._run(self._shape.input(pcm, rate)).item())
        if not 0.0 <= probability <= 1.0:  # false for NaN, too
            raise ValueError("no probability")
        return probability

    def _run(self, given: Floats) -> NDArray[Any]:
        return np.asarray(self._session.run(None, {self._input: given})[0])


def window(pcm: bytes, rate: int, samples: int) -> Floats:
    """The last ``samples`` at ``RATE`` of PCM16 mono at ``rate`` Hz, full scale = 1; too short: silence before it."""
    recent = pcm[: len(pcm) // 2 * 2][-2 * -(-samples * rate // RATE) :]
    heard = np.frombuffer(resample(recent, rate, RATE), dtype="<i2")[-samples:]
    audio = np.zeros(samples, dtype=np.float32)
    if heard.size:
        audio[-heard.size :] = heard
        audio /= 32768.0
    return audio


def log_mel(audio: Floats) -> Floats:
    """Whisper's features of whole hops of audio at ``RATE``: ``BANDS`` rows, a column each 10 ms, about -1 to 1.5."""
    level = (audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)
    around = np.pad(level, WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(around, WINDOW)[::HOP][: audio.size // HOP]
    spectrum = np.fft.rfft(frames * _hann(), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).T
    # not one matrix product: numpy would wake as many threads as there are cores, which are busy with calls
    sums = [np.einsum("b,bf->f", weights, power[first : first + weights.size]) for first, weights in _mel_filters()]
    bands = np.log10(np.maximum(sums, 1e-10))
    return np.asarray((np.maximum(bands, bands.max() - 8.0) + 4.0) / 4.0, dtype=np.float32)


@cache
def _hann() -> Floats:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@cache
def _mel_filters() -> list[tuple[int, Floats]]:
    """Triangles of equal area between ``BANDS`` + 2 places that lie evenly on the mel scale, 0 to 8 kHz.

    For each band the first bin of the spectrum that counts, and the weights from there on.
    """
    edges = _hertz(np.linspace(0.0, _MEL_TOP, BANDS + 2))
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE)
    filters = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        triangle = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)) * 2.0 / (high - low)
        inside = np.flatnonzero(triangle > 0.0)
        filters.append((int(inside[0]), triangle[inside].astype(np.float32)))
    return filters


_KNEE_HZ, _KNEE_MEL = 1000.0, 15.0
"""Below it a mel is 66.7 Hz; above it 27 mels make a factor of 6.4 (Slaney)."""
_MEL_TOP = _KNEE_MEL + 27.0 * float(np.log(RATE / 2 / _KNEE_HZ) / np.log(6.4))


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _KNEE_HZ * np.power(6.4, (mels - _KNEE_MEL) / 27.0)
    return np.where(mels < _KNEE_MEL, mels * _KNEE_HZ / _KNEE_MEL, above)


def _session(runtime: Any, path: Path) -> Any:
    """One thread: the cores belong to the calls; it must not spin while nobody asks."""
    if not path.is_file():
        raise StartError(f"{path}: there is no such file: set [turns] model to an end-of-turn model, or take it out")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    return runtime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])


def _shape(session: Any, path: Path) -> Shape:
    given = session.get_inputs()
    if len(given) == 1 and given[0].type == "tensor(float)":
        sizes = [size if isinstance(size, int) else None for size in given[0].shape]
        match sizes:
            case [None | 1, 80 | None, frames]:
                return Shape((frames or SECONDS * RATE // HOP) * HOP, features=True)
            case [None | 1, samples]:
                return Shape(samples or SECONDS * RATE, features=False)
    found = ", ".join(f"{one.name} {one.shape} {one.type}" for one in given)
    raise StartError(
        f"{path}: its input is {found}, want one float input [1, 80, frames] or [1, samples]: set [turns] model to an "
        "end-of-turn model in smart-turn's style, or take it out"
    )


def _faults(runtime: Any) -> tuple[type[Exception], ...]:
    """What onnxruntime raises: a dozen classes that share no base but Exception."""
    state = runtime.capi.onnxruntime_pybind11_state
    own = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return (RuntimeError, ValueError, *own)
