"""How soon each engine gives its first: who asks an engine tells here, whoever wants to know listens."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal, Protocol, runtime_checkable

from agent.errors import HearingError
from agent.ports import Recognizer, SpeechToText, Transcript

Kind = Literal["stt", "tts", "llm"]
Told = Callable[[Kind, str, float | None], None]
"""Kind, engine, and after how many seconds its first came (a text, a sound, a token); None: it failed."""


def untold(_kind: Kind, _engine: str, _seconds: float | None) -> None:
    """Nobody wants to know."""


@runtime_checkable
class Queued(Protocol):
    """An engine whose requests wait for a process that all calls share."""

    @property
    def waiting(self) -> int:
        """Requests that nobody works on yet."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """How the engines do at this moment."""

    failing: Mapping[tuple[Kind, str], bool] = field(default_factory=dict)
    """Engines that are asked in turn with others, and whether they are left alone for a while."""
    queues: Mapping[str, int] = field(default_factory=dict)
    """Requests that wait for each worker process."""
    phrase_hits: int = 0
    """Sentences spoken from the phrase cache since the start."""
    phrase_misses: int = 0
    """Sentences that a voice was asked for since the start."""


def failing(kind: Kind, states: Mapping[str, str]) -> dict[tuple[Kind, str], bool]:
    """From what health says of each engine."""
    return {(kind, name): state.startswith("failing") for name, state in states.items()}


class TimedHearing:
    """The only recogniser, timed; several are timed by their chain."""

    def __init__(self, inner: SpeechToText, told: Told) -> None:
        """``told`` hears of each utterance."""
        self.inner, self._told = inner, told

    @property
    def name(self) -> str:
        """Engine and model."""
        return self.inner.name

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> Recognizer:
        """See ``SpeechToText``."""
        try:
            return _TimedEar(await self.inner.open(rate, on_partial), self._timed)
        except HearingError:
            self._told("stt", self.name, None)
            raise

    async def close(self) -> None:
        """Free it."""
        await self.inner.close()

    async def _timed(self, finish: Callable[[], Awaitable[Transcript]]) -> Transcript:
        began = perf_counter()
        try:
            heard = await finish()
        except HearingError:
            self._told("stt", self.name, None)
            raise
        self._told("stt", self.name, perf_counter() - began)
        return heard


class _TimedEar:
    def __init__(
        self, inner: Recognizer, timed: Callable[[Callable[[], Awaitable[Transcript]]], Awaitable[Transcript]]
    ) -> None:
        self._inner, self._timed = inner, timed
        self.push, self.peek, self.close = inner.push, inner.peek, inner.close

    async def finish(self) -> Transcript:
        return await self._timed(self._inner.finish)
