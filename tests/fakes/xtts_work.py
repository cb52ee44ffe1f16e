"""What stands in XTTS's place in the worker process where its library is not installed: espeak-ng, same protocol."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fakes.speaking import spoken

RATE = 24_000
CHUNK = RATE // 10 * 2
"""Bytes of 100 ms."""


class Stand:
    """Answers as ``agent.backends.xtts_child.Speaker`` does; a text that holds a fault's name meets it."""

    def __init__(self, voice: str) -> None:
        self._voice = voice
        self.asked: list[dict[str, Any]] = []

    def do(self, request: dict[str, Any], payload: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        if not request["text"]:
            yield {"rate": RATE, "device": "cpu", "learnt": False, "asked": self.asked}, b""
            return
        pcm, _ = asyncio.run(spoken(request["text"], RATE, pace=request["manner"]["speed"]))
        pcm = pcm[: int(request["most_s"] * RATE) * 2]
        self.asked.append({**request, "samples": len(pcm) // 2})
        for start in range(0, len(pcm), CHUNK):
            yield {}, pcm[start : start + CHUNK]
            if start and "сломайся" in request["text"]:
                raise RuntimeError("CUDA out of memory, and the words of a caller")


def load(folder: str, voice: str, device: str, threads: int) -> Stand:
    """The factory, with the arguments of the genuine one."""
    if not Path(folder).is_dir() or device not in ("auto", "cpu", "cuda") or threads < 0:
        raise FileNotFoundError(f"{folder}: not there")
    return Stand(voice)
