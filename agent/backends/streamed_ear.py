"""The ear of one call over anything that hears utterance by utterance: a server's stream, a worker process.

The vendor's part is one coroutine that hears one piece of audio while it grows (``Listen``). What is alike for all
stands here: an utterance's audio is kept until its text is there, so a stream that dies is begun again with all of it;
one that nears its vendor's limit is cut at the quietest moment of its last seconds, and each word counts on one side
of the cut; times of words become positions on the line.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from agent.backends.places import Places
from agent.errors import HearingError
from agent.ports import Transcript, Word
from audio.frame import AudioFrame

CHUNK_MS = 100
"""Audio that is sent together, milliseconds."""
PEEK_S = 0.15
"""A peek waits so long for what was just sent to be heard, seconds."""
FINISH_S = 4.0
"""After the end of an utterance its text must come within this, seconds."""
TRIES = 2
"""A stream that fails is begun again so often in all."""
BACK_S = 10
"""A cut is made within so much of the latest audio, seconds."""
QUIET_MS, STEP_MS = 160, 20
"""The moment of a cut is so long, and is looked for in such steps, milliseconds."""


@dataclass(frozen=True, slots=True)
class Said:
    """A word within a piece of audio."""

    text: str
    start: int
    """Its first sample within the piece."""
    end: int
    """The sample after its last."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was understood of a piece of audio so far."""

    words: tuple[Said, ...] = ()
    reached: int = 0
    """Samples of the piece that were used."""
    text: str | None = None
    """What is to be read instead of the words, where the recogniser writes numbers or names down itself."""
    confidence: float = 1.0
    """How sure it is of the words, 0 to 1."""
    language: str = ""
    """As in ``Transcript``."""


