"""Voices in the order of preference: the first that answers is heard; when it fails the next goes on in mid-sentence.

A voice that keeps failing is left alone for a while (``agent.breaker``); then one sentence tries whether it is back.
What comes out is at one rate and one loudness.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from agent.breaker import Breaker
from agent.costs import is_spent
from agent.errors import VoiceError
from agent.figures.engine_times import Told, untold
from agent.ports import Makeshift, Synthesizer, WordStart
from agent.voices.voice_attempt import Attempt, Patience
from agent.voices.voice_take import HALF, Take, by_letters, letter_time, resumed, told, words_of
from agent.voices.word_borders import Borders, Spoken, borders
from audio.frame import SAMPLE_BYTES
from audio.loudness import CROSSFADE, Joiner

log = logging.getLogger(__name__)

FIRST_S = 0.8
"""Deadline for the first sound of a voice that has another one behind it, seconds."""
STALL_S = 0.25
"""A voice that gives nothing for so long while the line runs dry has stalled, seconds."""
LAST_S = 6.0
"""Both deadlines of the last voice, seconds: there is nobody to go on."""
LEARNT_MS = 1000
"""Speech after which a voice's loudness counts as known, milliseconds."""
WEIGHT = 0.2
"""What one more sentence counts in what is known of a voice."""


@dataclass(slots=True, eq=False)
class _Link:
    """One voice of the chain and what is known of it."""

    voice: Synthesizer
    breaker: Breaker
    level_dbfs: float | None = None
    letter_s: float | None = None
    """How long a letter takes it at pace 1, seconds."""
    first_ms: float | None = None
    """Wait for its first sound, milliseconds."""
    asked: int = 0
    failed: int = 0

    def learn(self, attempt: Attempt) -> None:
        """A sentence is complete."""
        take = attempt.take
        if take.leveller.heard_ms >= LEARNT_MS:
            self.level_dbfs = _mixed(self.level_dbfs, take.leveller.heard_dbfs)
        letter_s = letter_time(attempt.text, take.made_s * attempt.pace)
        if letter_s is not None:
            self.letter_s = _mixed(self.letter_s, letter_s)

    @property
    def state(self) -> str:
        """For health."""
        speed = "" if self.first_ms is None else f"; first sound after {self.first_ms:.0f} ms"
        failures = f"; {self.failed} of {self.asked} sentences failed" if self.failed else ""
        state = "spent" if is_spent(self.voice) else "failing" if self.breaker.open else "ok"
        return state + speed + failures


@dataclass(slots=True)
class _Out:
    """The one stream that comes out of several voices."""

    makeshift: bool = False
    _joiner: Joiner = field(default_factory=Joiner)
    _base: int = 0
    """Samples before the present voice's first one."""
    _pushed: int = 0
    """Samples of the present voice."""
    _start: int = 0
    """Characters before the present voice's text."""

    async def voiced(self, attempt: Attempt, start: int) -> AsyncGenerator[bytes | WordStart, None]:
        """What a voice makes of the text from the character ``start`` on."""
        self._start = start
        async with aclosing(attempt.stream()) as stream:
            async for made in stream:
                if isinstance(made, WordStart):
                    yield WordStart(start + made.offset, self._base + made.sample)
                elif pcm := self._push(made):
                    yield pcm

    def rest(self, attempt: Attempt, until: int) -> Iterator[bytes | WordStart]:
        """What a voice has made and not given, up to the sample ``until``."""
        pcm = attempt.take.rest(until)
        for word in attempt.take.passed():
            yield WordStart(self._start + word.offset, self._base + word.sample)
        if left := self._push(pcm):
            yield left

    def seam(self, attempt: Attempt, start: int) -> Iterator[bytes | WordStart]:
        """The voice failed; another one goes on from the character ``start``."""
        self.makeshift = True
        if not attempt.take.given:
            return
        self._base += max(self._pushed - CROSSFADE, 0)
        self._pushed = 0
        if early := self._kind(self._joiner.cut()):
            yield early
        yield WordStart(start, self._base)

    def _push(self, pcm: bytes) -> bytes:
        self._pushed += len(pcm) // SAMPLE_BYTES
        return self._kind(self._joiner.push(pcm))

    def flush(self) -> bytes:
        """The end."""
        return self._kind(self._joiner.flush())

    def _kind(self, pcm: bytes) -> bytes:
        return Makeshift(pcm) if self.makeshift else pcm


