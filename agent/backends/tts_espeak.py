"""Speech by espeak-ng, in this process: no network, no model, first samples in under a millisecond.

The library (wheel ``espeakng-loader``) is one global synthesiser and not thread-safe, so one worker thread
owns it and every call queues sentence by sentence: five seconds of speech take some 4 ms, so a queue of
twenty is not heard. Chunks reach the event loop as they are made; a listener that goes away stops the
synthesis at its next chunk. API: espeak-ng 1.52, ``speak_lib.h``.
"""

import asyncio
import ctypes
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import cache
from pathlib import Path

import espeakng_loader
import numpy as np

from agent.errors import StartError, VoiceError
from agent.ports import WordStart
from audio.frame import SAMPLE_BYTES

DEFAULT_VOICES = {"ru": "ru", "en": "en-us"}
"""espeak-ng's voice for each language of the house."""
LEAD_MS = 2
"""Silence kept before the first sound; espeak-ng makes more, and the caller would wait for it."""
TAIL_MS = 150
"""Silence after a sentence: espeak-ng ends abruptly, and the next sentence would run into this one."""
PIECE_CHARS = 400
"""Longer texts are spoken in pieces, so that other calls get their turn in between."""

_QUIET = 100
"""Samples below this (-50 dBFS) are silence at the start."""
_BUFFER_MS = 60
_CHUNK_MS = 240
"""Size of the chunks after the first one."""

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_CHARACTER = 1
_RATE = 1
_OK = 0
_LIST_TERMINATED = 0
_WORD = 1
_SLOWEST_WPM, _FASTEST_WPM = 80, 450
"""What ``espeakRATE`` takes."""
_PIECES = re.compile(r"(?<=[.!?…])\s+")
_UNSPEAKABLE = re.compile("[\0\ud800-\udfff]")
"""What can't be sent as UTF-8 text; a space takes its place, so that positions stay."""


class _Event(ctypes.Structure):
    """``espeak_EVENT``: positions count characters from 1, samples from the start of the text."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Library:
    """The shared library; every method belongs to the worker thread."""

    def __init__(self) -> None:
        path = Path(espeakng_loader.get_library_path())
        try:
            self._c = ctypes.CDLL(str(path))
            data = espeakng_loader.get_data_path()
        except (OSError, RuntimeError):
            raise StartError(f"{path}: espeak-ng can't be loaded; reinstall the package espeakng-loader") from None
        self.rate: int = self._c.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data.encode(), _DONT_EXIT)
        if self.rate <= 0:
            raise StartError(f"{data}: espeak-ng can't read its data; reinstall the package espeakng-loader")
        self._data = Path(data)
        self._now: tuple[str, int] = ("", 0)
        self._job: _Job | None = None
        self._callback = _CALLBACK(self._made)  # kept here: the library holds a bare pointer
        self._c.espeak_SetSynthCallback(self._callback)

    def use(self, voice: str, speed_wpm: int) -> None:
        """Switch voice and rate when they differ from the last sentence's."""
        if self._now == (voice, speed_wpm):
            return
        if self._now[0] != voice:
            self._choose(voice)
        self._c.espeak_SetParameter(_RATE, speed_wpm, 0)
        self._now = (voice, speed_wpm)

    def _choose(self, voice: str) -> None:
        self._now = ("", 0)
        variant = voice.partition("+")[2]
        known = not variant or (self._data / "voices" / "!v" / variant).is_file()
        if not known or self._c.espeak_SetVoiceByName(voice.encode()) != _OK:
            raise StartError(f"[tts] voice: espeak-ng has no voice {voice!r}; for instance ru, en-us, ru+f2")

    def speak(self, text: str, job: "_Job") -> None:
        """Make one piece of text; chunks go to ``job`` meanwhile."""
        data = _UNSPEAKABLE.sub(" ", text).encode()
        self._job = job
        try:
            status = self._c.espeak_Synth(data, len(data) + 1, 0, _CHARACTER, 0, _CHARS_UTF8, None, None)
        finally:
            self._job = None
        if status != _OK:
            raise VoiceError(f"espeak-ng refused a sentence (status {status})")

    def _made(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]") -> int:
        """Called by the library with each buffer; 1 stops it. Must not raise."""
        job = self._job
        if job is None or job.stopped:
            return 1
        if events:
            job.mark(_words(events))
        if samples and count > 0:
            job.take(ctypes.string_at(samples, count * SAMPLE_BYTES))
        return 0


def _words(events: "ctypes._Pointer[_Event]") -> list[WordStart]:
    """Words that begin in this buffer; the library ends its list with a type of its own."""
    words = []
    place = 0
    while (event := events[place]).type != _LIST_TERMINATED:
        if event.type == _WORD:
            words.append(WordStart(event.text_position - 1, event.sample))
        place += 1
    return words


@cache
def _worker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="espeak")


@cache
def _library() -> _Library:
    return _Library()


