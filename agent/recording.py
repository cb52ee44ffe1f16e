"""The recording of one call, stereo WAV, caller left, agent right, aligned to the caller's audio; its trace."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

<<<<<<< HEAD
from agent.earlier_part import go_on
=======
from agent.patient_files import PatientSound
>>>>>>> drills
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
        """One frame of the caller and one of the agent, of the same length; nothing is silence."""

    def close(self, rest: bytes = b"") -> None:
        """No more audio but the ``rest`` of the agent's."""


class Recording:
    """Gathers both directions on the loop, writes on a thread; a full disk makes a gap in it, never in the call."""

<<<<<<< HEAD
    def __init__(
        self, path: Path, rate: int, run: Write, failed: Callable[[str], None], begin: int | None = None
    ) -> None:
        """``failed`` gets what is missing and why, on the writer's thread, each time that more is.

        ``begin``: where in the call this process began to listen, samples; the file of the one before it goes on, with
        silence for what nobody heard. None: a new call.
        """
        self._path, self._rate, self._run, self._failed, self._begin = path, rate, run, failed, begin
=======
    def __init__(self, path: Path, rate: int, run: Write, failed: Callable[[str], None]) -> None:
        """``failed`` gets what is missing and why, on the writer's thread, each time that more is."""
        self._path, self._rate, self._run, self._failed = path, rate, run, failed
>>>>>>> drills
        self._left = bytearray()
        self._right = bytearray()
        self._limit = rate * FLUSH_MS // 1000 * SAMPLE_BYTES
        self._file: PatientSound | None = None
        self._broken = False
        self._later(self._create)

    def push(self, caller: bytes, agent: bytes = b"") -> None:
        """One frame of the caller and one of the agent, of the same length; nothing is silence."""
        if agent:
            self._right += bytes(len(self._left) - len(self._right))
            self._right += agent
        self._left += caller
        if len(self._left) >= self._limit:
            self.flush()

    def close(self, rest: bytes = b"") -> None:
        """No more audio but the ``rest`` of the agent's."""
        self.push(bytes(len(rest)), rest)
        self.flush()
        self._later(self._close)

    def flush(self) -> None:
        """Hand over what has gathered."""
        left = bytes(self._left)
        right = bytes(self._right).ljust(len(left), b"\0")
        self._left.clear()
        self._right.clear()
        self._later(lambda: self._write(left, right))

    def _create(self) -> None:
<<<<<<< HEAD
        self._file = PatientSound(self._open, self._rate, self._failed)

    def _open(self) -> StereoWriter:
        def new(path: Path) -> StereoWriter:
            return StereoWriter(path, self._rate)

        return new(self._path) if self._begin is None else go_on(self._path, self._begin, new)
=======
        self._file = PatientSound(lambda: StereoWriter(self._path, self._rate), self._rate, self._failed)
>>>>>>> drills

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
    """The lines of a call's trace on their way to the disk."""

    def __init__(self, path: Path, run: Write, append: Callable[[Path, str], None]) -> None:
        """The file is made with its first lines; ``append`` writes text, on the writer's thread."""
        self._path, self._run, self._append = path, run, append
        self._lines: list[str] = []

    def push(self, line: str) -> None:
        """Take one line."""
        self._lines.append(line)
        if len(self._lines) >= TRACE_LINES:
            self.flush()

    def flush(self) -> None:
        """Hand over what has gathered."""
        lines, self._lines = self._lines, []
        if lines:
            self._run(lambda: self._append(self._path, "\n".join(lines) + "\n"))
