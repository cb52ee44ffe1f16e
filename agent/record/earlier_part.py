"""Recording and trace of a call that goes on in another process: what the first one wrote, and then the rest.

The earlier part of a recording is copied, not appended to: so it does not matter how a file lies on the disk. All of
this blocks: it is for the writer's thread.
"""

import logging
import wave
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from audio.frame import SAMPLE_BYTES

log = logging.getLogger(__name__)

PIECE = 8192
"""Sample pairs copied at a time."""
STEP = 2 * SAMPLE_BYTES
"""Bytes of a pair."""
ASIDE = "earlier_"
"""Precedes the name of the earlier part while it is copied; a process that dies meanwhile loses nothing."""


class Writer(Protocol):
    """A stereo WAV as it grows."""

    def write(self, interleaved: bytes) -> None:
        """Append left/right pairs of PCM16."""


File = TypeVar("File", bound=Writer)


def go_on(path: Path, begin: int, new: Callable[[Path], File], opened: Callable[[Path], BinaryIO]) -> File:
    """A new file at ``path`` that holds what was there, then silence up to ``begin`` samples; raises ``OSError``.

    ``opened`` reads the old one as a WAV. One that can't be read stays beside the new one, which begins with silence.
    """
    aside = path.with_name(ASIDE + path.name)
    if path.exists() and not aside.exists():
        path.rename(aside)
    file, written = new(path), 0
    try:
        written = _copy(aside, file, opened) if aside.exists() else 0
        aside.unlink(missing_ok=True)
    except (ValueError, EOFError, wave.Error) as error:
        log.warning("recording %s: its earlier part can't be read and stays beside it: %s", path.name, error)
    while written < begin:
        piece = min(begin - written, PIECE)
        file.write(bytes(piece * STEP))
        written += piece
    return file


def trace_goes_on(path: Path, begin: int) -> None:
    """What follows in a trace is by a process that began to listen at ``begin``, samples, and counts from there."""
    try:
        written = path.read_bytes() if path.exists() else b""
        # a killed process may have left half a line
        path.write_bytes(written[: written.rfind(b"\n") + 1] + b'{"begin":%d}\n' % begin)
    except OSError as error:
        log.warning("trace %s does not go on: %s", path.name, error.strerror)


def _copy(source: Path, file: Writer, opened: Callable[[Path], BinaryIO]) -> int:
    """How many pairs were copied."""
    with opened(source) as plain, wave.open(plain, "rb") as wav:
        while pairs := wav.readframes(PIECE):
            file.write(pairs)
        return wav.getnframes()
