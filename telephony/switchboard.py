"""The front door: admits callers up to the house's capacity and runs each call on its own.

A broad ``except`` stands here, around a call: one call's failure never touches another.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from agent.ports import Line, LineSource, Refusal

log = logging.getLogger(__name__)

RETRY_AFTER_S = 15
"""What a caller who finds us busy is told to wait, seconds."""
Serve = Callable[[Line], Awaitable[None]]
"""Holds the conversation; returns when the leg is gone."""


class Switchboard:
    """Implements ``FrontDoor`` for every source of lines."""

    def __init__(self, sources: Sequence[LineSource], capacity: int, serve: Serve) -> None:
        """``capacity`` is the number of calls at once."""
        self._sources, self._capacity, self._serve = sources, capacity, serve
        self._calls: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._stopping = False

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return len(self._calls)

    @property
    def states(self) -> dict[str, str]:
        """What each source says of itself."""
        return {source.name: source.state for source in self._sources}

    def admit(self) -> Refusal | None:
        """See ``FrontDoor.admit``."""
        if self._stopping:
            return Refusal("stopping", RETRY_AFTER_S)
        if len(self._calls) >= self._capacity:
            return Refusal("busy", RETRY_AFTER_S)
        return None

    def ring(self, line: Line) -> None:
        """See ``FrontDoor.ring``."""
        task = self._tasks.create_task(self._hold(line))
        self._calls.add(task)
        self._empty.clear()
        task.add_done_callback(self._left)

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until cancelled; ``ready`` is called when every source listens. Raises ``StartError``."""
        waiting = len(self._sources)

        def one_ready() -> None:
            nonlocal waiting
            waiting -= 1
            if waiting == 0:
                ready()

        async with asyncio.TaskGroup() as self._tasks:
            if not self._sources:
                ready()
            for source in self._sources:
                self._tasks.create_task(source.run(self, one_ready))
            await asyncio.Event().wait()  # the page may ring a house without lines

    def close(self) -> None:
        """Admit nobody from now on."""
        self._stopping = True

    async def emptied(self) -> None:
        """Return when no call is in progress."""
        await self._empty.wait()

    def end_calls(self) -> None:
        """Cancel what is left of every call."""
        for task in self._calls:
            task.cancel()

    def _left(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if not self._calls:
            self._empty.set()

    async def _hold(self, line: Line) -> None:
        try:
            await self._serve(line)
        except Exception:  # a call's fault must not reach another call
            log.exception("call %s failed", line.caller.call_id)
            await line.transfer("")  # to a person, where the line knows one: nobody is left in silence
        finally:
            await line.hangup()
