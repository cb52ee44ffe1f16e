"""The caller's side of one call: detector, turn taker and recogniser, fed frame by frame without an await."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from agent.errors import HearingError
from agent.ports import Recognizer, SpeechToText, Transcript
from agent.turns import Decision, EndOfTurn, FalseStart, Lull, Noise, TurnTaker, Verdict
from audio.frame import FRAME_MS, AudioFrame

PREROLL_MS = 300
"""Audio before a sound that the recogniser hears too: a detector opens after the first consonant."""


class Detector(Protocol):
    """Tells speech from the rest."""

    def push(self, pcm: bytes) -> bool:
        """True when this 20 ms frame is speech."""


class Listening:
    """What one caller says."""

    def __init__(self, detector: Detector, turns: TurnTaker) -> None:
        """The recogniser joins by ``open``; until then nothing is understood, but turns are taken."""
        self._detector, self._turns = detector, turns
        self._ear: Recognizer | None = None
        self._preroll: deque[AudioFrame] = deque(maxlen=PREROLL_MS // FRAME_MS)
        self._fed = False
        self._sealed: list[AudioFrame] | None = None
        """Frames after the end of an utterance whose text is not there yet: they belong to the next one."""
        self.position = 0
        """Caller audio received so far, samples: the clock of the conversation."""

    @property
    def speaking(self) -> bool:
        """A sound of the caller is under way."""
        return self._turns.listening

    async def open(self, stt: SpeechToText, rate: int) -> None:
        """Get an ear; raises ``HearingError``."""
        self._ear = await stt.open(rate, self._on_partial)

    async def close(self) -> None:
        """Give the ear back."""
        if self._ear is not None:
            await self._ear.close()

    def push(self, frame: AudioFrame, audible: bool, busy: bool) -> Decision | None:
        """Take one frame; see ``TurnTaker.push``. After ``EndOfTurn``, ``FalseStart`` and ``Noise`` call ``finish``."""
        self.position = frame.end
        decision = self._turns.push(frame, self._detector.push(frame.pcm), audible, busy)
        if isinstance(decision, EndOfTurn | FalseStart | Noise):
            self._seal()
        if self._turns.listening:
            self._feed(frame)
        else:
            self._preroll.append(frame)
        return decision

    async def peek(self) -> Transcript:
        """What was understood so far; raises ``HearingError``."""
        if self._ear is None:
            raise HearingError("the recogniser is not open")
        return await self._ear.peek()

    def judged(self, lull: Lull, verdict: Verdict) -> None:
        """How finished it sounds; see ``TurnTaker.judged``."""
        self._turns.judged(lull.position, verdict)

    async def finish(self) -> Transcript:
        """What was understood of the utterance that ended; raises ``HearingError``."""
        if self._ear is None:
            raise HearingError("the recogniser is not open")
        self._seal()
        try:
            return await self._ear.finish()
        finally:
            later, self._sealed = self._sealed or [], None
            for frame in later:
                self._ear.push(frame)

    def _seal(self) -> None:
        """The utterance is over here, however long it takes until ``finish`` is called and done."""
        if self._sealed is None:
            self._fed, self._sealed = False, []

    def _feed(self, frame: AudioFrame) -> None:
        if self._ear is None:
            return
        take = self._ear.push if self._sealed is None else self._sealed.append
        if not self._fed:
            self._fed = True
            for earlier in self._preroll:
                take(earlier)
            self._preroll.clear()
        take(frame)

    def _on_partial(self, transcript: Transcript) -> None:
        if transcript.text:
            self._turns.heard_words(transcript.position)


NewDetector = Callable[[int], Detector]
"""Makes a detector for a sample rate."""
