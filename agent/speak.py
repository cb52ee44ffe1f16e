"""Sentences to the line: words for the voice, phrases from the cache or the synthesiser, one sentence ahead."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import Protocol

from agent.playout import Heard, Playout, Speech
from agent.ports import Sentence
from audio.frame import SAMPLE_BYTES

BREATH_MS = 120
"""Silence between two sentences, milliseconds: without it a synthesised voice is hard to follow."""


class Voice(Protocol):
    """Where speech comes from: the phrase cache in front of a synthesiser."""

    def speech(self, text: str, rate: int) -> AsyncIterator[bytes]:
        """PCM16 mono at ``rate`` of one text; raises ``VoiceError``."""


class Speaker:
    """Speaks sentences through one call's playout."""

    def __init__(self, playout: Playout, voice: Voice, words: Callable[[str], str], rate: int) -> None:
        """``words`` turns written text into words for the voice."""
        self._playout, self._voice, self._words, self._rate = playout, voice, words, rate
        self._breath = bytes(rate * BREATH_MS // 1000 * SAMPLE_BYTES)
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def say(self, sentences: AsyncGenerator[Sentence, None], first_audio: Callable[[], None]) -> Heard:
        """Speak until everything was heard; cancelled, the caller of ``say`` clears the playout.

        Raises ``VoiceError``. ``first_audio`` is called when the first sample goes to the line.
        """
        speech = self._playout.begin()
        newest: int | None = None
        async with aclosing(sentences):
            async for sentence in sentences:
                if newest is not None:
                    # one sentence of look-ahead: this one is made while that one plays
                    await self.played(min(newest + 1, self._playout.pushed))
                newest = self._playout.pushed
                await self._voice_one(speech, sentence, first_audio if len(speech.sentences) == 0 else None)
        await self.played(self._playout.pushed)
        return speech.heard

    async def say_all(self, texts: Iterable[str]) -> Heard:
        """Speak fixed texts."""

        async def sentences() -> AsyncGenerator[Sentence, None]:
            for text in texts:
                yield Sentence(text)

        return await self.say(sentences(), lambda: None)

    async def _voice_one(self, speech: Speech, sentence: Sentence, first_audio: Callable[[], None] | None) -> None:
        if not sentence.text:
            return
        if speech.sentences:
            speech.push(self._breath)
        speech.open_sentence(sentence.text)
        async for pcm in self._voice.speech(self._words(sentence.text), self._rate):
            if first_audio is not None and pcm:
                first_audio()
                first_audio = None
            speech.push(pcm)
        speech.close_sentence()

    async def played(self, position: int) -> None:
        """Wait until ``position`` of the mouth's count was heard."""
        if self._playout.played >= position:
            return
        reached = asyncio.get_running_loop().create_future()
        self._waiting.append((position, reached))
        await reached

    def tick(self) -> None:
        """A frame arrived: time has passed. Costs nothing while nobody waits."""
        if not self._waiting:
            return
        played = self._playout.played
        for position, reached in self._waiting:
            if played >= position and not reached.done():
                reached.set_result(None)
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]
