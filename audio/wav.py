"""WAV files: a stereo recording that survives a kill at any moment, and a reader to mono PCM16.

The format is RIFF/WAVE, PCM16 (Microsoft/IBM "Multimedia Programming Interface and Data Specifications 1.0").
"""

import os
import struct
import wave
from collections.abc import Sequence
from io import BytesIO, FileIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from audio.frame import SAMPLE_BYTES
from audio.resample import resample

HEADER_BYTES = 44
"""Length of the header that ``StereoWriter`` writes: RIFF, fmt of 16 bytes, data."""

RATES = (4000, 192_000)
"""Sample rates that make sense, Hz."""

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_CHANNELS = 2
_STEP = _CHANNELS * SAMPLE_BYTES
_MOST = 0xFFFFFFFF - HEADER_BYTES


class StereoWriter:
    """Writes a 16-bit stereo WAV as it grows: left is the caller, right is the agent.

    Every ``write`` reaches the operating system at once (a killed process loses nothing that was written);
    only the two sizes in the header wait for ``close``, and ``repair`` sets them after a kill.
    Blocks on the disk and raises ``OSError`` when it is full: call it from a thread.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self._file = FileIO(path, "w")
        self._rate = rate
        self._bytes = 0
        try:
            _write_all(self._file, stereo_header(rate, 0))
        except OSError:
            self._file.close()
            raise

    @property
    def samples(self) -> int:
        """Sample pairs written so far."""
        return self._bytes // _STEP

    def write(self, interleaved: bytes) -> None:
        """Append left/right pairs of PCM16, any number of whole pairs; nothing of them when it raises ``OSError``."""
        if len(interleaved) % _STEP:
            raise ValueError(f"{len(interleaved)} bytes are not whole pairs of PCM16")
        try:
            _write_all(self._file, interleaved)
        except OSError:
            self._file.seek(
                HEADER_BYTES + self._bytes
            )  # a part of it may be there: the next piece begins where this did
            raise
        self._bytes += len(interleaved)

    def silence(self, start: int, end: int) -> None:
        """Make the pairs from ``start`` up to ``end`` silent; those not written yet are left alone."""
        end = min(end, self.samples)
        if start < end:
            self._file.seek(HEADER_BYTES + start * _STEP)
            _write_all(self._file, bytes((end - start) * _STEP))
            self._file.seek(HEADER_BYTES + self._bytes)

    def close(self) -> None:
        """Set the sizes in the header; harmless when closed already."""
        if self._file.closed:
            return
        try:
            self._file.seek(HEADER_BYTES + self._bytes)
            self._file.truncate()
            self._file.seek(0)
            _write_all(self._file, stereo_header(self._rate, self._bytes))
        finally:
            self._file.close()

    def __enter__(self) -> "StereoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def interleave(left: bytes, right: bytes) -> bytes:
    """Two runs of PCM16 mono -> left/right pairs; the shorter one is padded with silence."""
    pairs = np.zeros((max(len(left), len(right)) // SAMPLE_BYTES, _CHANNELS), dtype="<i2")
    for channel, pcm in enumerate((left, right)):
        samples = np.frombuffer(pcm, dtype="<i2", count=len(pcm) // SAMPLE_BYTES)
        pairs[: samples.size, channel] = samples
    return pairs.tobytes()


def repair(path: Path) -> bool:
    """Make the header of a recording that was cut off agree with the file's length; True when it was changed.

    Raises ``ValueError`` for a file that ``StereoWriter`` did not write.
    """
    with path.open("r+b") as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(0)
        old = file.read(HEADER_BYTES)
        if len(old) < HEADER_BYTES:
            raise ValueError(f"{path}: no WAV header, {length} bytes in all")
        fields = _HEADER.unpack(old)
        if (fields[0], fields[2], fields[6], fields[11]) != (b"RIFF", b"WAVE", _CHANNELS, b"data"):
            raise ValueError(f"{path}: not a stereo recording of ours")
        data = (length - HEADER_BYTES) // _STEP * _STEP
        new = stereo_header(fields[7], data)
        if new == old and HEADER_BYTES + data == length:
            return False
        file.truncate(HEADER_BYTES + data)
        file.seek(0)
        file.write(new)
    return True


def read_mono(path: Path, rate: int = 8000) -> bytes:
    """Read a 16-bit WAV of any rate and channel count as PCM16 mono at ``rate`` Hz (channels are averaged).

    Raises ``OSError`` or ``ValueError`` naming the file.
    """
    samples, source = _read(path)
    return resample(np.rint(samples.mean(axis=1)).astype("<i2").tobytes(), source, rate)


def read_channels(path: Path | BinaryIO, rates: Sequence[int], name: str = "") -> tuple[list[bytes], int]:
    """Read a 16-bit WAV as PCM16 mono for each channel, and their rate: its own when among ``rates``, else the first.

    Raises ``OSError`` or ``ValueError`` naming the file, ``name`` where it is open already.
    """
    samples, source = _read(path, name)
    rate = source if source in rates else rates[0]
    return [resample(channel.tobytes(), source, rate) for channel in samples.T.astype("<i2")], rate


def parse_mono(content: bytes, rate: int, longest_s: float) -> bytes:
    """The bytes of a 16-bit WAV as PCM16 mono at ``rate`` Hz; raises ``ValueError``, also for more than ``longest_s``.

    Of no file is more made than fits: a header that promises hours gets an error, not memory.
    """
    samples, source = _read(BytesIO(content), "the recording")
    if len(samples) > longest_s * source:
        raise ValueError(f"the recording is longer than {longest_s:.0f} s; cut it")
    if not samples.size:
        return b""
    return resample(np.rint(samples.mean(axis=1)).astype("<i2").tobytes(), source, rate)


def _read(path: Path | BinaryIO, name: str = "") -> tuple["np.ndarray[tuple[int, int], np.dtype[np.int16]]", int]:
    """Samples, a row for each moment and a column for each channel, and their rate."""
    try:
        with wave.open(str(path) if isinstance(path, Path) else path, "rb") as wav:
            width, channels, source = wav.getsampwidth(), wav.getnchannels(), wav.getframerate()
            pcm = wav.readframes(wav.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"{name or path}: not a PCM WAV file ({str(error) or _lacks(path)}); convert it to 16-bit PCM"
        ) from None
    if width != SAMPLE_BYTES:
        raise ValueError(f"{name or path}: {width * 8}-bit samples; convert it to 16-bit PCM")
    if not RATES[0] <= source <= RATES[1]:
        raise ValueError(f"{name or path}: {source} samples per second; {RATES[0]} to {RATES[1]} are taken")
    whole = len(pcm) // (channels * SAMPLE_BYTES) * channels * SAMPLE_BYTES
    return np.frombuffer(pcm[:whole], dtype="<i2").reshape(-1, channels), source


def _lacks(path: Path | BinaryIO) -> str:
    return "the file is empty" if isinstance(path, Path) and path.stat().st_size == 0 else "it is cut short"


def write_mono(path: Path, pcm: bytes, rate: int) -> None:
    """Write a whole piece of PCM16 mono as a WAV file; raises ``OSError``."""
    with path.open("wb") as file, wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(SAMPLE_BYTES)
        wav.setframerate(rate)
        wav.writeframes(pcm)


def stereo_header(rate: int, data: int) -> bytes:
    """The header of a stereo WAV at ``rate`` Hz with ``data`` bytes of PCM16, ``HEADER_BYTES`` long."""
    data = min(data, _MOST)
    riff = HEADER_BYTES - 8 + data
    fmt = (1, _CHANNELS, rate, rate * _STEP, _STEP, SAMPLE_BYTES * 8)
    return _HEADER.pack(b"RIFF", riff, b"WAVE", b"fmt ", 16, *fmt, b"data", data)


def _write_all(file: FileIO, data: bytes) -> None:
    """A raw file may take less than it was given, for instance when the disk is nearly full."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]
