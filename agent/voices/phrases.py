"""Phrases that were spoken before are not synthesised again.

A cache in front of a voice: memory first, then files; a miss streams through while it is remembered.
What is kept is already at the leg's rate, so audio is converted once in its life; the starts of its words are kept
with it. An entry is named by a digest of voice, rate, pace and text, and carries a digest of its content: a damaged one
is made anew.
"""

import asyncio
import hashlib
import logging
import os
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from agent.ports import Makeshift, Synthesizer, WordStart
from audio.frame import SAMPLE_BYTES
from audio.resample import Resampler

log = logging.getLogger(__name__)

MEMORY_BYTES = 32 << 20
"""Audio kept in memory, bytes: half an hour at 8 kHz."""
REST_S = 60.0
"""A disk that refused a phrase is left alone so long, seconds."""

_MAGIC = b"allo phrase 3\n"
_DIGEST_BYTES = 32
_SUFFIX = ".phrase"
_PART = ".part"
_FULL = 0.9
"""When the folder is full the oldest entries go until this part of it is left."""
_COUNT = struct.Struct("<I")
_MARK = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Audio at the leg's rate and where its words begin."""

    pcm: bytes
    marks: tuple[WordStart, ...]

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return len(self.pcm) + len(self.marks) * _MARK.size

    @property
    def stream(self) -> tuple[bytes | WordStart, ...]:
        """As a voice would give it."""
        return (*self.marks, self.pcm)

    def serialize(self) -> bytes:
        """Number of words, then of each the offset and the sample as uint32, little endian; then PCM16."""
        marks = b"".join(_MARK.pack(mark.offset, mark.sample) for mark in self.marks)
        return _COUNT.pack(len(self.marks)) + marks + self.pcm

    @classmethod
    def parse(cls, content: bytes) -> "_Phrase":
        """The phrase of ``serialize``; raises ``ValueError`` when it can't be one."""
        if len(content) < _COUNT.size:
            raise ValueError("no count of words")
        start = _COUNT.size + _COUNT.unpack_from(content)[0] * _MARK.size
        pcm = content[start:]
        if start > len(content) or not pcm or len(pcm) % SAMPLE_BYTES:
            raise ValueError("words and audio don't fill the entry")
        return cls(pcm, tuple(WordStart(*mark) for mark in _MARK.iter_unpack(content[_COUNT.size : start])))


