"""Recognisers in the order of preference: when one fails, the next is given the audio of the utterance so far.

Every word is heard by one recogniser from its beginning, so none is lost and none comes twice. A recogniser that keeps
failing is left alone for a while (``agent.breaker``); then one call tries whether it is back. A call that had to go
over to another recogniser returns to the preferred one between two utterances.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from agent.breaker import Breaker
from agent.costs import is_spent
from agent.errors import HearingError
from agent.figures.engine_times import Told, untold
from agent.hearing_choice import Choice, Errands, Link
from agent.ports import Recognizer, SpeechToText, Transcript
from audio.frame import AudioFrame

log = logging.getLogger(__name__)

MOST_S = 600
"""Audio of an utterance that is kept, seconds; beyond it the oldest is dropped."""


class HearingChain:
    """A ``SpeechToText`` made of several."""

    def __init__(
        self,
        engines: Sequence[SpeechToText],
        deadline_s: float,
        clock: Callable[[], float] = lambda: asyncio.get_running_loop().time(),
        told: Told = untold,
    ) -> None:
        """``engines``: the preferred one first; ``deadline_s``: how long each but the last may take over a text.

        ``clock``: steady seconds, by which those that fail are left alone; ``told`` hears how soon each gave its text.
        """
        self._links = [Link(stt, Breaker(clock), told) for stt in engines]
        self._deadline_s, self._clock = deadline_s, clock

    @property
    def name(self) -> str:
        """All of them, in their order."""
        return ", then ".join(link.stt.name for link in self._links)

    @property
    def states(self) -> dict[str, str]:
        """Each recogniser and how it does, for health."""
        return {link.stt.name: link.state for link in self._links}

    @property
    def engines(self) -> tuple[SpeechToText, ...]:
        """In their order."""
        return tuple(link.stt for link in self._links)

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> "ChainEar":
        """The ear of a call, by the first recogniser that opens one; raises ``HearingError``."""
        ear = ChainEar(self._links, self._deadline_s, self._clock, rate, on_partial)
        await ear.begin()
        return ear

    async def close(self) -> None:
        """Free all of them."""
        for link in self._links:
            await link.stt.close()


class ChainEar:
    """The ear of one call over the recognisers of a chain."""

    def __init__(
        self,
        links: Sequence[Link],
        deadline_s: float,
        clock: Callable[[], float],
        rate: int,
        on_partial: Callable[[Transcript], None],
    ) -> None:
        self._clock, self._choice = clock, Choice(links, clock, rate)
        self._deadline_s, self._rate, self._on_partial = deadline_s, rate, on_partial
        self._link: Link | None = None
        self._inner: Recognizer | None = None
        self._frames: list[AudioFrame] = []
        """The utterance so far."""
        self._later: list[AudioFrame] | None = None
        """Frames after the end of an utterance whose text is not there yet."""
        self._concluding = asyncio.Lock()
        """Two may ask for the text at once, a sound over the agent and a turn: each gets an utterance of its own."""
        self._changing = asyncio.Lock()
        self._errands = Errands()
        self._returning: asyncio.Task[None] | None = None
        self._closed = False

    def push(self, frame: AudioFrame) -> None:
        """Take one frame; never blocks."""
        if self._closed:
            return
        if self._later is not None:
            self._later.append(frame)
            return
        self._frames.append(frame)
        if len(self._frames) * frame.samples > MOST_S * self._rate:
            del self._frames[: len(self._frames) // 10]
        if self._inner is not None:
            self._inner.push(frame)

    async def begin(self) -> None:
        """Open the first ear; raises ``HearingError``."""
        async with self._changing:
            await self._change()

    async def peek(self, trailing: bool = False) -> Transcript:
        """What was understood so far; when the recogniser fails, the next one is asked. Raises ``HearingError``."""
        while True:
            inner, link = self._present()
            try:
                return await inner.peek(trailing)
            except HearingError as error:
                async with self._changing:
                    if self._inner is inner:
                        await self._go_over(link, error)

    async def finish(self) -> Transcript:
        """Everything heard since the last ``finish``, by the first that gives it; raises ``HearingError``."""
        async with self._concluding:
            later = self._later = []
            try:
                async with self._changing:
                    heard = await self._finish()
            finally:
                self._frames, self._later = later, None
                self._choice.tried.clear()
                self._replay()
        if self._link is not self._choice.links[0] or is_spent(self._link.stt):
            self._returning = self._errands.begin(self._return)
        return heard

    async def close(self) -> None:
        """Free the ear; harmless when closed."""
        self._closed = True
        if self._returning is not None:
            self._returning.cancel()
        await self._errands.over()
        inner, self._inner = self._inner, None
        if inner is not None:
            await inner.close()
        if self._link is not None:
            self._link.breaker.released()

    # ------------------------------------------------------------ changing over

    def _present(self) -> tuple[Recognizer, Link]:
        if self._closed:
            raise HearingError("the recogniser of this call is closed")
        if self._inner is None or self._link is None:
            raise HearingError("no recogniser is left")
        return self._inner, self._link

    async def _finish(self) -> Transcript:
        while True:
            if self._inner is None:
                await self._change()
            inner, link = self._present()
            began = self._clock()
            last = self._choice.last
            try:
                async with asyncio.timeout(None if last else self._deadline_s):
                    heard = await inner.finish()
            except HearingError as error:
                await self._go_over(link, error)
            except TimeoutError:
                await self._go_over(link, HearingError(f"{link.stt.name}: no text within {self._deadline_s:g} s"))
            else:
                link.heard(self._clock() - began)
                return heard

    async def _go_over(self, link: Link, error: HearingError) -> None:
        """Leave a recogniser that failed; raises its error when it was the last."""
        link.missed(self._clock())
        self._choice.tried.add(link)
        self._leave()
        if len(self._choice.tried) == len(self._choice.links):
            log.error("stt: %s; nobody is left to hear this utterance", error)
            self._choice.tried.clear()
            raise error
        log.warning("stt: %s; another recogniser hears the utterance again", error)
        await self._change()

    async def _change(self) -> None:
        """Open an ear at the first recogniser that has one, and give it the utterance so far."""
        error = HearingError("no recogniser is left")
        for link in self._choice.candidates():
            opened = await self._opened(link)
            if isinstance(opened, HearingError):
                error = opened
                self._choice.tried.add(link)
                continue
            self._link, self._inner = link, opened
            self._replay()
            return
        self._choice.tried.clear()
        raise error

    async def _opened(self, link: Link) -> Recognizer | HearingError:
        own: list[Recognizer] = []

        def on_partial(transcript: Transcript) -> None:
            if own and own[0] is self._inner and self._later is None:
                self._on_partial(transcript)

        opened = await self._choice.opened(link, on_partial)
        if not isinstance(opened, HearingError):
            own.append(opened)
        return opened

    def _replay(self) -> None:
        if self._inner is not None:
            for frame in self._frames:
                self._inner.push(frame)

    def _leave(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            self._errands.begin(inner.close)

    async def _return(self) -> None:
        """Between two utterances: to a recogniser that is preferred to the present one, if it may be asked again."""
        async with self._changing:
            for link in self._choice.preferred(self._link):
                if self._closed:
                    link.breaker.released()
                    return
                opened = await self._opened(link)
                if isinstance(opened, HearingError):
                    continue
                if self._link is not None:
                    self._link.breaker.released()
                self._leave()
                self._link, self._inner = link, opened
                if self._later is None:
                    self._replay()
                return
