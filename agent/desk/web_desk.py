"""What the daemon puts on the page's desk: the call log and the calls in progress."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent.call import Call
from agent.events import CallEvent
from agent.feed import Feed
from agent.figures.call_figures import Figures, Span, open_figures
from agent.figures.machine import machine
from agent.house import House
from agent.overhearing import Overheard
from agent.ports import CallerInfo, Health, Line
from agent.prompts import load_prompts
from agent.record.archive import Archive, Selection, open_archive
from agent.record.vault import Vault
from agent.replaying.apart import replayed
from agent.resuming import Resumed
from agent.settings import Settings
from agent.store import CallLog
from gateways.desk import Desk, Row

log_ = logging.getLogger(__name__)

if TYPE_CHECKING:
    from gateways.queries import FiguresQuery, LogsQuery


class PastCalls:
    """The archive as the page asks for it."""

    def __init__(self, archive: Archive, figures: Figures, deleted: Callable[[int], None]) -> None:
        """The first two are closed by who opened them; ``deleted`` notes how many calls were, and may block."""
        self._archive, self._figures, self._deleted = archive, figures, deleted

    async def page(self, query: "LogsQuery") -> tuple[list[Row], int]:
        """See ``gateways.desk.CallLog``, as for the rest."""
        found = await self._archive.page(_selection(query))
        return found.calls, found.total

    def each(self, query: "LogsQuery") -> AsyncIterator[Row]:
        """Every call of a query."""
        return self._archive.each(_selection(query))

    async def call(self, call_id: str) -> tuple[Row, Path | None] | None:
        """One call."""
        found = await self._archive.call(call_id)
        return None if found is None else (found, await self._archive.recording(call_id))

    async def delete(self, which: "LogsQuery | str") -> int:
        """Delete."""
        if isinstance(which, str):
            gone = int(await self._archive.delete_call(which))
        else:
            gone = await self._archive.delete(_selection(which))
        await asyncio.to_thread(self._deleted, gone)
        return gone

    async def figures(self, query: "FiguresQuery") -> Row:
        """Sums."""
        return dict(await self._figures.sums(Span(query.date_from, query.date_to, query.offset_min)))


class PresentCalls:
    """The calls in progress as the page asks for them."""

    def __init__(self) -> None:
        """No call yet."""
        self.feed = Feed()
        self.watch = self.feed.watch
        self._lines: dict[str, Line] = {}
        self._sounds: dict[str, Overheard] = {}

    def watched(self, house: House) -> House:
        """A house whose calls can be watched."""
        observe, new_trace, new_recording = house.observe, house.new_trace, house.new_recording

        def observed(call_id: str, event: CallEvent) -> None:
            observe(call_id, event)
            self.feed.observe(call_id, event)

        def overheard(caller: CallerInfo) -> Overheard:
            heard = self._sounds[caller.call_id] = Overheard(new_recording(caller), caller.rate)
            return heard

        return replace(
            house,
            observe=observed,
            new_recording=overheard,
            new_trace=lambda caller: self.feed.tapped(caller.call_id, new_trace(caller)),
        )

    def new_call(self, line: Line, house: House, resumed: Resumed | None = None) -> Call:
        """A call that can be ended from the page until ``left``."""
        self._lines[line.caller.call_id] = line
        return Call(line, house, resumed)

    def left(self, line: Line) -> None:
        """The call of this line is over."""
        self._lines.pop(line.caller.call_id, None)
        self._sounds.pop(line.caller.call_id, None)

    def listen(self, call_id: str) -> tuple[int, AsyncGenerator[bytes, None]] | None:
        """Both sides of a call from now on, and their rate."""
        heard = self._sounds.get(call_id)
        return (heard.rate, heard.listen()) if heard else None

    async def hang_up(self, call_id: str) -> bool:
        """End a call."""
        line = self._lines.get(call_id)
        if line is not None:
            await line.hangup()
        return line is not None

    async def transfer(self, call_id: str) -> bool:
        """Give the caller to the operator."""
        line = self._lines.get(call_id)
        return line is not None and await line.transfer("")


async def open_past(settings: Settings, log: CallLog, stack: AsyncExitStack) -> PastCalls:
    """The call log for the page; ``stack`` closes it."""
    path, folder = settings.storage.dir / "calls.sqlite", settings.storage.dir / "calls_log"
    archive = await open_archive(path, log, folder, settings.language)
    stack.push_async_callback(archive.close)
    figures = await open_figures(path, load_prompts(settings.prompts.dir, settings.language).no_answer)
    stack.push_async_callback(figures.close)

    def deleted(calls: int) -> None:
        from agent.record.retention import note_deletion  # noqa: PLC0415 - nobody waits for it at start

        try:
            note_deletion(settings, calls, datetime.now(UTC))
        except OSError as error:
            log_.warning("%s: a deletion can't be noted: %s", settings.storage.dir, error.strerror)

    return PastCalls(archive, figures, deleted)


def new_desk(settings: Settings, health: Callable[[], Health], feed: Feed) -> Desk:
    """A desk that has nothing of the house yet, and no key."""
    again = partial(replayed, settings)
    below = partial(machine, settings.storage.dir)
    farewells, opened = [feed.close], Vault.of(settings).open
    return Desk(
        health,
        language=settings.language,
        replay=again,
        machine=below,
        farewells=farewells,
        open_recording=opened,
    )


def _selection(query: "LogsQuery") -> Selection:
    return Selection(
        q=query.q,
        date_from=query.date_from,
        date_to=query.date_to,
        status=query.status,
        sort=query.sort,
        offset=(query.page - 1) * query.per_page,
        limit=query.per_page,
    )
