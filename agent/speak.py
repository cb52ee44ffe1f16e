"""Sentences to the line: words for the voice, phrases from the cache or the synthesiser, one sentence ahead."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

import numpy as np

from agent.language.alignment import said
from agent.playout import Heard, Playout, Speech
from agent.ports import Effect, Manner, Sentence, WordStart
from audio.frame import SAMPLE_BYTES
from audio.level import FULL_SCALE

BREATH_MS = 120
"""Silence between two sentences, milliseconds: without it a synthesised voice is hard to follow."""
PACES = (0.65, 0.8, 1.0, 1.15, 1.3)
"""Steps of «помедленнее» and «побыстрее»."""
GAINS_DB = (-12.0, -6.0, 0.0, 6.0, 12.0)
"""Steps of «потише» and «погромче», dB."""
KNEE = 0.7
"""Louder than this, full scale = 1, the gain bends: nothing is clipped."""

Known = tuple[bytes | WordStart, ...]
"""A text whose sound is in memory: its audio and the starts of its words."""


class Voice(Protocol):
    """Where speech comes from: the phrase cache in front of a synthesiser."""

    def speech(self, text: str, rate: int, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """PCM16 mono at ``rate`` of one text and the starts of its words; raises ``VoiceError``."""

    def ready(self, text: str, rate: int, pace: float = 1.0, *, anyhow: bool = False) -> Known | None:
        """The same at once, ``None`` where it would have to be made; ``anyhow``: in any voice and at any pace."""


class Speaker:
    """Speaks sentences through one call's playout."""

    def __init__(
        self,
        playout: Playout,
        voice: Voice,
        words: Callable[[str], str],
        rate: int,
        firm: Callable[[str], bool] = lambda _: False,
        *,
        noted: Callable[[str, int, list[tuple[int, int]]], None] = lambda *_: None,
    ) -> None:
        """``words`` turns written text into words for the voice; ``firm``: texts that may not be interrupted anyway.

        ``noted`` is told each sentence that was given to the line, where in the mouth's count it begins, and after how
        many samples of it how many characters are said.
        """
        self.manner = Manner()
        """How to speak from the next sentence on."""
        self._playout, self._voice, self._words, self._rate = playout, voice, words, rate
        self._firm, self._noted = firm, noted
        self._breath = bytes(rate * BREATH_MS // 1000 * SAMPLE_BYTES)
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._next = 0
        """The first position of them that somebody waits for."""
        self._expecting: Speech | None = None
        """The reply whose next audio is still being made."""

    async def say(self, sentences: AsyncGenerator[Sentence, None], first_audio: Callable[[], None]) -> Heard:
        """Speak until everything was heard; cancelled, the caller of ``say`` clears the playout.

        Raises ``VoiceError``. ``first_audio`` is called when the first sample of a sentence goes to the line.
        """
        speech = self._expecting = self._playout.begin()
        newest: int | None = None
        announce: Callable[[], None] | None = first_audio
        try:
            async with aclosing(sentences):
                async for sentence in sentences:
                    if newest is not None:
                        self._expecting = None
                        # one sentence of look-ahead: this one is made while that one plays
                        await self.played(min(newest + 1, self._playout.pushed))
                        self._expecting = speech
                    newest = self._playout.pushed
                    if await self._voice_one(speech, sentence, announce):
                        announce = None
        finally:
            if self._expecting is speech:
                self._expecting = None
        await self.played(self._playout.pushed)
        return speech.heard

    async def say_all(self, texts: Iterable[str | Sentence]) -> Heard:
        """Speak fixed texts."""

        async def sentences() -> AsyncGenerator[Sentence, None]:
            for text in texts:
                yield Sentence(text) if isinstance(text, str) else text

        return await self.say(sentences(), lambda: None)

    async def prepare(self, text: str) -> None:
        """Have the audio of a sentence made and remembered, in case that it is said; raises ``VoiceError``."""
        async for _ in self._voice.speech(self._words(text), self._rate, self.manner.pace):
            pass

    def by_heart(self, text: str) -> Known | None:
        """What speaks a fixed text without asking a voice; ``None`` where it would have to be made.

        In another voice or at another pace than the rest, rather than not at all.
        """
        return self._voice.ready(self._words(text), self._rate, self.manner.pace, anyhow=True)

    async def say_known(self, text: str, known: Known) -> Heard:
        """Speak what ``by_heart`` gave."""
        speech = self._playout.begin()
        await self._voice_one(speech, Sentence(text), None, known)
        await self.played(self._playout.pushed)
        return speech.heard

    def fill(self, text: str) -> bool:
        """Say ``text`` now while the next audio of the reply is being made.

        False when there is none to wait for, when it has come, or when ``text`` would have to be made itself.
        """
        speech = self._expecting
        if speech is None or not speech.waiting:
            return False
        made = self._at_hand(text)
        pcm = b"".join(part for part in made or () if isinstance(part, bytes))
        if pcm:
            speech.fill(text, self._loud(pcm), self._breath)
        return bool(pcm)

    def _at_hand(self, text: str) -> Known | None:
        words = self._words(text)
        return self._voice.ready(words, self._rate, self.manner.pace) or self._voice.ready(words, self._rate)

    async def _voice_one(
        self,
        speech: Speech,
        sentence: Sentence,
        first_audio: Callable[[], None] | None,
        known: Known | None = None,
    ) -> bool:
        """Give one sentence to the mouth, made or ``known``; False when there was no sound in it."""
        if not sentence.text:
            return False
        if speech.wants_breath:
            speech.push(self._breath)
        speech.open_sentence(sentence.text, sentence.firm or self._firm(sentence.text))
        words, sounded = self._words(sentence.text), False
        made_now = self._voice.speech(words, self._rate, self.manner.pace) if known is None else _each(known)
        async for made in made_now:
            if isinstance(made, WordStart):
                speech.mark(said(sentence.text, words, made.offset), made.sample)
                continue
            if first_audio is not None and made and not sounded:
                first_audio()
            sounded = sounded or bool(made)
            speech.push(self._loud(made))
        speech.close_sentence()
        spoken = speech.sentences[-1]
        self._noted(spoken.text, spoken.start, spoken.marks.copy())
        return sounded

    def _loud(self, pcm: bytes) -> bytes:
        return amplified(pcm, self.manner.gain_db) if self.manner.gain_db else pcm

    async def played(self, position: int) -> None:
        """Wait until ``position`` of the mouth's count was heard."""
        if self._playout.played >= position:
            return
        reached = asyncio.get_running_loop().create_future()
        self._waiting.append((position, reached))
        self._next = min(self._next, position) if len(self._waiting) > 1 else position
        await reached

    def tick(self) -> bool:
        """A frame arrived: time has passed; True when somebody had waited for it. Costs nothing while nobody does."""
        if not self._waiting:
            return False
        played = self._playout.played
        if played < self._next:
            return False
        for position, reached in self._waiting:
            if played >= position and not reached.done():
                reached.set_result(None)
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]
        self._next = min((position for position, _ in self._waiting), default=0)
        return True