class Phrases:
    """The voice of the house, with a memory."""

    def __init__(
        self,
        synth: Synthesizer,
        folder: Path,
        megabytes: int,
        memory_bytes: int = MEMORY_BYTES,
        *,
        stores: bool = True,
        private: bool = False,
    ) -> None:
        """``folder`` is made at the first store; ``megabytes`` is its greatest size, 0 keeps nothing on disk.

        With ``stores`` false the folder is only read: what was said leaves nothing behind. ``private``: only what was
        warmed is stored, since a reply may repeat what its caller told.
        """
        self._synth = synth
        self._memory: OrderedDict[str, _Phrase] = OrderedDict()
        self._fixed: dict[str, _Phrase] = {}
        """What was warmed: it stays, however much else is said, for it is needed when nothing else can be."""
        self._by_heart: dict[tuple[str, int], _Phrase] = {}
        """The same by words and rate, in whichever voice there was then: a chain may have lost that voice since."""
        self.hits = self.misses = 0
        """Texts that were known, and those a voice was asked for."""
        self._memory_bytes = 0
        self._memory_most = memory_bytes
        self._disk = _Disk(folder, megabytes << 20) if megabytes else None
        self._stores, self._private = stores, private

    async def speech(self, text: str, rate: int, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """PCM16 mono at ``rate`` Hz and the starts of words in its samples: whole when known, else as it is made.

        Raises ``VoiceError``. A stream that is cut off before its end is not remembered, nor one of a stand-in.
        """
        key = self._key(text, rate, pace)
        phrase = await self._recall(key)
        if phrase is not None:
            self.hits += 1
            for made in phrase.stream:
                yield made
            return
        self.misses += 1
        pcm, marks, makeshift = bytearray(), list[WordStart](), False
        key = self._key(text, rate, pace)  # another voice may be expected by now
        async with aclosing(self._fresh(text, rate, pace)) as stream:
            async for made in stream:
                if isinstance(made, WordStart):
                    marks.append(made)
                else:
                    pcm += made
                    makeshift |= isinstance(made, Makeshift)
                yield made
        if not makeshift:
            await self._remember(key, _Phrase(bytes(pcm), tuple(marks)))

    def ready(
        self, text: str, rate: int, pace: float = 1.0, *, anyhow: bool = False
    ) -> tuple[bytes | WordStart, ...] | None:
        """The same without waiting, ``None`` where it is not in memory; ``anyhow``: see ``agent.speak.Voice``."""
        phrase = self._known(self._key(text, rate, pace))
        if phrase is None and anyhow:
            phrase = self._known(self._key(text, rate, 1.0)) or self._by_heart.get((text, rate))
        return phrase.stream if phrase else None

    async def _fresh(self, text: str, rate: int, pace: float) -> AsyncGenerator[bytes | WordStart, None]:
        change = Resampler(self._synth.rate, rate)
        stream = self._synth.synthesize(text, pace)
        try:
            async for made in stream:
                if isinstance(made, WordStart):
                    yield WordStart(made.offset, made.sample * rate // self._synth.rate)
                elif pcm := change.push(made):
                    yield Makeshift(pcm) if isinstance(made, Makeshift) else pcm
        finally:
            if isinstance(stream, AsyncGenerator):  # a voice that is still at work stops now, not when it is collected
                await stream.aclose()
        if rest := change.flush():
            yield rest

    async def warm(self, texts: Iterable[str], rate: int) -> None:
        """Have these phrases in memory for good, synthesising the unknown ones; raises ``VoiceError``."""
        for text in texts:
            known = await self._recall(self._key(text, rate, 1.0))
            made = [piece async for piece in self.speech(text, rate)]
            key = self._key(text, rate, 1.0)
            if phrase := self._memory.get(key):
                self._fixed[key] = phrase
                if known is None and self._private:
                    await self._store(key, phrase)
            pcm = b"".join(piece for piece in made if isinstance(piece, bytes))
            marks = tuple(piece for piece in made if isinstance(piece, WordStart))
            self._by_heart[text, rate] = phrase or _Phrase(pcm, marks)

    def _known(self, key: str) -> _Phrase | None:
        return self._fixed.get(key) or self._memory.get(key)

    def _key(self, text: str, rate: int, pace: float) -> str:
        name = "\0".join((self._synth.name, str(rate), f"{pace:.3f}", text))
        return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()

    async def _recall(self, key: str) -> _Phrase | None:
        phrase = self._known(key)
        if key in self._memory:
            self._memory.move_to_end(key)
        if phrase is not None:
            return phrase
        if self._disk is not None:
            phrase = await asyncio.to_thread(self._disk.read, key)
            if phrase is not None:
                self._keep(key, phrase)
        return phrase

    async def _remember(self, key: str, phrase: _Phrase) -> None:
        if not phrase.pcm:
            return
        self._keep(key, phrase)
        if not self._private:
            await self._store(key, phrase)

    async def _store(self, key: str, phrase: _Phrase) -> None:
        if self._disk is not None and self._stores:
            await asyncio.to_thread(self._disk.write, key, phrase)

    def _keep(self, key: str, phrase: _Phrase) -> None:
        if key in self._memory:
            self._memory_bytes -= self._memory.pop(key).size
        self._memory[key] = phrase
        self._memory_bytes += phrase.size
        while self._memory_bytes > self._memory_most:
            self._memory_bytes -= self._memory.popitem(last=False)[1].size


class _Disk:
    """The folder of entries; blocks, so it is used from threads. A fault of the disk only costs the entry."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._bytes: int | None = None
        """Size of the folder; not known until the first write."""
        self._again_at = 0.0
        """After a failure nothing is written before this, seconds of the monotonic clock."""

    def read(self, key: str) -> _Phrase | None:
        """An entry; None when there is none or it is damaged."""
        path = self._folder / (key + _SUFFIX)
        try:
            content = path.read_bytes()
            os.utime(path)  # the oldest use goes first
        except OSError:
            return None
        start = len(_MAGIC) + _DIGEST_BYTES
        if content[:start] != _MAGIC + hashlib.sha256(content[start:]).digest():
            return None
        try:
            return _Phrase.parse(content[start:])
        except ValueError:
            return None

    def write(self, key: str, phrase: _Phrase) -> None:
        """Store an entry, whole or not at all."""
        content = phrase.serialize()
        with self._lock:
            if time.monotonic() < self._again_at or len(content) > self._most:
                return
            try:
                self._write(key, content)
            except OSError as error:
                self._again_at = time.monotonic() + REST_S
                log.warning("%s: a phrase is not stored: %s; speech goes on", self._folder, error.strerror)

    def _write(self, key: str, content: bytes) -> None:
        if self._bytes is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._bytes = self._survey()
        path, part = self._folder / (key + _SUFFIX), self._folder / (key + _PART)
        before = path.stat().st_size if path.exists() else 0
        try:
            part.write_bytes(_MAGIC + hashlib.sha256(content).digest() + content)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        self._bytes += path.stat().st_size - before
        if self._bytes > self._most:
            self._bytes = self._thin()

    def _survey(self) -> int:
        """Sweep what a killed process left half-written; return the size of the rest, bytes."""
        for part in self._folder.glob("*" + _PART):
            part.unlink(missing_ok=True)
        return sum(path.stat().st_size for path in self._folder.glob("*" + _SUFFIX))

    def _thin(self) -> int:
        """What others removed meanwhile is not counted any more."""
        entries = [(stat.st_mtime_ns, stat.st_size, path) for path, stat in self._entries()]
        size = sum(length for _, length, _ in entries)
        for _, length, path in sorted(entries):
            if size <= self._most * _FULL:
                break
            path.unlink(missing_ok=True)
            size -= length
        return size

    def _entries(self) -> list[tuple[Path, os.stat_result]]:
        return [(path, path.stat()) for path in self._folder.glob("*" + _SUFFIX)]
