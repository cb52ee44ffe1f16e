"""Recordings that only the owner of the key can hear: a stereo WAV in chunks of AES-256-GCM.

::

    header   magic 8 | key id 8 | salt 16 | rate 4 | bytes of a chunk 4
    chunk    revision 4 | ciphertext | tag 16            all of one length but the last; number n lies at a known place
    end      magic 8 | revision 4 | ciphertext of (chunks 8, bytes 8, mended 1, SHA-256 of all tags 32) | tag 16

Each file has a key of its own, HKDF-SHA256 (RFC 5869) of the owner's key and the file's random salt. A nonce is the
revision and the number of its chunk: NIST SP 800-38D, 8.2.1, the deterministic construction, with the file's own key as
the device and the pair as the invocation field. No pair is used twice with one key: a chunk that is written anew, to
mute what was said in it, has the next revision. Header and number are authenticated with every chunk, and the end with
the number of chunks and their tags, so none can be changed, swapped, put back or cut off unnoticed.
"""

import hashlib
import io
import os
import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audio.frame import SAMPLE_BYTES
from audio.wav import HEADER_BYTES, stereo_header

SUFFIX = ".sealed"
"""What such a file is called instead of ``.wav``."""
MAGIC, END_MAGIC = b"ALLOREC1", b"ALLOEND1"
KEY_BYTES = 32
"""Length of a key: AES-256."""
CHUNK_MS = 1000
"""Audio in a chunk: what a crash loses at most, milliseconds."""
LAST = 2**64 - 1
"""Number under which the end is sealed."""
MENDED = 2**31
"""Revision of what is put where a crash tore something: no nonce seals two things."""
PAIR_BYTES = 2 * SAMPLE_BYTES
_HEADER = struct.Struct("<8s8s16sII")
_REVISION = struct.Struct("<I")
_NONCE = struct.Struct("<IQ")
_END = struct.Struct("<QQB32s")
TAG_BYTES = 16
END_BYTES = len(END_MAGIC) + _REVISION.size + _END.size + TAG_BYTES


class SealedError(ValueError):
    """A recording can't be opened; the text says what is wrong and what to do."""


class UnfinishedError(SealedError):
    """It has no end."""


def new_key() -> str:
    """A key for ``recording.key``."""
    return b64encode(os.urandom(KEY_BYTES)).decode()


def read_key(text: str) -> bytes:
    """The key of a setting; raises ``SealedError``, never with the text itself."""
    try:
        key = b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SealedError(f"not a key: {KEY_BYTES} bytes in base64 are needed; `allo privacy new-key` makes one")
    return key


def check_extra() -> None:
    """Raises ``SealedError`` where what seals is not installed."""
    _primitives()


def key_id(key: bytes) -> bytes:
    """What a file calls its key; it tells nothing of it."""
    return hashlib.sha256(b"allo recording key id" + key).digest()[:8]


@dataclass(frozen=True, slots=True)
class Head:
    """The header of a file."""

    key_id: bytes
    salt: bytes
    rate: int
    """Samples per second."""
    chunk: int
    """Bytes of PCM in a chunk."""

    @classmethod
    def parse(cls, data: bytes) -> "Head":
        """Raises ``ValueError``."""
        if len(data) < _HEADER.size or not data.startswith(MAGIC):
            raise SealedError("not a sealed recording of Allo")
        _, key, salt, rate, chunk = _HEADER.unpack_from(data)
        if not rate or not chunk or chunk % PAIR_BYTES:
            raise SealedError("its header is damaged")
        return cls(key, salt, rate, chunk)

    def serialize(self) -> bytes:
        """As it stands in the file."""
        return _HEADER.pack(MAGIC, self.key_id, self.salt, self.rate, self.chunk)

    def place(self, number: int) -> int:
        """Where a chunk begins in the file, bytes."""
        return _HEADER.size + number * (_REVISION.size + self.chunk + TAG_BYTES)


class _Cipher:
    """Seals and opens the chunks of one file."""

    def __init__(self, head: Head, key: bytes) -> None:
        aead, derive = _primitives()
        self._aead = aead(derive(key, head.salt))
        self._head = head.serialize()

    def seal(self, number: int, revision: int, pcm: bytes) -> bytes:
        """Ciphertext and tag."""
        return bytes(self._aead.encrypt(_NONCE.pack(revision, number), pcm, self._head + _NONCE.pack(0, number)))

    def open(self, number: int, revision: int, sealed: bytes) -> bytes:
        """Raises ``SealedError``."""
        try:
            plain = self._aead.decrypt(_NONCE.pack(revision, number), sealed, self._head + _NONCE.pack(0, number))
        except Exception as error:  # cryptography's own InvalidTag; an optional package is not named here
            raise SealedError("damaged or changed by somebody: what it says of itself is not true") from error
        return bytes(plain)


