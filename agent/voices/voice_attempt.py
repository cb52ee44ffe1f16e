"""One voice is asked for a sentence, under deadlines, and what it makes is passed on as the line needs it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field

from agent.breaker import Breaker
from agent.errors import VoiceError
from agent.ports import Synthesizer, WordStart
from agent.voices.voice_take import LEAD_S, Take, too_short, words_of

Made = bytes | WordStart


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a voice is waited for."""

    first_s: float
    """Its first sound, seconds of the event loop's clock."""
    stall_s: float
    """Each further one, once the line runs dry, seconds."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One voice's try; tells its circuit breaker how it went. Afterwards ``fault`` says what went wrong."""

    voice: Synthesizer
    take: Take
    text: str
    pace: float
    """As in ``agent.ports.Manner``."""
    patience: Patience
    breaker: Breaker
    letter_s: float | None
    """How long a letter takes this voice at pace 1, seconds; None: not known yet."""
    fault: str = ""
    doubtful: bool = False
    """The voice says that this was all, and that is hard to believe; the breaker was told nothing yet."""
    first_s: float | None = None
    """Wait for the first sound, seconds; None: none came."""
    _last_at: float = field(default=0.0, init=False)
    _given_at: float | None = field(default=None, init=False)

    async def stream(self) -> AsyncGenerator[Made, None]:
        """Audio at the house's rate and word starts in it; ends without the held rest when the voice failed."""
        clock = asyncio.get_running_loop().time
        begun = self._last_at = clock()
        incoming = _Incoming(self.voice.synthesize(self.text, self.pace))
        try:
            while (made := await incoming.next(self._wake(begun))) is not _END:
                now = clock()
                self._take(made, now - begun, now)
                if self.first_s is not None:
                    for piece in self._piece(self.take.ready(now - (self._given_at or now)), now):
                        yield piece
            if self._whole():
                for piece in self._piece(self.take.rest(), clock()):
                    yield piece
                self.breaker.succeeded()
        except VoiceError as error:
            self.fault = str(error)
            self.breaker.failed()
        except BaseException:
            self.breaker.released()
            raise
        finally:
            await incoming.close()

    def settle(self, whole: bool) -> None:
        """Whether a doubtful voice has said all its words."""
        self.fault = "" if whole else "ended before the sentence did"
        (self.breaker.succeeded if whole else self.breaker.failed)()

    def _take(self, made: "Made | _Mark", waited_s: float, now: float) -> None:
        if isinstance(made, WordStart):
            self.take.mark(made)
        elif isinstance(made, bytes):
            if not made:
                return
            self._last_at = now
            if self.first_s is None:
                self.first_s = waited_s
            self.take.add(made)
        elif self.first_s is None:
            raise VoiceError(f"no sound within {self.patience.first_s * 1000:.0f} ms")
        elif now - self._last_at >= self.patience.stall_s:
            raise VoiceError("fell silent in the middle of a sentence")

    def _piece(self, pcm: bytes, now: float) -> Iterator[Made]:
        if pcm:
            if self._given_at is None:
                self._given_at = now
            yield from self.take.passed()
            yield pcm

    def _wake(self, begun: float) -> float:
        """When to look again although nothing has come, loop seconds."""
        if self.first_s is None:
            return begun + self.patience.first_s
        stalled = self._last_at + self.patience.stall_s
        if self._given_at is None:
            return stalled
        dry = self._given_at + self.take.given_s - LEAD_S
        return dry if self.take.made > self.take.given else max(dry, stalled)

    def _whole(self) -> bool:
        """The voice says that this was all: can that be?"""
        self.take.end()
        if not words_of(self.text):
            return True
        if not self.take.made:
            raise VoiceError("made no sound")
        seconds = self.take.made_s * self.pace
        self.doubtful = self.take.holds and too_short(self.text, seconds, self.letter_s, self.take.abrupt)
        return not self.doubtful


class _Mark:
    """Something that is no audio."""


_END, _LATE = _Mark(), _Mark()


class _Incoming:
    """What a voice makes, waited for without disturbing it: it runs in a task of its own."""

    def __init__(self, stream: AsyncIterator[Made]) -> None:
        self._stream = stream
        self._made: asyncio.Queue[Made | _Mark] = asyncio.Queue()
        self._begun = False
        self._pump = asyncio.ensure_future(self._run())
        self._pump.add_done_callback(self._ended)

    async def next(self, until: float) -> Made | _Mark:
        """The next piece, ``_END``, or ``_LATE`` when nothing comes until then; raises what the voice raised."""
        if self._begun:
            await asyncio.sleep(0)  # a quick voice makes a sentence at once; other calls' turn between two pieces
        self._begun = True
        try:
            async with asyncio.timeout_at(until):
                made = await self._made.get() if self._made.empty() else self._made.get_nowait()
        except TimeoutError:
            return _LATE
        if made is _END:
            self._pump.result()
        return made

    async def close(self) -> None:
        """Stop the voice and wait until it has stopped."""
        self._pump.cancel()
        await asyncio.wait([self._pump])

    def _ended(self, pump: "asyncio.Future[None]") -> None:
        if not pump.cancelled():
            pump.exception()  # looked at, so that asyncio does not report it where nobody waits any more
        self._made.put_nowait(_END)

    async def _run(self) -> None:
        try:
            async for made in self._stream:
                self._made.put_nowait(made)
        finally:
            if isinstance(self._stream, AsyncGenerator):
                await self._stream.aclose()