async def _each(pieces: Known) -> AsyncIterator[bytes | WordStart]:
    for piece in pieces:
        yield piece


def adjusted(manner: Manner, effect: Effect) -> Manner:
    """``manner`` one step slower, faster, louder or quieter; the same at the end of the steps."""
    match effect:
        case "slower":
            return replace(manner, pace=max((pace for pace in PACES if pace < manner.pace), default=manner.pace))
        case "faster":
            return replace(manner, pace=min((pace for pace in PACES if pace > manner.pace), default=manner.pace))
        case "louder":
            return replace(manner, gain_db=min((db for db in GAINS_DB if db > manner.gain_db), default=manner.gain_db))
        case "quieter":
            return replace(manner, gain_db=max((db for db in GAINS_DB if db < manner.gain_db), default=manner.gain_db))
    return manner


def amplified(pcm: bytes, gain_db: float) -> bytes:
    """PCM16 mono, louder or quieter by ``gain_db``; the loudest samples are bent softly, never clipped."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64) / FULL_SCALE * 10.0 ** (gain_db / 20.0)
    over = np.maximum(np.abs(samples) - KNEE, 0.0)
    bent = np.sign(samples) * (np.minimum(np.abs(samples), KNEE) + (1.0 - KNEE) * np.tanh(over / (1.0 - KNEE)))
    louder: bytes = np.rint(bent * (FULL_SCALE - 1)).astype("<i2").tobytes()
    return louder
