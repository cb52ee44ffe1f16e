"""A reply in the making: begun on a guess of what the caller said, spoken only when these were the words."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from agent.answer import Watch
from agent.errors import VoiceError
from agent.events import Stage
from agent.ports import Passage, Sentence

Spawn = Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]
"""Starts a task that ends with the call."""


class Draft:
    """Sentences for one text. ``begin`` fetches and voices the first of them ahead, no more: the rest may be waste."""

    def __init__(
        self, text: str, sentences: Callable[[Watch], AsyncGenerator[Sentence, None]], position: Callable[[], int]
    ) -> None:
        """``position``: the caller's audio so far, for the stage times."""
        self.text = text
        self.tokens = 0
        """Pieces that the model has sent."""
        self.stages: dict[Stage, int] = {}
        self.told: Callable[[Stage], None] | None = None
        """Who learns of the stages once the turn has a number; until then they gather in ``stages``."""
        self._found: tuple[Passage, ...] | None = None
        self._shown: Callable[[tuple[Passage, ...]], None] | None = None
        self._position = position
        self._sentences = sentences(self)
        self._first: asyncio.Task[Sentence | None] | None = None
        self._awaited = False
        """The turn is over: whoever speaks waits for the first sentence and takes its audio piece by piece."""

    def reached(self, stage: Stage) -> None:
        """The answer got to ``stage``."""
        self.stages[stage] = self._position()
        if self.told is not None:
            self.told(stage)

    def token(self) -> None:
        """The model sent a piece."""
        self.tokens += 1

    def found(self, passages: tuple[Passage, ...]) -> None:
        """What the answer stands on."""
        self._found = passages
        if self._shown is not None:
            self._shown(passages)

    def show(self, shown: Callable[[tuple[Passage, ...]], None]) -> None:
        """``shown`` learns of the passages, now or once they are found."""
        self._shown = shown
        if self._found is not None:
            shown(self._found)

    def begin(self, spawn: Spawn, prepare: Callable[[str], Awaitable[None]]) -> None:
        """Fetch the first sentence now and have its audio made by ``prepare``."""
        self._first = spawn(self._fetch(prepare))

    async def _fetch(self, prepare: Callable[[str], Awaitable[None]]) -> Sentence | None:
        first = await anext(self._sentences, None)
        if first is not None and not self._awaited:
            with suppress(VoiceError):  # speaking it will meet the same fault and deal with it
                await prepare(first.text)
        return first

    async def sentences(self) -> AsyncGenerator[Sentence, None]:
        """All sentences, the prefetched one first; for one reader."""
        self._awaited = True
        try:
            if self._first is not None:
                first = await self._first
                if first is None:
                    return
                yield first
            async for sentence in self._sentences:
                yield sentence
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop thinking; harmless when over."""
        if self._first is not None and not self._first.done():
            self._first.cancel()
            await asyncio.wait([self._first])
        await self._sentences.aclose()
