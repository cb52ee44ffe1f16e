"""Asking language models: the first that answers in time is heard, whole sentences come out.

Deadlines are seconds of the event loop's clock. Before the first sentence there is one deadline for everybody
together; after it a model that falls silent or fails has simply finished: what was said stays.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from agent.breaker import Breaker, RetryBudget
from agent.costs import Costs, is_spent
from agent.errors import ModelError
from agent.events import Stage
from agent.figures.engine_times import Told, untold
from agent.ports import LanguageModel, Passage, Question
from agent.sentences import SentenceCutter
from agent.tool import ToolCall

log = logging.getLogger(__name__)

WORTH_S = 0.4
"""With less time left nobody is asked any more, seconds."""


class Watch(Protocol):
    """Who is told how an answer comes along."""

    def reached(self, stage: Stage) -> None:
        """It got to ``stage``."""

    def token(self) -> None:
        """The model sent a piece."""


@runtime_checkable
class Finding(Protocol):
    """A ``Watch`` that also wants to know on what an answer stands."""

    def found(self, passages: tuple[Passage, ...]) -> None:
        """These were found for it, best first; maybe none."""


@dataclass(frozen=True, slots=True)
class Minds:
    """Who answers."""

    extractive: LanguageModel
    """Answers from the passages alone, at once."""
    model: LanguageModel | None = None
    """The language model, where one is configured."""
    stall_s: float = 2.5
    """No sentence for this long: the extractive answer is spoken instead, seconds."""
    fallback: LanguageModel | None = None
    """Asked when the first one fails, or says nothing in time."""
    first_token_s: float = 1.2
    """No token for this long: the next one is asked instead, seconds."""
    more: tuple[LanguageModel, ...] = ()
    """Asked after the fallback, in their order."""
    connect: tuple[Callable[[], Awaitable[None]], ...] = ()
    """Open connections for questions that are coming; they never raise."""
    told: Told = untold
    """Hears how soon each model gave its first token."""
    costs: Costs | None = None
    """Counts those that are paid, where one has a price."""

    @property
    def models(self) -> tuple[LanguageModel, ...]:
        """In the order in which they are asked."""
        return tuple(model for model in (self.model, self.fallback, *self.more) if model is not None)


@dataclass(slots=True)
class _Attempt:
    """One question to one model."""

    model: LanguageModel
    breaker: Breaker
    token_by: float
    """When its first token is due, event loop seconds."""
    again: bool
    """Nobody stands behind it: it may be asked a second time."""
    spoken: bool = False
    """It gave a sentence."""
    ended: bool = False
    """It came to an end by itself, if only to say nothing."""


@dataclass(slots=True)
class Asking:
    """Asks for all calls; remembers which servers are in trouble."""

    minds: Minds
    _breakers: dict[int, Breaker] = field(default_factory=dict)
    """By the model's identity."""
    _budget: RetryBudget = field(default_factory=RetryBudget)

    @property
    def states(self) -> dict[str, str]:
        """Each model and whether it answers, for health."""
        return {m.name: self._state(m) for m in self.minds.models}

    async def sentences(self, question: Question, watch: Watch, by: float) -> AsyncGenerator[str | ToolCall, None]:
        """The answer of the first model that gives one; ``by``: when its first sentence is due, loop seconds.

        Raises ``ModelError`` when nobody did.
        """
        self._budget.earn()
        for attempt in self._attempts(by):
            async with aclosing(self._tried(attempt, question, watch, by)) as sentences:
                async for sentence in sentences:
                    yield sentence
            if attempt.spoken or attempt.ended:
                return
        raise ModelError("no language model answered")

    def _attempts(self, by: float) -> Iterator[_Attempt]:
        models = self.minds.models
        for place, model in enumerate(models):
            now = asyncio.get_running_loop().time()
            breaker = self._breaker(model)
            if by - now < WORTH_S or is_spent(model) or not breaker.admit():
                continue
            left = len(models) - place
            # with two the first one has its full time; with more each gets at most its share of what is left
            patience = min(self.minds.first_token_s, (by - now) / left if len(models) > 2 else by - now)
            yield _Attempt(model, breaker, by if left == 1 else min(by, now + patience), left == 1)

    def _state(self, model: LanguageModel) -> str:
        return "spent" if is_spent(model) else "failing" if self._breaker(model).open else "ok"

    def _breaker(self, model: LanguageModel) -> Breaker:
        if id(model) not in self._breakers:
            self._breakers[id(model)] = Breaker(lambda: asyncio.get_running_loop().time())
        return self._breakers[id(model)]

    async def _tried(
        self, attempt: _Attempt, question: Question, watch: Watch, by: float
    ) -> AsyncGenerator[str | ToolCall, None]:
        """Its sentences; none when it failed before the first."""
        breaker = attempt.breaker
        try:
            async with aclosing(self._once_more(attempt, question, watch, by)) as sentences:
                async for sentence in sentences:
                    attempt.spoken = True
                    yield sentence
            attempt.ended = True
            breaker.succeeded()
        except (ModelError, TimeoutError) as error:
            breaker.failed()
            self.minds.told("llm", attempt.model.name, None)
            what = "the answer ends here" if attempt.spoken else "another one answers"
            log.warning("llm: %s; %s", str(error) or f"{attempt.model.name}: stalled", what)
        except BaseException:
            breaker.released()
            raise

    async def _once_more(
        self, attempt: _Attempt, question: Question, watch: Watch, by: float
    ) -> AsyncGenerator[str | ToolCall, None]:
        """Ask; ask again where the server says when, nothing was said yet and there is time."""
        try:
            async for sentence in self._cut(attempt, question, watch, by):
                yield sentence
            return
        except ModelError as error:
            wait = self._wait(attempt, error, by)
            if wait is None:
                raise
        await asyncio.sleep(wait)
        async for sentence in self._cut(attempt, question, watch, by):
            yield sentence

    def _wait(self, attempt: _Attempt, error: ModelError, by: float) -> float | None:
        """How long to wait before the same model is asked again, seconds; None: it is not."""
        wait = error.retry_after_s
        if attempt.spoken or not attempt.again or wait is None:
            return None
        left = by - asyncio.get_running_loop().time() - wait
        return wait if left >= WORTH_S and self._budget.take() else None

    async def _cut(
        self, attempt: _Attempt, question: Question, watch: Watch, by: float
    ) -> AsyncGenerator[str | ToolCall, None]:
        cutter = SentenceCutter()
        first, clock = True, asyncio.get_running_loop().time
        began = clock()
        async with aclosing(_timed(attempt, question, by, self.minds.stall_s)) as pieces:
            async for piece in pieces:
                watch.token()
                if first:
                    watch.reached("first_token")
                    self.minds.told("llm", attempt.model.name, clock() - began)
                first = False
                if isinstance(piece, str):
                    for sentence in cutter.feed(piece):
                        yield sentence
                else:
                    for sentence in cutter.flush():
                        yield sentence
                    yield piece
        for sentence in cutter.flush():
            yield sentence


async def _timed(
    attempt: _Attempt, question: Question, by: float, stall_s: float
) -> AsyncGenerator[str | ToolCall, None]:
    """Pass pieces on; raise ``TimeoutError`` when the next one, or the first sentence, is late."""
    source = aiter(attempt.model.reply(question))
    due = attempt.token_by
    try:
        while True:
            try:
                async with asyncio.timeout_at(due):
                    piece = await anext(source)
            except StopAsyncIteration:
                return
            yield piece
            due = asyncio.get_running_loop().time() + stall_s if attempt.spoken else by
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()
