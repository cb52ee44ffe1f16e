"""Fake ears, voices and minds for scripted conversations; they obey the ports' contracts."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from agent.errors import HearingError, ModelError, VoiceError
from agent.ports import Exchange, Passage, Question, Recognizer, Transcript, WordStart
from audio.frame import AudioFrame
from tests.fakes.line import RATE, read_stamp, stamp

NEVER_UNDERSTOOD = "угу…"
"""What a caller says at whose end the recogniser hangs."""


class StampDetector:
    """Speech is whatever is stamped. What it was told to expect must come, just so."""

    sound = False

    def __init__(self) -> None:
        self._told = deque[bytes]()

    def push(self, pcm: bytes) -> bool:
        assert not self._told or self._told.popleft() is pcm
        return read_stamp(pcm) != 0

    def expect(self, frames: Sequence[bytes]) -> None:
        assert not self._told
        self._told.extend(frames)

    def skip_silence(self, count: int) -> bool:
        silent = len(self._told) == count and not any(map(read_stamp, self._told))
        if silent:
            self._told.clear()
        return silent


@dataclass
class FakeEar:
    """Reads the stamps; words come out in proportion to the audio heard, half a second late, as Vosk's do."""

    texts: dict[int, str]
    on_partial: Callable[[Transcript], None]
    broken: bool = False
    heard: list[int] = field(default_factory=list)
    voiced: int = 0
    position: int = 0

    def push(self, frame: AudioFrame) -> None:
        self.position = frame.end
        value = read_stamp(frame.pcm)
        if not value:
            return
        self.voiced += frame.samples
        if value not in self.heard:
            self.heard.append(value)
        if self.voiced > RATE // 2 and self._text():
            self.on_partial(Transcript(self._text(), final=False, position=frame.end))

    async def peek(self, trailing: bool = False) -> Transcript:
        await asyncio.sleep(0.02)
        return Transcript(self._text(), final=False, position=self.position)

    async def finish(self) -> Transcript:
        text = self._text()
        self.heard, self.voiced = [], 0
        await asyncio.sleep(3600 if NEVER_UNDERSTOOD in text else 0.03)
        if self.broken:
            raise HearingError("the fake ear is broken")
        return Transcript(text, final=True, position=0)

    async def close(self) -> None:
        return None

    def _text(self) -> str:
        return " ".join(self.texts.get(value, "") for value in self.heard).strip()


@dataclass
class FakeStt:
    texts: dict[int, str]
    broken: bool = False
    name: str = "fake"

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> Recognizer:
        return FakeEar(self.texts, on_partial, self.broken)

    async def close(self) -> None:
        return None


@dataclass
class FakeVoice:
    """60 ms a letter; the n-th different text is stamped 1000 + n; nothing is quicker for being said before."""

    broken: bool = False
    at_hand: Sequence[str] = ()
    """Texts that need not be made."""
    slow_s: float = 0.005
    """Time before the first audio of a text."""
    paces: list[float] = field(default_factory=list)
    """Of everything that was voiced."""
    spoken: list[str] = field(default_factory=list)

    async def speech(self, text: str, rate: int, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        if self.broken:
            raise VoiceError("the fake voice is broken")
        if text not in self.spoken:
            self.spoken.append(text)
        self.paces.append(pace)
        await asyncio.sleep(0.005 if text in self.at_hand else self.slow_s)
        for _ in text:
            yield stamp(1000 + self.spoken.index(text), rate * 60 // 1000)

    def ready(
        self, text: str, rate: int, pace: float = 1.0, *, anyhow: bool = False
    ) -> tuple[bytes | WordStart, ...] | None:
        if text not in self.at_hand:
            return None
        if text not in self.spoken:
            self.spoken.append(text)
        return (stamp(1000 + self.spoken.index(text), rate * 60 // 1000 * len(text)),)

    def heard_on(self, wire: Sequence[int]) -> list[str]:
        """The texts audible on a wire, in order, each once."""
        values = dict.fromkeys(value for value in wire if value)
        return [self.spoken[value - 1000] for value in values]


@dataclass
class FakeRetriever:
    passages: tuple[Passage, ...] = ()

    async def search(self, text: str, history: Sequence[Exchange] = ()) -> tuple[Passage, ...]:
        return self.passages


@dataclass
class FakeMind:
    """Answers by a table of question -> pieces; a number among the pieces is a pause in seconds, "!" a failure."""

    replies: dict[str, list[str | float]]
    asked: list[Question] = field(default_factory=list)
    name: str = "fake"

    async def reply(self, question: Question) -> AsyncIterator[str]:
        self.asked.append(question)
        for piece in self.replies.get(question.text, []):
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            elif piece == "!":
                raise ModelError("the fake model failed")
            else:
                yield piece

    async def close(self) -> None:
        return None
