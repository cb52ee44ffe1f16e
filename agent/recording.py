"""The recording of one call, stereo WAV, caller left, agent right, aligned to the caller's audio; its trace."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from agent.record.patient_files import PatientSound, Sound
from agent.trace import Note, written
from audio.frame import SAMPLE_BYTES
from audio.keys import KeyTones
from audio.wav import interleave

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
    """Gathers both directions on the loop, writes on a thread; a full disk makes a gap in it, never in the call."""

    def __init__(
        self,
        opened: Callable[[], Sound],
        rate: int,
        run: Write,
        failed: Callable[[str], None],
        *,
        begin: int = 0,
        mute_keys: bool = False,
    ) -> None:
        """``opened`` makes the file, on the writer's thread; it is asked again while it raises ``OSError``.

        ``failed`` gets what is missing and why, on the writer's thread, each time that more is. ``begin``: sample pairs
        that another process wrote before; positions count from there. ``mute_keys``: tones of keys become silence.
        """
        self._run = run
        self._keys = (KeyTones(rate), KeyTones(rate)) if mute_keys else None
        self._left: list[bytes] = []
        self._right: list[bytes] = []
        """As long as what is on the left, or nothing: the agent was not heard since the last flush."""
        self._gathered = 0
        """Bytes on the left."""
        self._flushed = 0
        """Samples handed to the writer."""
        self._limit = rate * FLUSH_MS // 1000 * SAMPLE_BYTES
        self._file: PatientSound | None = None
        run(lambda: self._create(PatientSound(opened, rate, failed, begin)))

    def push(self, caller: bytes, agent: bytes = b"") -> None:
        """One frame of the caller and one of the agent, of the same length; nothing is silence."""
        if agent and not self._right:
            self._right.append(bytes(self._gathered))
        if self._right:
            self._right.append(agent or bytes(len(caller)))
        self._left.append(caller)
        self._gathered += len(caller)
        if self._gathered >= self._limit:
            self.flush()

    def close(self, rest: bytes = b"") -> None:
        """No more audio but the ``rest`` of the agent's."""
        self.push(bytes(len(rest)), rest)
        self.flush()
        self._run(self._close)

    @property
    def position(self) -> int:
        """Samples of each side so far."""
        return self._flushed + self._gathered // SAMPLE_BYTES

    def mute(self, start: int, end: int) -> None:
        """Silence both sides from position ``start`` up to ``end``, on the disk and in what is still to come."""
        self._run(lambda: self._mute(start, end))

    def flush(self) -> None:
        """Hand over what has gathered."""
        left, right = b"".join(self._left), b"".join(self._right) or bytes(self._gathered)
        self._flushed += self._gathered // SAMPLE_BYTES
        self._left.clear()
        self._right.clear()
        self._gathered = 0
        self._run(lambda: self._write(left, right))

    def _create(self, file: PatientSound) -> None:
        self._file = file

    def _write(self, left: bytes, right: bytes) -> None:
        if self._keys:
            left, right = self._keys[0].push(left), self._keys[1].push(right)
        if self._file:
            self._file.write(interleave(left, right))

    def _mute(self, start: int, end: int) -> None:
        if self._file:
            self._file.silence(start, end)

    def _close(self) -> None:
        if self._file is None:
            return
        if self._keys:
            self._file.write(interleave(self._keys[0].rest(), self._keys[1].rest()))
        self._file.close()


TRACE_SUFFIX = ".trace.jsonl"
"""What a trace is called, beside the recording of the same name."""


class TraceFile:
    """A call's trace on its way to the disk."""

    def __init__(self, path: Path, run: Write, append: Callable[[Path, str], None]) -> None:
        """The file is made with its first lines; ``append`` writes text, on the writer's thread."""
        self._path, self._run, self._append = path, run, append
        self._notes: list[Note] = []

    def push(self, note: Note) -> None:
        """Take one note."""
        self._notes.append(note)
        if len(self._notes) >= TRACE_LINES:
            self.flush()

    def flush(self) -> None:
        """Hand over what has gathered."""
        notes, self._notes = self._notes, []
        if notes:
            self._run(lambda: self._append(self._path, "\n".join(map(written, notes)) + "\n"))
