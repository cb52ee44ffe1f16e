"""Speech by Piper (VITS over onnxruntime): a natural voice on a CPU; extra ``piper`` and a pulled voice.

Piper makes whole sentences, so its first sound comes after the first sentence is made (some 0.1 of its
length on one core of a desktop). One worker thread, as the network itself uses the cores.
"""

import asyncio
import importlib
import json
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any

from agent.errors import StartError, VoiceError
from agent.ports import WordStart

VOLUME = 0.7
"""Peak of every sentence, full scale = 1: room for the filter that changes the rate."""

_MISSING = (
    "a Piper voice needs the package piper-tts: run `.venv/bin/pip install -c constraints.txt piper-tts`, "
    "or set [tts] engine = 'espeak'"
)


class Piper:
    """One Piper voice: ``NAME.onnx`` and ``NAME.onnx.json`` in a folder."""

    def __init__(self, model: Path) -> None:
        """Load ``model`` (the ``.onnx`` file or its folder; about a second); raises ``StartError``."""
        try:
            piper, runtime = importlib.import_module("piper"), importlib.import_module("onnxruntime")
        except ImportError:
            raise StartError(_MISSING) from None
        logging.getLogger("piper").setLevel(logging.INFO)  # its debug lines hold the text that is spoken
        path = _onnx_of(model)
        self._voice, self._rate = _load(piper, runtime, path)
        self._settings = piper.SynthesisConfig
        self._faults = _faults(runtime)
        self._name = path.stem
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="piper")

    @classmethod
    async def load(cls, model: Path) -> "Piper":
        """The same off the event loop."""
        return await asyncio.to_thread(cls, model)

    @property
    def name(self) -> str:
        """Engine and voice."""
        return f"piper {self._name}"

    @property
    def rate(self) -> int:
        """The voice's rate: 16,000 or 22,050 Hz."""
        return self._rate

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """Stream PCM16 mono, one chunk a sentence, no word times; nothing for a text without words.

        ``pace`` divides the voice's own ``length_scale``.
        """
        async with aclosing(self._speak(text, pace)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _speak(self, text: str, pace: float) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        try:
            sentences = await loop.run_in_executor(self._pool, self._sentences, text, pace)
            while (chunk := await loop.run_in_executor(self._pool, _next, sentences)) is not None:
                yield chunk
        except self._faults as error:
            raise VoiceError(f"Piper failed with {self._name}: {type(error).__name__}") from None

    def _sentences(self, text: str, pace: float) -> Any:
        length = self._voice.config.length_scale / pace
        return iter(self._voice.synthesize(text, self._settings(volume=VOLUME, length_scale=length)))

    async def close(self) -> None:
        """End the worker; a sentence in work is finished first."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)


def _next(sentences: Any) -> bytes | None:
    chunk = next(sentences, None)
    return None if chunk is None else bytes(chunk.audio_int16_bytes)


def _faults(runtime: Any) -> tuple[type[Exception], ...]:
    """What onnxruntime raises: a dozen classes that share no base but Exception."""
    state = runtime.capi.onnxruntime_pybind11_state
    own = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return (RuntimeError, ValueError, *own)


def _onnx_of(model: Path) -> Path:
    found = sorted(model.glob("*.onnx")) if model.is_dir() else [model]
    if not found or not found[0].is_file():
        raise StartError(f"{model}: no Piper voice there; see `allo models list`, then `allo models pull NAME`")
    return found[0]


def _load(piper: Any, runtime: Any, path: Path) -> tuple[Any, int]:
    """Voice and rate; our own session, so that Piper leaves a core to the calls and does not spin."""
    faults: tuple[type[Exception], ...] = (OSError, KeyError, TypeError, *_faults(runtime))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = max(1, (os.cpu_count() or 2) - 1)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        config = piper.PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text(encoding="utf-8")))
        session = runtime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
        return piper.PiperVoice(session=session, config=config), int(config.sample_rate)
    except faults as error:
        raise StartError(
            f"{path}: not a whole Piper voice ({type(error).__name__}); pull it again with `allo models pull`"
        ) from None