class SealedWriter:
    """Writes like ``audio.wav.StereoWriter``; what a killed process had not handed over is less than a chunk."""

    def __init__(self, path: Path, rate: int, key: bytes) -> None:
        """Raises ``OSError``."""
        self._head = Head(key_id(key), os.urandom(16), rate, rate * CHUNK_MS // 1000 * PAIR_BYTES)
        self._cipher = _Cipher(self._head, key)
        self._file = path.open("w+b", buffering=0)
        self._rest = bytearray()
        self._written = 0
        self._revisions: list[int] = []
        self._refused = 0
        """How often the disk refused the next chunk: each time a part of it may have been written under that nonce."""
        self._tags: list[bytes] = []
        _write_all(self._file, 0, self._head.serialize())

    @property
    def samples(self) -> int:
        """Sample pairs taken so far."""
        return (self._written + len(self._rest)) // PAIR_BYTES

    def write(self, interleaved: bytes) -> None:
        """Append left/right pairs of PCM16, any number of whole pairs; nothing of them when it raises ``OSError``."""
        self._write_chunks()
        self._rest += interleaved
        with suppress(OSError):  # they were taken: they wait here, and the next call says what the disk says
            self._write_chunks()

    def silence(self, start: int, end: int) -> None:
        """Make the pairs from ``start`` up to ``end`` silent; those not written yet are left alone."""
        first, last = start * PAIR_BYTES, min(end * PAIR_BYTES, self._written + len(self._rest))
        for number in range(first // self._head.chunk, len(self._tags)):
            begin = number * self._head.chunk
            if begin < last:
                self._silence_chunk(number, max(first - begin, 0), min(last - begin, self._head.chunk))
        low, high = max(first - self._written, 0), last - self._written
        if high > low:
            self._rest[low:high] = bytes(high - low)

    def close(self) -> None:
        """Write the rest and the end; harmless when closed already."""
        if self._file.closed:
            return
        try:
            if self._rest:
                self._append(bytes(self._rest))
                self._rest.clear()
            _write_end(self._file, self._cipher, self._tags, self._written, mended=False)
        finally:
            self._file.close()

    def _write_chunks(self) -> None:
        while len(self._rest) >= self._head.chunk:
            self._append(bytes(self._rest[: self._head.chunk]))
            del self._rest[: self._head.chunk]

    def _append(self, pcm: bytes) -> None:
        number, revision = len(self._tags), self._refused
        sealed = self._cipher.seal(number, revision, pcm)
        self._refused += 1
        _write_all(self._file, self._head.place(number), _REVISION.pack(revision) + sealed)
        self._refused = 0
        self._tags.append(sealed[-TAG_BYTES:])
        self._revisions.append(revision)
        self._written += len(pcm)

    def _silence_chunk(self, number: int, low: int, high: int) -> None:
        if low >= high:
            return
        size = self._head.chunk + TAG_BYTES
        sealed = os.pread(self._file.fileno(), size, self._head.place(number) + _REVISION.size)
        pcm = bytearray(self._cipher.open(number, self._revisions[number], sealed))
        pcm[low:high] = bytes(high - low)
        self._revisions[number] += 1
        fresh = self._cipher.seal(number, self._revisions[number], bytes(pcm))
        _write_all(self._file, self._head.place(number), _REVISION.pack(self._revisions[number]) + fresh)
        self._tags[number] = fresh[-TAG_BYTES:]


class SealedFile(io.RawIOBase):
    """A sealed recording as the plain WAV file that it holds, to be read anywhere; every piece is checked."""

    def __init__(self, path: Path, keys: Sequence[bytes]) -> None:
        """Raises ``OSError`` and ``SealedError``, also for one that has no end: it is still written, or was cut."""
        self._file = path.open("rb", buffering=0)
        try:
            self._head, self._cipher = _opened(self._file, keys)
            self._chunks, self._bytes, self.mended = self._end()
        except BaseException:
            self._file.close()
            raise
        self._wav = stereo_header(self._head.rate, self._bytes)
        self._at = 0
        self._known: tuple[int, bytes] = (-1, b"")
        """The newest chunk that was opened."""

    @property
    def length(self) -> int:
        """Of the WAV, bytes."""
        return HEADER_BYTES + self._bytes

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte of the WAV."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """The byte of the WAV that comes next."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill up to one chunk's rest."""
        piece = self._piece()[: len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _piece(self) -> bytes:
        if self._at < HEADER_BYTES:
            return self._wav[self._at :]
        number, inside = divmod(self._at - HEADER_BYTES, self._head.chunk)
        return self._chunk(number)[inside:] if number < self._chunks else b""

    def _chunk(self, number: int) -> bytes:
        if self._known[0] != number:
            size = min(self._head.chunk, self._bytes - number * self._head.chunk)
            self._known = (number, _read_chunk(self._file, self._head, self._cipher, number, size))
        return self._known[1]

    def _end(self) -> tuple[int, int, bool]:
        """Chunks, bytes, mended; raises ``SealedError`` where they are not what was sealed."""
        size = os.fstat(self._file.fileno()).st_size
        data = os.pread(self._file.fileno(), END_BYTES, max(size - END_BYTES, 0))
        if len(data) < END_BYTES or not data.startswith(END_MAGIC):
            raise UnfinishedError("it has no end: it is still being written, or was cut off")
        (revision,) = _REVISION.unpack_from(data, len(END_MAGIC))
        end = self._cipher.open(LAST, revision, data[len(END_MAGIC) + _REVISION.size :])
        chunks, count, mended, digest = _END.unpack(end)
        tags = hashlib.sha256(b"".join(self._tag(number, count) for number in range(chunks)))
        if tags.digest() != digest or self._head.place(chunks) - chunks * self._head.chunk + count != size - END_BYTES:
            raise SealedError("chunks of it were put back, swapped or cut off")
        return chunks, count, bool(mended)

    def _tag(self, number: int, count: int) -> bytes:
        size = min(self._head.chunk, count - number * self._head.chunk)
        return os.pread(self._file.fileno(), TAG_BYTES, self._head.place(number) + _REVISION.size + size)


def mend(path: Path, keys: Sequence[bytes]) -> bool:
    """Give a file that a killed daemon left its end; True when it had none. Raises ``OSError`` and ``SealedError``.

    A chunk that was torn while it was written anew becomes silence.
    """
    try:
        SealedFile(path, keys).close()
    except UnfinishedError:
        with path.open("r+b", buffering=0) as file:
            head, cipher = _opened(file, keys)
            whole = (os.fstat(file.fileno()).st_size - _HEADER.size) // (head.place(1) - head.place(0))
            tags = [_mended_tag(file, head, cipher, number) for number in range(whole)]
            file.truncate(head.place(whole))
            _write_end(file, cipher, tags, whole * head.chunk, mended=True)
        return True
    return False


def _mended_tag(file: io.FileIO, head: Head, cipher: _Cipher, number: int) -> bytes:
    try:
        _read_chunk(file, head, cipher, number, head.chunk)
    except SealedError:
        sealed = cipher.seal(number, MENDED, bytes(head.chunk))
        _write_all(file, head.place(number), _REVISION.pack(MENDED) + sealed)
        return sealed[-TAG_BYTES:]
    return os.pread(file.fileno(), TAG_BYTES, head.place(number) + _REVISION.size + head.chunk)


def _read_chunk(file: io.FileIO, head: Head, cipher: _Cipher, number: int, size: int) -> bytes:
    data = os.pread(file.fileno(), _REVISION.size + size + TAG_BYTES, head.place(number))
    if len(data) < _REVISION.size + TAG_BYTES:
        raise SealedError("it was cut off")
    return cipher.open(number, _REVISION.unpack_from(data)[0], data[_REVISION.size :])


def _opened(file: io.FileIO, keys: Sequence[bytes]) -> tuple[Head, _Cipher]:
    head = Head.parse(os.pread(file.fileno(), _HEADER.size, 0))
    for key in keys:
        if key_id(key) == head.key_id:
            return head, _Cipher(head, key)
    raise SealedError(
        f"it was sealed with the key {head.key_id.hex()}, which is not here; "
        "put it into the credential recording.key, or a former one into recording.old_keys"
    )


def _write_end(file: io.FileIO, cipher: _Cipher, tags: list[bytes], count: int, *, mended: bool) -> None:
    revision = MENDED if mended else 0  # the end that a crash tore may have been another one
    end = _END.pack(len(tags), count, mended, hashlib.sha256(b"".join(tags)).digest())
    sealed = END_MAGIC + _REVISION.pack(revision) + cipher.seal(LAST, revision, end)
    _write_all(file, os.fstat(file.fileno()).st_size, sealed)


def _write_all(file: io.FileIO, place: int, data: bytes) -> None:
    """A file may take less than it was given, for instance when the disk is nearly full."""
    rest = memoryview(data)
    while rest:
        done = os.pwrite(file.fileno(), rest, place)
        place, rest = place + done, rest[done:]


def _primitives() -> tuple[Any, Any]:
    """AES-GCM, and what derives a file's key; raises ``SealedError`` without the extra."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415
    except ModuleNotFoundError:
        raise SealedError(
            "sealed recordings need the package cryptography: `.venv/bin/python -m pip install -e '.[sealed]'`"
        ) from None
    return AESGCM, lambda key, salt: HKDF(SHA256(), KEY_BYTES, salt, b"allo recording").derive(key)
