"""The recording of one call: stereo WAV, caller left, agent right, aligned to the caller's audio."""

import logging
from collections.abc import Callable
from pathlib import Path

from audio.frame import FRAME_MS, SAMPLE_BYTES
from audio.wav import StereoWriter, interleave

log = logging.getLogger(__name__)

FLUSH_MS = 1000
"""Audio gathered before it is written, milliseconds."""
LEAD_FRAMES = 2
"""Agent audio held back at the start of a speech, so that a late poll leaves no hole in it."""

Write = Callable[[Callable[[], None]], None]
"""Runs a blocking piece of work on the writer's thread, in order."""


class Recording:
    """Gathers both directions on the loop, writes on a thread; a full disk ends the recording, never the call."""

    def __init__(self, path: Path, rate: int, run: Write, failed: Callable[[str], None]) -> None:
        """``failed`` gets the reason, on the writer's thread, at most once."""
        self._path, self._rate, self._run, self._failed = path, rate, run, failed
        self._left = bytearray()
        self._right = bytearray()
        self._waiting = bytearray()
        self._flowing = False
        self._limit = rate * FLUSH_MS // 1000 * SAMPLE_BYTES
        self._lead = rate * FRAME_MS // 1000 * SAMPLE_BYTES * LEAD_FRAMES
        self._file: StereoWriter | None = None
        self._broken = False
        self._later(self._create)

    def push(self, caller: bytes, agent: bytes) -> None:
        """One frame of the caller and what was heard of the agent since the frame before."""
        self._left += caller
        self._waiting += agent
        if len(self._waiting) >= self._lead:
            self._flowing = True
        elif not agent and len(self._waiting) < len(caller):
            self._flowing = bool(self._waiting)
        if self._flowing:
            take = len(self._left) - len(self._right)
            self._right += self._waiting[:take]
            del self._waiting[:take]
        self._right += bytes(len(self._left) - len(self._right))
        if len(self._left) >= self._limit:
            self._flush()

    def close(self) -> None:
        """No more audio."""
        self._left += bytes(len(self._waiting))
        self._right += self._waiting
        self._flush()
        self._later(self._close)

    def _flush(self) -> None:
        left, right = bytes(self._left), bytes(self._right)
        self._left.clear()
        self._right.clear()
        self._later(lambda: self._write(left, right))

    def _create(self) -> None:
        self._file = StereoWriter(self._path, self._rate)

    def _write(self, left: bytes, right: bytes) -> None:
        if self._file:
            self._file.write(interleave(left, right))

    def _close(self) -> None:
        if self._file:
            self._file.close()

    def _later(self, work: Callable[[], None]) -> None:
        self._run(lambda: self._guarded(work))

    def _guarded(self, work: Callable[[], None]) -> None:
        if self._broken:
            return
        try:
            work()
        except OSError as error:
            self._broken = True
            log.warning("recording %s stopped: %s", self._path.name, error.strerror)
            self._failed(f"incomplete: {error.strerror or error}")
