"""The recording of one call, stereo WAV, caller left, agent right, aligned to the caller's audio; its trace."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from agent.vault import Writer
from audio.frame import SAMPLE_BYTES
from audio.keys import KeyTones
from audio.wav import StereoWriter, interleave

log = logging.getLogger(__name__)

TRACE_LINES = 64
"""Lines gathered before they are written."""
FLUSH_MS = 1000
"""Audio gathered before it is written, milliseconds."""
PAIR_BYTES = 2 * SAMPLE_BYTES
Write = Callable[[Callable[[], None]], None]
"""Runs a blocking piece of work on the writer's thread, in order."""


class Keeping(Protocol):
    """Where both sides of a call go."""

    def push(self, caller: bytes, agent: bytes = b"") -> None:
        """One frame of the caller and one of the agent, of the same length; nothing is silence."""

    def close(self, rest: bytes = b"") -> None:
        """No more audio but the ``rest`` of the agent's."""


class Recording:
    """Gathers both directions on the loop, writes on a thread; a full disk ends the recording, never the call."""

    def __init__(
        self,
        path: Path,
        rate: int,
        run: Write,
        failed: Callable[[str], None],
        new_file: Callable[[Path, int], Writer] = StereoWriter,
        *,
        mute_keys: bool = False,
    ) -> None:
        """``failed`` gets the reason, on the writer's thread, at most once; ``new_file`` opens what is written to."""
        self._path, self._rate, self._run, self._failed = path, rate, run, failed
        self._new_file = new_file
        self._keys = (KeyTones(rate), KeyTones(rate)) if mute_keys else None
        self._muted: list[tuple[int, int]] = []
        self._pairs = 0
        """Written, on the writer's thread."""
        self._left = bytearray()
        self._right = bytearray()
        self._flushed = 0
        """Samples handed to the writer."""
        self._limit = rate * FLUSH_MS // 1000 * SAMPLE_BYTES
        self._file: Writer | None = None
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

    @property
    def position(self) -> int:
        """Samples of each side so far."""
        return self._flushed + len(self._left) // SAMPLE_BYTES

    def mute(self, start: int, end: int) -> None:
        """Silence both sides from position ``start`` up to ``end``, on the disk and in what is still to come."""
        self._later(lambda: self._mute(start, end))

    def _flush(self) -> None:
        left = bytes(self._left)
        right = bytes(self._right).ljust(len(left), b"\0")
        self._flushed += len(left) // SAMPLE_BYTES
        self._left.clear()
        self._right.clear()
        self._later(lambda: self._write(left, right))

    def _create(self) -> None:
        self._file = self._new_file(self._path, self._rate)

    def _write(self, left: bytes, right: bytes) -> None:
        if self._keys:
            left, right = self._keys[0].push(left), self._keys[1].push(right)
        self._append(interleave(left, right))

    def _append(self, interleaved: bytes) -> None:
        """Write pairs, silent where that was asked for before they came."""
        if self._file is None or not interleaved:
            return
        pairs = bytearray(interleaved)
        for start, end in self._muted:
            low, high = (max(0, (place - self._pairs) * PAIR_BYTES) for place in (start, end))
            pairs[low:high] = bytes(len(pairs[low:high]))
        self._file.write(bytes(pairs) if self._muted else interleaved)
        self._pairs += len(interleaved) // PAIR_BYTES
        self._muted = [span for span in self._muted if span[1] > self._pairs]

    def _mute(self, start: int, end: int) -> None:
        if self._file and start < end:
            self._file.silence(start, end)
            self._muted.append((start, end))

    def _close(self) -> None:
        if self._keys:
            self._append(interleave(self._keys[0].rest(), self._keys[1].rest()))
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
