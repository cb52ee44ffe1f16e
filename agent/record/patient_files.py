"""Files that outlast a full or read-only disk: what it refuses is written once it takes something again.

Everything here blocks on the disk and belongs to the writer's thread (``agent.record.file_writer``).
"""

import logging
import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Protocol

from audio.frame import SAMPLE_BYTES

log = logging.getLogger(__name__)

PAIR_BYTES = 2 * SAMPLE_BYTES
MOST_CHARACTERS = 16_000_000
"""Text that waits in memory at most; newer text is dropped."""


class Sound(Protocol):
    """A recording that grows, as ``audio.wav.StereoWriter``: what it fails to write leaves it as it was."""

    def write(self, interleaved: bytes) -> None:
        """Append whole pairs of PCM16."""

    def silence(self, start: int, end: int) -> None:
        """Make the pairs from ``start`` up to ``end`` silent; those not written yet are left alone."""

    def close(self) -> None:
        """Finish it."""


class PatientSound:
    """A recording with a gap instead of a recording with an early end: what was refused is silence in it."""

    def __init__(self, opened: Callable[[], Sound], rate: int, told: Callable[[str], None], begin: int = 0) -> None:
        """``opened`` makes the file, and is asked again while it raises ``OSError``; ``rate``: pairs a second.

        ``told`` is told what is missing, each time that this changes. ``begin``: pairs that are in the file when it is
        opened; positions count from there.
        """
        self._opened, self._rate, self._told, self._begin = opened, rate, told, begin
        self._file: Sound | None = None
        self._pairs = self._missing = 0
        """Taken; of these not on the disk, the newest ones."""
        self._gaps: list[str] = []
        self._silent: list[tuple[int, int]] = []
        """What is to be silent, of what is still to come or was refused."""
        self.write(b"")

    def write(self, interleaved: bytes) -> None:
        """Append whole pairs of PCM16."""
        pairs = len(interleaved) // PAIR_BYTES
        interleaved = self._silenced(interleaved)
        self._pairs += pairs
        try:
            self._fill()
            if self._file is not None and interleaved:
                self._file.write(interleaved)
        except OSError as error:
            self._refused(pairs, error)

    def silence(self, start: int, end: int) -> None:
        """Make the pairs from position ``start`` up to ``end`` silent, written or still to come."""
        if start < end:
            self._silent.append((start, end))
            self.write(b"")

    def close(self) -> None:
        """Finish it; what is missing at the end stays missing."""
        try:
            self._fill()
        except OSError as error:
            if self._silent:
                self._told(f"not muted: {error.strerror or error}")
        try:
            if self._file is not None:
                self._file.close()
        except OSError as error:
            self._told(f"incomplete: not closed: {error.strerror or error}")

    def _silenced(self, interleaved: bytes) -> bytes:
        """Silent where that was asked for before it came."""
        if not self._silent:
            return interleaved
        pairs = bytearray(interleaved)
        for start, end in self._silent:
            low, high = (max(0, (place - self._pairs) * PAIR_BYTES) for place in (start, end))
            pairs[low:high] = bytes(len(pairs[low:high]))
        return bytes(pairs)

    def _fill(self) -> None:
        """Open the file if it is not; make up for what it was refused, with silence, up to what was pushed just now."""
        if self._file is None:
            self._file = self._opened()
        while self._missing:
            some = min(self._missing, self._rate)
            self._file.write(bytes(some * PAIR_BYTES))
            self._missing -= some
        for start, end in tuple(self._silent):
            self._file.silence(self._begin + start, self._begin + end)
            if end <= self._pairs:
                self._silent.remove((start, end))

    def _refused(self, pairs: int, error: OSError) -> None:
        if not pairs:
            return  # it could not be opened, and nothing is lost yet
        begun = (self._begin + self._pairs - pairs - self._missing) // self._rate
        if not self._missing:
            self._gaps.append("")
            log.warning("a recording has a gap from second %d on: %s", begun, error.strerror or error)
        self._missing += pairs
        self._gaps[-1] = f"{begun} to {-(-(self._begin + self._pairs) // self._rate)} s"
        self._told(f"incomplete: silent from {', '.join(self._gaps)}: {error.strerror or error}")


class PatientTexts:
    """Text files that grow; several."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._waiting: dict[Path, list[str]] = {}
        self.waiting = 0
        """Characters that wait."""

    def append(self, path: Path, text: str) -> None:
        """Add ``text`` behind all that waits for the same file."""
        if self.waiting + len(text) > MOST_CHARACTERS:
            return
        self._waiting.setdefault(path, []).append(text)
        self.waiting += len(text)
        self._write(path)

    def retry(self) -> None:
        """Try what waits again."""
        for path in list(self._waiting):
            self._write(path)

    def _write(self, path: Path) -> None:
        text = "".join(self._waiting[path])
        try:
            _append(path, text.encode())
        except OSError as error:
            if len(self._waiting[path]) == 1:
                log.warning("%s: not written: %s; it waits in memory", path.name, error.strerror)
            self._waiting[path] = [text, ""]
            return
        del self._waiting[path]
        self.waiting -= len(text)


def _append(path: Path, content: bytes) -> None:
    """All of it or nothing."""
    with FileIO(path, "a") as file:
        before = file.seek(0, os.SEEK_END)
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[file.write(rest) or 0 :]
        except OSError:
            file.truncate(before)
            raise


def refuses(file: Path) -> bool:
    """Whether the disk on which ``file`` lies takes nothing now: it is read-only or full. False for no file."""
    try:
        disk = os.statvfs(file)
    except OSError:
        return False
    return bool(disk.f_flag & os.ST_RDONLY) or disk.f_bavail == 0