class Feed:
    """The audio of one piece, PCM16 mono, while it grows."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        """Samples a second."""
        self.ended = False
        """Nothing more comes."""
        self.asked = 0
        """How often somebody wanted to know what was said so far."""
        self._pcm = bytearray()
        self._grown = asyncio.Event()
        self._wake_at = 0

    @property
    def samples(self) -> int:
        """Length so far."""
        return len(self._pcm) // 2

    def add(self, pcm: bytes) -> None:
        """More audio."""
        self._pcm += pcm
        if len(self._pcm) >= self._wake_at:
            self._grown.set()

    def ask(self) -> None:
        """Somebody waits: hear what is there."""
        self.asked += 1
        self._grown.set()

    def end(self) -> None:
        """The utterance is over."""
        self.ended = True
        self._grown.set()

    def truncate(self, sample: int) -> None:
        """What lies after this sample belongs to another piece."""
        del self._pcm[2 * sample :]

    def since(self, sample: int, most: int | None = None) -> bytes:
        """The audio from this sample on, at most ``most`` samples."""
        return bytes(self._pcm[2 * sample : None if most is None else 2 * (sample + most)])

    async def more(self, seen: int, least_ms: int = CHUNK_MS, answered: int | None = None) -> bytes:
        """What came after ``seen`` samples, a second of it at most.

        Comes once it is ``least_ms`` long, or all has come, or somebody asked more often than was ``answered`` (none:
        than until now).
        """
        asked = self.asked if answered is None else answered
        self._wake_at = 2 * (seen + least_ms * self.rate // 1000)
        while len(self._pcm) < self._wake_at and not self.ended and self.asked == asked:
            self._grown.clear()
            await self._grown.wait()
        return self.since(seen, self.rate)

    async def chunks(self, least_ms: int = CHUNK_MS) -> AsyncIterator[bytes]:
        """All of it from the beginning, as it comes, until it has ended."""
        seen = answered = 0
        while not (self.ended and seen >= self.samples):
            chunk = await self.more(seen, least_ms, answered)
            answered = self.asked
            seen += len(chunk) // 2
            if chunk:
                yield chunk


Show = Callable[[Hearing], None]
Listen = Callable[[Feed, Show], Awaitable[Hearing]]
"""Hear a piece: show what is understood meanwhile, return what was understood in the end; raises ``HearingError``."""


class _Piece:
    """A run of audio that one stream hears."""

    def __init__(self, rate: int, start: int) -> None:
        self.feed = Feed(rate)
        self.start = start
        """Samples of the utterance before it."""
        self.cut: int | None = None
        """Words whose middle is after this sample belong to the next piece."""
        self.heard = Hearing()
        self.fault: HearingError | None = None
        self.task: asyncio.Task[None] | None = None
        self.news = asyncio.Event()

    @property
    def words(self) -> list[Said]:
        """Those that are its own, with samples of the utterance."""
        end = self.cut if self.cut is not None else max(self.feed.samples, self.heard.reached) + 1
        own = (word for word in self.heard.words if (word.start + word.end) // 2 <= end)
        return [Said(word.text, self.start + word.start, self.start + word.end) for word in own]

    @property
    def text(self) -> str:
        """What it says."""
        if self.heard.text is not None and self.cut is None:
            return self.heard.text
        return " ".join(word.text for word in self.words)


class _Utterance:
    """What was said since the last ``finish``."""

    def __init__(self) -> None:
        self.places = Places()
        self.pieces: list[_Piece] = []
        self.shown = ""

    @property
    def text(self) -> str:
        return " ".join(text for text in (piece.text for piece in self.pieces) if text)

    def transcript(self, final: bool) -> Transcript:
        last = self.pieces[-1]
        place = self.places.position
        words = tuple(
            Word(word.text, place(word.start), place(word.end)) for piece in self.pieces for word in piece.words
        )
        reached = self.places.end if final else place(last.start + last.heard.reached)
        told = [piece.heard for piece in self.pieces if piece.text]
        sure = min((heard.confidence for heard in told), default=1.0)
        return Transcript(self.text, final, reached, words, sure, told[-1].language if told else "")


class StreamedEar:
    """The ear of one call. All its methods belong to the event loop's thread."""

    def __init__(
        self,
        listen: Listen,
        rate: int,
        on_partial: Callable[[Transcript], None],
        *,
        most_s: float = float("inf"),
        finish_s: float = FINISH_S,
        peek_s: float = PEEK_S,
    ) -> None:
        """``most_s``: no piece becomes longer; ``finish_s``, ``peek_s``: how long the two may take. All seconds."""
        self._listen, self._rate, self._on_partial = listen, rate, on_partial
        self._most = most_s * rate
        self._finish_s, self._peek_s = finish_s, peek_s
        self._now = _Utterance()
        self._tasks: set[asyncio.Task[None]] = set()
        self._end = 0
        self._closed = False

    def push(self, frame: AudioFrame) -> None:
        """Take one frame; never blocks."""
        if self._closed:
            return
        now = self._now
        if not now.pieces:
            self._begin(now, 0)
        now.places.add(frame)
        self._end = frame.end
        feed = now.pieces[-1].feed
        feed.add(frame.pcm)
        if feed.samples >= self._most:
            self._roll(now)

    async def peek(self, trailing: bool = False) -> Transcript:
        """What was understood so far; waits a moment for what was said last. ``trailing`` makes no difference here."""
        self._refuse_closed()
        now = self._now
        if not now.pieces:
            return Transcript("", False, self._end)
        piece = now.pieces[-1]
        wanted = piece.feed.samples
        piece.feed.ask()
        try:
            async with asyncio.timeout(self._peek_s):
                while piece.heard.reached < wanted and piece.fault is None:
                    piece.news.clear()
                    await piece.news.wait()
        except TimeoutError:
            pass
        if piece.fault is not None:
            raise piece.fault
        return now.transcript(final=False)

    async def finish(self) -> Transcript:
        """Everything heard since the last ``finish``; raises ``HearingError``."""
        self._refuse_closed()
        now, self._now = self._now, _Utterance()
        if not now.pieces:
            return Transcript("", True, self._end)
        for piece in now.pieces:
            piece.feed.end()
        tasks = [piece.task for piece in now.pieces if piece.task is not None]
        try:
            done, late = await asyncio.wait(tasks, timeout=self._finish_s)
        finally:
            _give_up(tasks)
        if late:
            raise HearingError(f"no text within {self._finish_s:g} s of the end of an utterance")
        for task in done:
            if not task.cancelled():
                task.result()
        for piece in now.pieces:
            if piece.fault is not None:
                raise piece.fault
        self._refuse_closed()
        return now.transcript(final=True)

    async def close(self) -> None:
        """Give up what is being heard; harmless when closed."""
        self._closed = True
        tasks = list(self._tasks)
        _give_up(tasks)
        if tasks:
            await asyncio.wait(tasks)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise HearingError("the recogniser of this call is closed")

    def _begin(self, utterance: _Utterance, start: int, pcm: bytes = b"") -> None:
        piece = _Piece(self._rate, start)
        piece.feed.add(pcm)
        utterance.pieces.append(piece)
        piece.task = asyncio.get_running_loop().create_task(self._hear(utterance, piece))
        self._tasks.add(piece.task)
        piece.task.add_done_callback(self._tasks.discard)

    async def _hear(self, utterance: _Utterance, piece: _Piece) -> None:
        """Hear a piece; again from its beginning when the stream fails."""
        fault = None
        for _ in range(TRIES):
            try:
                piece.heard = await self._listen(piece.feed, partial(self._show, utterance, piece))
            except HearingError as error:
                fault = error
                piece.heard = Hearing()
            else:
                piece.news.set()
                return
        piece.fault = fault
        piece.news.set()

    def _show(self, utterance: _Utterance, piece: _Piece, heard: Hearing) -> None:
        piece.heard = heard
        piece.news.set()
        if utterance is not self._now or self._closed:
            return
        text = utterance.text
        if text and text != utterance.shown:
            utterance.shown = text
            self._on_partial(utterance.transcript(final=False))

    def _roll(self, utterance: _Utterance) -> None:
        """End a piece that is as long as it may be and go on with another one."""
        old = utterance.pieces[-1]
        old.cut = _quietest(old.feed)
        self._begin(utterance, old.start + old.cut, old.feed.since(old.cut))
        old.feed.truncate(old.cut)
        old.feed.end()


def _give_up(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel each once: a second time would end what it closes behind itself, and leave a connection open."""
    for task in tasks:
        if not task.cancelling():
            task.cancel()


def _quietest(feed: Feed) -> int:
    """The sample in the middle of the quietest moment of the latest seconds."""
    start = max(feed.samples - BACK_S * feed.rate, feed.samples // 2)
    step = STEP_MS * feed.rate // 1000
    tail = np.abs(np.frombuffer(feed.since(start), np.int16).astype(np.int32))
    loudness = tail[: len(tail) // step * step].reshape(-1, step).mean(axis=1)
    wide = QUIET_MS // STEP_MS
    if len(loudness) < wide:
        return feed.samples
    quiet = int(np.lib.stride_tricks.sliding_window_view(loudness, wide).mean(axis=1).argmin())
    return start + quiet * step + wide * step // 2
