"""Engines that are counted, and that say no when their day is used up; see ``agent.costs``."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

from agent.costs import Costs, Kind, Meter
from agent.errors import AlloError, HearingError, ModelError, SpentError, VoiceError
from agent.ports import (
    Embedder,
    LanguageModel,
    Question,
    Recognizer,
    SpeechToText,
    Synthesizer,
    Transcript,
    WordStart,
)
from agent.tool import ToolCall
from audio.frame import SAMPLE_BYTES, AudioFrame

LETTERS_A_TOKEN = 3
"""Russian and English have some 3 to 4 letters a token: a question is counted rather too high."""


class _Counted:
    """What the three have in common."""

    def __init__(self, costs: Costs, meter: Meter) -> None:
        self._costs, self._meter = costs, meter

    @property
    def spent(self) -> bool:
        """Its day is used up."""
        return self._costs.spent(self._meter)

    def refuse(self, error: type[AlloError]) -> None:
        """Raise ``error`` where nothing may be asked any more."""
        if self.spent:
            raise self.refusal(error)

    def refusal(self, error: type[AlloError]) -> AlloError:
        """What is said then."""
        used = self._costs.row(self._meter)
        return error(f"{self._meter.name}: the day's limit is used up ({used}); see [costs]")


class MeteredStt(_Counted):
    """A recogniser by the minute."""

    def __init__(self, inner: SpeechToText, costs: Costs, meter: Meter) -> None:
        super().__init__(costs, meter)
        self._inner = inner

    @property
    def name(self) -> str:
        """The recogniser's."""
        return self._inner.name

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> Recognizer:
        """An ear; raises ``HearingError``, also where the day is used up."""
        self.refuse(HearingError)
        return _MeteredEar(await self._inner.open(rate, on_partial), self, self._meter)

    async def close(self) -> None:
        """Free it."""
        await self._inner.close()


class _MeteredEar:
    """An utterance that was begun is heard to its end; the next one is not sent where the day is used up."""

    def __init__(self, inner: Recognizer, of: MeteredStt, meter: Meter) -> None:
        self._inner, self._of, self._meter = inner, of, meter
        self._samples = self._rate = 0
        self._refused = False

    def push(self, frame: AudioFrame) -> None:
        if not self._samples:
            self._refused = self._of.spent
        self._samples += frame.samples
        self._rate = frame.rate
        if not self._refused:
            self._inner.push(frame)

    async def peek(self, trailing: bool = False) -> Transcript:
        if self._refused:
            raise self._of.refusal(HearingError)
        return await self._inner.peek(trailing)

    async def close(self) -> None:
        self._count()  # who hangs up in mid-utterance is paid for too
        await self._inner.close()

    def _count(self) -> None:
        samples, self._samples = self._samples, 0
        if samples and not self._refused:
            self._meter.add(minutes=samples / self._rate / 60)

    async def finish(self) -> Transcript:
        refused = self._refused
        self._count()
        if refused:
            raise self._of.refusal(HearingError)
        return await self._inner.finish()


class MeteredVoice(_Counted):
    """A voice by the character."""

    def __init__(self, inner: Synthesizer, costs: Costs, meter: Meter) -> None:
        super().__init__(costs, meter)
        self._inner = inner

    @property
    def name(self) -> str:
        """The voice's."""
        return self._inner.name

    @property
    def rate(self) -> int:
        """The voice's, Hz."""
        return self._inner.rate

    async def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """Stream one sentence; raises ``VoiceError``, also where the day is used up."""
        self.refuse(VoiceError)
        self._meter.add(characters=len(text))
        samples, stream = 0, self._inner.synthesize(text, pace)
        try:
            async for made in stream:
                samples += len(made) // SAMPLE_BYTES if isinstance(made, bytes) else 0
                yield made
        finally:
            self._meter.add(minutes=samples / self.rate / 60)
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()

    async def close(self) -> None:
        """Free it."""
        await self._inner.close()


class MeteredModel(_Counted):
    """A language model by the token: pieces of its answer are taken for tokens, a question's letters are counted."""

    def __init__(self, inner: LanguageModel, costs: Costs, meter: Meter) -> None:
        super().__init__(costs, meter)
        self.inner = inner

    @property
    def name(self) -> str:
        """The model's."""
        return self.inner.name

    async def reply(self, question: Question) -> AsyncIterator[str | ToolCall]:
        """Stream the answer; raises ``ModelError``, also where the day is used up."""
        self.refuse(ModelError)
        self._meter.add(tokens_in=letters(question) // LETTERS_A_TOKEN)
        tokens, stream = 0, self.inner.reply(question)
        try:
            async for piece in stream:
                tokens += max(1, len(piece) // LETTERS_A_TOKEN) if isinstance(piece, str) else 20
                yield piece
        finally:
            self._meter.add(tokens_out=tokens)
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()

    async def close(self) -> None:
        """Close connections."""
        await self.inner.close()


class MeteredEmbedder(_Counted):
    """Vectors by the token: the texts' letters are counted."""

    def __init__(self, inner: Embedder, costs: Costs, meter: Meter) -> None:
        super().__init__(costs, meter)
        self._inner = inner

    @property
    def name(self) -> str:
        """The embedder's."""
        return self._inner.name

    @property
    def remote(self) -> bool:
        """The embedder's."""
        return self._inner.remote

    async def embed(self, texts: Sequence[str]) -> Any:
        """A row for each text; raises ``KnowledgeError``, ``SpentError`` where the day is used up."""
        self.refuse(SpentError)
        self._meter.add(tokens_in=-(-sum(map(len, texts)) // LETTERS_A_TOKEN))
        return await self._inner.embed(texts)

    async def close(self) -> None:
        """Close connections."""
        await self._inner.close()


def letters(question: Question) -> int:
    """Of everything that a model is sent, about."""
    texts = [question.text, *(passage.text for passage in question.passages)]
    texts += [question.system, question.about, *(text for one in question.history for text in (one.caller, one.agent))]
    return sum(map(len, texts))


def metered_stt(engine: SpeechToText, name: str, costs: Costs | None) -> SpeechToText:
    """The recogniser, counted where it has a price or a limit."""
    meter = _meter(costs, "stt", name)
    return MeteredStt(engine, costs, meter) if costs and meter else engine


def metered_voice(voice: Synthesizer, name: str, costs: Costs | None) -> Synthesizer:
    """The voice, counted likewise."""
    meter = _meter(costs, "tts", name)
    return MeteredVoice(voice, costs, meter) if costs and meter else voice


def metered_model(model: LanguageModel, name: str, costs: Costs | None) -> LanguageModel:
    """The model, counted likewise."""
    meter = _meter(costs, "llm", name)
    return MeteredModel(model, costs, meter) if costs and meter else model


def metered_embedder(embedder: Embedder, name: str, costs: Costs | None) -> Embedder:
    """The embedder, counted likewise."""
    meter = _meter(costs, "embed", name)
    return MeteredEmbedder(embedder, costs, meter) if costs and meter else embedder


def _meter(costs: Costs | None, kind: Kind, name: str) -> Meter | None:
    return costs.meter(kind, name) if costs else None
