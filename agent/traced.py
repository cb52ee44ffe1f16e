"""The parts that a call uses, each noting in the call's trace what it gave and where. See ``agent.trace``."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace

from agent.answer import Answering, Watch
from agent.asking import Finding
from agent.dialogue import Context
from agent.errors import AlloError
from agent.events import Stage
from agent.house import House
from agent.ports import Passage, Recognizer, Sentence, SpeechToText, Transcript, TurnModel, WordStart
from agent.speak import Voice
from agent.trace import Trace


def traced(house: House, trace: Trace) -> House:
    """The house as one call sees it."""
    model = house.turn_model
    return replace(
        house,
        stt=_Stt(house.stt, trace),
        voice=_Voice(house.voice, trace),
        answers=_Answers(house.answers, trace),
        turn_model=_TurnModel(model, trace) if model else None,
    )


@dataclass(frozen=True, slots=True)
class _Stt:
    inner: SpeechToText
    trace: Trace

    @property
    def name(self) -> str:
        return self.inner.name

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> Recognizer:
        def noted(transcript: Transcript) -> None:
            self.trace.note("partial", transcript.text, transcript.position)
            on_partial(transcript)

        ear = await self.inner.open(rate, noted)
        self.trace.note("ear")
        return _Ear(ear, self.trace)

    async def close(self) -> None:
        await self.inner.close()


class _Ear:
    def __init__(self, inner: Recognizer, trace: Trace) -> None:
        self._inner, self._trace = inner, trace
        self.push = inner.push

    async def peek(self, trailing: bool = False) -> Transcript:
        return await self._asked("peek", lambda: self._inner.peek(trailing))

    async def finish(self) -> Transcript:
        return await self._asked("finish", self._inner.finish)

    async def close(self) -> None:
        await self._inner.close()

    async def _asked(self, kind: str, ask: Callable[[], Awaitable[Transcript]]) -> Transcript:
        number, asked = self._trace.number(kind), self._trace.position
        try:
            transcript = await ask()
        except AlloError:
            self._trace.note(kind, number, asked, None, 0, 0)
            self._trace.answered()
            raise
        self._trace.note(kind, number, asked, transcript.text, transcript.position, transcript.confidence)
        if transcript.final and transcript.words:
            self._trace.note("words", [[word.text, word.start, word.end] for word in transcript.words])
        self._trace.answered()
        return transcript


@dataclass(frozen=True, slots=True)
class _TurnModel:
    inner: TurnModel
    trace: Trace

    async def ended(self, pcm: bytes, rate: int) -> float:
        asked = self.trace.position
        probability = await self.inner.ended(pcm, rate)
        self.trace.note("sound", asked, probability)
        return probability

    async def close(self) -> None:
        await self.inner.close()


@dataclass(frozen=True, slots=True)
class _Voice:
    inner: Voice
    trace: Trace

    async def speech(self, text: str, rate: int, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        note, number = self.trace.note, self.trace.number("voice")
        note("voice", number, "asks", text, pace)
        stream = self.inner.speech(text, rate, pace)
        try:
            async for piece in stream:
                if isinstance(piece, WordStart):
                    note("voice", number, "word", piece.offset, piece.sample)
                else:
                    note("voice", number, "pcm", len(piece) // 2)
                yield piece
        except AlloError:
            note("voice", number, "fails")
            raise
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
        note("voice", number, "ends")

    def ready(
        self, text: str, rate: int, pace: float = 1.0, *, anyhow: bool = False
    ) -> tuple[bytes | WordStart, ...] | None:
        known = self.inner.ready(text, rate, pace, anyhow=anyhow)
        samples = sum(len(piece) // 2 for piece in known if isinstance(piece, bytes)) if known else None
        self.trace.note("ready", self.trace.number("ready"), samples)
        return known


@dataclass(frozen=True, slots=True)
class _Noting:
    """A watch that also notes."""

    inner: Watch
    trace: Trace
    number: int

    def reached(self, stage: Stage) -> None:
        self.trace.note("answer", self.number, "stage", stage)
        self.inner.reached(stage)

    def token(self) -> None:
        self.trace.note("answer", self.number, "token")
        self.inner.token()

    def found(self, passages: tuple[Passage, ...]) -> None:
        if isinstance(self.inner, Finding):
            self.inner.found(passages)


@dataclass(frozen=True, slots=True)
class _Answers:
    inner: Answering
    trace: Trace

    def is_backchannel(self, text: str, offered: bool) -> bool:
        return self.inner.is_backchannel(text, offered)

    def alike(self, one: str, other: str) -> bool:
        return self.inner.alike(one, other)

    async def sentences(self, text: str, context: Context, watch: Watch) -> AsyncGenerator[Sentence, None]:
        number = self.trace.number("answer")
        self.trace.note("answer", number, "asks", text)
        async with aclosing(self.inner.sentences(text, context, _Noting(watch, self.trace, number))) as sentences:
            async for sentence in sentences:
                self.trace.note("answer", number, "says", asdict(sentence))
                yield sentence
        self.trace.note("answer", number, "ends")
