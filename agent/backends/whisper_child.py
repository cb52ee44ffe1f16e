"""faster-whisper inside a worker process. See ``stt_whisper``."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel

from audio.resample import resample

RATE = 16000
"""What Whisper hears, Hz."""
BEST = 5
"""Hypotheses that are followed where the text counts; 1 for what is only shown meanwhile."""
LANGUAGES = ("ru", "en")


def load(folder: str, device: str, compute_type: str, threads: int) -> "Whisper":
    """The factory."""
    return Whisper(Path(folder), device, compute_type, threads)


class Whisper:
    """One model; each request is a whole piece of audio."""

    def __init__(self, folder: Path, device: str, compute_type: str, threads: int) -> None:
        if device == "auto":
            device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        if compute_type == "default":
            compute_type = "float16" if device == "cuda" else "int8"
        threads = threads or max((os.cpu_count() or 2) - 1, 1)
        self._model = WhisperModel(str(folder), device=device, compute_type=compute_type, cpu_threads=threads)

    def do(self, request: dict[str, Any], payload: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        """``rate``: of the payload, Hz; ``language``, empty: find out; ``best``: the text counts; ``hints``."""
        pcm = resample(payload, request["rate"], RATE) if request["rate"] != RATE else payload
        audio = np.frombuffer(pcm, np.int16).astype(np.float32) / np.float32(32768)
        language, likely = (request["language"], 1.0) if request["language"] else self._language(audio)
        segments, _ = self._model.transcribe(
            audio,
            language=language if self._model.model.is_multilingual else "en",
            beam_size=BEST if request["best"] else 1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            hotwords=request.get("hints") or None,
        )
        heard = list(segments)
        sure = [math.exp(segment.avg_logprob) for segment in heard]
        text = " ".join(segment.text for segment in heard)
        told = {"language": language, "likely": likely, "confidence": min(sure, default=1.0)}
        yield {"text": text, **told}, b""

    def _language(self, audio: "np.typing.NDArray[np.float32]") -> tuple[str, float]:
        """The likelier of ours, and how likely it is of the two: a cough must not be taken for Welsh."""
        if not self._model.model.is_multilingual:
            return "en", 1.0
        _, _, likely = self._model.detect_language(audio)
        by_name = {language: each for language, each in likely if language in LANGUAGES}
        best = max(LANGUAGES, key=lambda language: by_name.get(language, 0.0))
        return best, by_name.get(best, 0.0) / max(sum(by_name.values()), 1e-9)
