"""Phrases that were spoken before are not synthesised again.

A cache in front of a voice: memory first, then files; a miss streams through while it is remembered.
What is kept is already at the leg's rate, so audio is converted once in its life. An entry is named by a
digest of voice, rate and text, and carries a digest of its audio: a damaged one is made anew.
"""

import asyncio
import hashlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from pathlib import Path

from agent.ports import Synthesizer
from audio.resample import Resampler

log = logging.getLogger(__name__)

MEMORY_BYTES = 32 << 20
"""Audio kept in memory, bytes: half an hour at 8 kHz."""

_MAGIC = b"allo phrase 1\n"
_DIGEST_BYTES = 32
_SUFFIX = ".phrase"
_PART = ".part"
_FULL = 0.9
"""When the folder is full the oldest entries go until this part of it is left."""


class Phrases:
    """The voice of the house, with a memory."""

    def __init__(self, synth: Synthesizer, folder: Path, megabytes: int, memory_bytes: int = MEMORY_BYTES) -> None:
        """``folder`` is made at the first store; ``megabytes`` is its greatest size, 0 keeps nothing on disk."""
        self._synth = synth
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._memory_bytes = 0
        self._memory_most = memory_bytes
        self._disk = _Disk(folder, megabytes << 20) if megabytes else None

    async def speech(self, text: str, rate: int) -> AsyncIterator[bytes]:
        """PCM16 mono at ``rate`` Hz: whole when it is known, else as it is made; raises ``VoiceError``.

        A stream that is cut off before its end is not remembered.
        """
        key = self._key(text, rate)
        known = await self._recall(key)
        if known is not None:
            yield known
            return
        made = bytearray()
        async with aclosing(self._fresh(text, rate)) as stream:
            async for pcm in stream:
                made += pcm
                yield pcm
        await self._remember(key, bytes(made))

    async def _fresh(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        change = Resampler(self._synth.rate, rate)
        stream = self._synth.synthesize(text)
        try:
            async for chunk in stream:
                if pcm := change.push(chunk):
                    yield pcm
        finally:
            if isinstance(stream, AsyncGenerator):  # a voice that is still at work stops now, not when it is collected
                await stream.aclose()
        if rest := change.flush():
            yield rest

    async def warm(self, texts: Iterable[str], rate: int) -> None:
        """Have these phrases in memory, synthesising the unknown ones; raises ``VoiceError``."""
        for text in texts:
            async for _ in self.speech(text, rate):
                pass

    def _key(self, text: str, rate: int) -> str:
        return hashlib.sha256("\0".join((self._synth.name, str(rate), text)).encode("utf-8", "replace")).hexdigest()

    async def _recall(self, key: str) -> bytes | None:
        pcm = self._memory.get(key)
        if pcm is not None:
            self._memory.move_to_end(key)
        elif self._disk is not None:
            pcm = await asyncio.to_thread(self._disk.read, key)
            if pcm is not None:
                self._keep(key, pcm)
        return pcm

    async def _remember(self, key: str, pcm: bytes) -> None:
        if not pcm:
            return
        self._keep(key, pcm)
        if self._disk is not None:
            await asyncio.to_thread(self._disk.write, key, pcm)

    def _keep(self, key: str, pcm: bytes) -> None:
        if key in self._memory:
            self._memory_bytes -= len(self._memory.pop(key))
        self._memory[key] = pcm
        self._memory_bytes += len(pcm)
        while self._memory_bytes > self._memory_most:
            self._memory_bytes -= len(self._memory.popitem(last=False)[1])


class _Disk:
    """The folder of entries; blocks, so it is used from threads. A fault of the disk only costs the entry."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._bytes: int | None = None
        """Size of the folder; not known until the first write."""
        self._broken = False

    def read(self, key: str) -> bytes | None:
        """The audio of an entry; None when there is none or it is damaged."""
        path = self._folder / (key + _SUFFIX)
        try:
            content = path.read_bytes()
            os.utime(path)  # the oldest use goes first
        except OSError:
            return None
        start = len(_MAGIC) + _DIGEST_BYTES
        pcm = content[start:]
        whole = content[:start] == _MAGIC + hashlib.sha256(pcm).digest()
        return pcm if whole and pcm else None

    def write(self, key: str, pcm: bytes) -> None:
        """Store an entry, whole or not at all."""
        with self._lock:
            if self._broken or len(pcm) > self._most:
                return
            try:
                self._write(key, pcm)
            except OSError as error:
                self._broken = True
                log.warning("%s: phrases are not stored any more: %s; speech goes on", self._folder, error.strerror)

    def _write(self, key: str, pcm: bytes) -> None:
        if self._bytes is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._bytes = self._survey()
        path, part = self._folder / (key + _SUFFIX), self._folder / (key + _PART)
        before = path.stat().st_size if path.exists() else 0
        try:
            part.write_bytes(_MAGIC + hashlib.sha256(pcm).digest() + pcm)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        self._bytes += path.stat().st_size - before
        if self._bytes > self._most:
            self._bytes = self._thin(self._bytes)

    def _survey(self) -> int:
        """Sweep what a killed process left half-written; return the size of the rest, bytes."""
        for part in self._folder.glob("*" + _PART):
            part.unlink(missing_ok=True)
        return sum(path.stat().st_size for path in self._folder.glob("*" + _SUFFIX))

    def _thin(self, size: int) -> int:
        entries = [(stat.st_mtime_ns, stat.st_size, path) for path, stat in self._entries()]
        for _, length, path in sorted(entries):
            if size <= self._most * _FULL:
                break
            path.unlink(missing_ok=True)
            size -= length
        return size

    def _entries(self) -> list[tuple[Path, os.stat_result]]:
        return [(path, path.stat()) for path in self._folder.glob("*" + _SUFFIX)]
