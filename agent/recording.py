"""The recording of one call, stereo WAV, caller left, agent right, aligned to the caller's audio; its trace."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from audio.frame import SAMPLE_BYTES
from audio.wav import StereoWriter, interleave

log = logging.getLogger(__name__)

TRACE_LINES = 64
"""Lines gathered before they are written."""
FLUSH_MS = 1000
"""Audio gathered before it is written, milliseconds."""
Write = Callable[[Callable[[], None]], None]
"""Runs a blocking piece of work on the writer's thread, in order."""


class Keeping(Protocol):
    """Where both sides of a call go."""

    def push(self, caller: bytes, agent: bytes = b"") -> None:
        """A frame of the caller, or several that came together, and as much of the agent; nothing is silence."""

    def close(self, rest: bytes = b"") -> None:
        """No more audio but the ``rest`` of the agent's."""


class Recording:
    """Gathers both directions on the loop, writes on a thread; a full disk ends the recording, never the call."""

    def __init__(self, path: Path, rate: int, run: Write, failed: Callable[[str], None]) -> None:
        """``failed`` gets the reason, on the writer's thread, at most once."""
        self._path, self._rate, self._run, self._failed = path, rate, run, failed
        self._left = bytearray()
        self._right = bytearray()
        self._limit = rate * FLUSH_MS // 1000 * SAMPLE_BYTES
        self._file: StereoWriter | None = None
        self._broken = False
        self._later(self._create)

    def push(self, caller: bytes, agent: bytes = b"") -> None:
        """One frame of the caller and one of the agent, of the same length; nothing is silence."""
        if agent:
            self._right += bytes(len(self._left) - len(self._right))
            self._right += agent
        self._left += caller
        if len(self._left) >= self._limit:
            self._flush()

    def close(self, rest: bytes = b"") -> None:
        """No more audio but the ``rest`` of the agent's."""
        self.push(bytes(len(rest)), rest)
        self._flush()
        self._later(self._close)

    def _flush(self) -> None:
        left = bytes(self._left)
        right = bytes(self._right).ljust(len(left), b"\0")
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


TRACE_SUFFIX = ".trace.jsonl"
"""What a trace is called, beside the recording of the same name."""


class TraceFile:
    """The lines of a call's trace on their way to the disk; a full disk ends the trace, never the call."""

    def __init__(self, path: Path, run: Write) -> None:
        """The file is made with its first lines."""
        self._path, self._run = path, run
        self._lines: list[str] = []
        self._broken = False

    def push(self, line: str) -> None:
        """Take one line."""
        self._lines.append(line)
        if len(self._lines) >= TRACE_LINES:
            self.flush()

    def flush(self) -> None:
        """Hand over what has gathered."""
        lines, self._lines = self._lines, []
        if lines:
            self._run(lambda: self._append("\n".join(lines) + "\n"))

    def _append(self, text: str) -> None:
        if self._broken:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            self._broken = True
            log.warning("trace %s stopped: %s; this call can't be replayed", self._path.name, error.strerror)