class VoiceChain:
    """A ``Synthesizer`` made of several."""

    def __init__(
        self,
        voices: Sequence[Synthesizer],
        timekeeper: Synthesizer | None = None,
        first_s: float = FIRST_S,
        told: Told = untold,
    ) -> None:
        """``voices``: the preferred one first; ``first_s``: deadline of their first sound, seconds.

        ``timekeeper``: a voice that knows its word times, and so finds those of the others
        (``agent.voices.word_borders``); none: they are guessed by letters. ``told`` hears how soon each voice sounded.
        """
        self._links = [_Link(voice, Breaker(lambda: asyncio.get_running_loop().time())) for voice in voices]
        self._timekeeper, self._first_s, self._told = timekeeper, first_s, told
        self._rate = voices[0].rate

    @property
    def name(self) -> str:
        """Name of the voice that is to be expected now: the first that is not failing."""
        return self._expected.voice.name

    @property
    def rate(self) -> int:
        """The preferred voice's, Hz; the others are converted to it."""
        return self._rate

    @property
    def order(self) -> str:
        """All voices in their order, for people."""
        return ", then ".join(link.voice.name for link in self._links)

    @property
    def states(self) -> dict[str, str]:
        """Each voice of several, whether it answers, and how fast, for health."""
        return {link.voice.name: link.state for link in self._links} if len(self._links) > 1 else {}

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """Stream one sentence, by several voices if it must be: no word twice, none left out.

        PCM16 mono at ``audio.loudness.TARGET_DBFS``, as ``Makeshift`` where another voice than ``name`` speaks. Raises
        ``VoiceError`` when all have failed.
        """
        expected, out, start, fault = self._expected, _Out(), 0, ""
        for link in self._admitted():
            out.makeshift |= link is not expected
            attempt = self._attempt(link, text[start:], pace)
            async with aclosing(out.voiced(attempt, start)) as stream:
                async for made in stream:
                    yield made
            until, reached = await self._stopped(link, attempt)
            fault = self._judge(link, attempt)
            start += reached
            for piece in out.rest(attempt, until):
                yield piece
            if not fault or not words_of(text[start:]):
                break
            for piece in out.seam(attempt, start):
                yield piece
        else:
            raise VoiceError(fault)
        if rest := out.flush():
            yield rest

    async def close(self) -> None:
        """Close every voice."""
        for link in self._links:
            await link.voice.close()

    @property
    def _expected(self) -> _Link:
        usable = (link for link in self._links if not (link.breaker.open or is_spent(link.voice)))
        return next(usable, self._links[-1])

    def _admitted(self) -> Iterator[_Link]:
        for link in self._links[:-1]:
            if not is_spent(link.voice) and link.breaker.admit():
                yield link
        self._links[-1].breaker.admit()
        yield self._links[-1]  # even if it is failing: there is nobody else

    def _attempt(self, link: _Link, text: str, pace: float) -> Attempt:
        last = link is self._links[-1]
        patience = Patience(LAST_S, LAST_S) if last else Patience(self._first_s, STALL_S)
        take = Take(link.voice.rate, self._rate, link.level_dbfs, holds=not last)
        link.asked += 1
        return Attempt(link.voice, take, text, pace, patience, link.breaker, link.letter_s)

    def _judge(self, link: _Link, attempt: Attempt) -> str:
        """Draw the conclusions from an attempt; the fault, empty when all is well."""
        if attempt.first_s is not None:
            link.first_ms = _mixed(link.first_ms, attempt.first_s * 1000)
            self._told("tts", link.voice.name, attempt.first_s)
        if not attempt.fault:
            link.learn(attempt)
            return ""
        link.failed += 1
        self._told("tts", link.voice.name, None)
        fault = f"{link.voice.name}: {attempt.fault}"
        if len(self._links) > 1:
            log.warning("tts: %s; %s", fault, "nobody goes on" if link is self._links[-1] else "the next voice goes on")
        return fault

    async def _stopped(self, link: _Link, attempt: Attempt) -> tuple[int, int]:
        """Where a failed voice's audio is to end, samples, and the character of its text to go on from.

        Settles whether a voice that ended early has failed.
        """
        take, text = attempt.take, attempt.text
        if not attempt.fault and not attempt.doubtful:
            return take.made, len(text)
        take.end()
        if not take.given and not attempt.doubtful:
            return 0, 0
        try:
            found = told(text, take.words, take.made) or await self._aligned(link, attempt)
        except BaseException:  # the caller interrupts: whether a doubtful voice has failed will never be known
            attempt.breaker.released()
            raise
        if attempt.doubtful:
            attempt.settle(found.next_word < 0 and found.into_last >= HALF)
        if not attempt.fault:
            return take.made, len(text)
        return resumed(found, take.given, take.made, text)

    async def _aligned(self, link: _Link, attempt: Attempt) -> Borders:
        take, text = attempt.take, attempt.text
        if self._timekeeper is not None:
            try:
                model = await _spoken(self._timekeeper, text, attempt.pace)
                return await asyncio.to_thread(borders, bytes(take.pcm), self._rate, model)
            except VoiceError as error:
                log.warning("tts: %s: %s; words are counted by their letters", self._timekeeper.name, error)
        return by_letters(text, take.made, self._rate, link.letter_s)


async def _spoken(voice: Synthesizer, text: str, pace: float) -> Spoken:
    pcm, words = bytearray(), list[tuple[int, int]]()
    async for made in voice.synthesize(text, pace):
        if isinstance(made, WordStart):
            words.append((made.offset, made.sample))
        else:
            pcm += made
    return Spoken(bytes(pcm), voice.rate, tuple(words))


def _mixed(known: float | None, fresh: float) -> float:
    return fresh if known is None else known + WEIGHT * (fresh - known)