class _Job:
    """One piece of text on its way from the worker thread to its listener.

    A word's start is kept until the lead is known: what is cut off there moves all words.
    """

    def __init__(self, rate: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._rate = rate
        self.made: asyncio.Queue[bytes | WordStart | None] = asyncio.Queue()
        self.stopped = False
        self._buffer = bytearray()
        self._begun = False
        self._cut = 0
        """Samples of the lead that were left out."""
        self._early: list[WordStart] = []

    def mark(self, words: list[WordStart]) -> None:
        """Worker: words that begin in the next buffer."""
        self._early += words
        if self._begun:
            self._send_marks()

    def take(self, pcm: bytes) -> None:
        """Worker: a buffer of samples."""
        if not self._begun:
            pcm = self._without_lead(pcm)
            if pcm:
                self._begun = True
                self._send_marks()
                self._send(pcm)
            return
        self._buffer += pcm
        if len(self._buffer) >= self._rate * _CHUNK_MS // 1000 * SAMPLE_BYTES:
            self._send(bytes(self._buffer))
            self._buffer.clear()

    def end(self) -> None:
        """Worker: nothing more comes."""
        if self._begun:
            self._send(bytes(self._buffer) + bytes(self._rate * TAIL_MS // 1000 * SAMPLE_BYTES))
        self._send(None)

    def _without_lead(self, pcm: bytes) -> bytes:
        loud = np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.int32)) > _QUIET
        keep = int(loud.argmax()) - self._rate * LEAD_MS // 1000 if loud.any() else loud.size
        self._cut += max(0, keep)
        return pcm[max(0, keep) * SAMPLE_BYTES :]

    def _send_marks(self) -> None:
        for word in self._early:
            self._send(WordStart(word.offset, max(0, word.sample - self._cut)))
        self._early.clear()

    def _send(self, made: bytes | WordStart | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self.made.put_nowait, made)
        except RuntimeError:  # the loop is closed: nobody listens
            self.stopped = True


class Espeak:
    """A voice of espeak-ng."""

    def __init__(self, language: str, voice: str = "", speed_wpm: int = 165) -> None:
        """Load library and voice (some 40 ms the first time); raises ``StartError`` for a voice that is not there."""
        self._voice = voice or DEFAULT_VOICES.get(language, language)
        self._speed_wpm = speed_wpm
        self._rate = _worker().submit(_prepare, self._voice, speed_wpm).result()

    @classmethod
    async def load(cls, language: str, voice: str = "", speed_wpm: int = 165) -> "Espeak":
        """The same off the event loop."""
        return await asyncio.to_thread(cls, language, voice, speed_wpm)

    @property
    def name(self) -> str:
        """Engine, voice and speed."""
        return f"espeak-ng {self._voice} {self._speed_wpm} wpm"

    @property
    def rate(self) -> int:
        """22,050 Hz."""
        return self._rate

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """Stream one sentence as PCM16 mono: some 60 ms first, then 240 ms chunks; nothing for a text without words.

        ``pace`` works between 80 and 450 words a minute. Word times are those of espeak-ng's ``WORD`` events.
        """
        speed_wpm = min(max(round(self._speed_wpm * pace), _SLOWEST_WPM), _FASTEST_WPM)
        samples = 0
        for start, piece in _pieces(text):
            before = samples
            async with aclosing(self._speak(piece, speed_wpm)) as stream:
                async for made in stream:
                    if isinstance(made, WordStart):
                        yield WordStart(start + made.offset, before + made.sample)
                    else:
                        samples += len(made) // SAMPLE_BYTES
                        yield made

    async def _speak(self, text: str, speed_wpm: int) -> AsyncGenerator[bytes | WordStart, None]:
        job = _Job(self._rate)
        working = asyncio.get_running_loop().run_in_executor(_worker(), _work, self._voice, speed_wpm, text, job)
        try:
            while (made := await job.made.get()) is not None:
                yield made
            await working
        finally:
            job.stopped = True
            if not working.cancel() and not working.cancelled():
                working.exception()  # looked at, so that asyncio does not report it as forgotten

    async def close(self) -> None:
        """Nothing to free: library and thread belong to the process."""


def _prepare(voice: str, speed_wpm: int) -> int:
    library = _library()
    library.use(voice, speed_wpm)
    return library.rate


def _work(voice: str, speed_wpm: int, text: str, job: _Job) -> None:
    """Worker: one piece of text, if its listener still waits for it."""
    try:
        if not job.stopped:
            library = _library()
            library.use(voice, speed_wpm)
            library.speak(text, job)
    finally:
        job.end()


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Whole sentences together up to ``PIECE_CHARS``, each with its place; a longer sentence is cut at a space."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    while start < end:
        stop = _piece_end(text, start, end)
        yield start, text[start:stop].rstrip()
        start = stop + len(text[stop:end]) - len(text[stop:end].lstrip())


def _piece_end(text: str, start: int, end: int) -> int:
    """Where the piece that begins at ``start`` is to end, for a text that ends at ``end``."""
    limit = start + PIECE_CHARS
    if end <= limit:
        return end
    sentences = [found.start() for found in _PIECES.finditer(text, start, limit + 1)]
    space = sentences[-1] if sentences else text.rfind(" ", start + 1, limit)
    return limit if space < 0 else space
