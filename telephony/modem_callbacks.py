"""Call-backs: who asked to be called, kept in ``call_backs.json`` until he was, whatever restarts meanwhile."""

import asyncio
import json
import logging
import os
import threading
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from agent.errors import RecordError

log = logging.getLogger(__name__)

TRIES = 3
"""A call-back that nobody answers is tried so often."""
AGAIN = timedelta(minutes=3)
"""Between two tries."""
GIVE_UP = timedelta(minutes=30)
"""So long after its time a call-back that could not be made is given up."""
LOOK_S = 5.0
"""While any is waiting the clock is looked at so often, since it may be set meanwhile, seconds."""
KEPT = 200
"""Call-backs that are over and still shown."""
WAITING_MOST = 100
"""Call-backs that wait at once."""

State = Literal["waiting", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class CallBack:
    """One call to make."""

    id: str
    number: str
    due: str
    """When, ISO 8601 in UTC."""
    why: str
    """What is said after the greeting."""
    modem: str
    """Name of the line that was asked for it."""
    asked: str
    """When it was asked for, ISO 8601 in UTC."""
    state: State = "waiting"
    tries: int = 0
    """Calls made."""
    note: str = ""
    """What became of the last try."""

    @property
    def at(self) -> datetime:
        """When it is due."""
        return datetime.fromisoformat(self.due)


@dataclass(frozen=True, slots=True)
class Dialled:
    """What became of a call that we made."""

    end: Literal["answered", "busy", "refused", "unanswered"]
    """``busy``: we could not call now, nobody was rung."""
    words: str


Patterns = tuple[str, ...]
"""Of numbers, as the settings give them."""
Dial = Callable[[str, str], Awaitable[Dialled]]
"""Calls a number and says why."""


def allowed(number: str, patterns: Patterns) -> bool:
    """Whether ``number`` may be called: one of the patterns fits, in which ``*`` and ``?`` stand for digits."""
    return bool(number) and any(fnmatchcase(number, pattern) for pattern in patterns)


class CallBackBook:
    """The file; each change is on the disk before anybody relies on it. Blocking."""

    def __init__(self, folder: Path) -> None:
        """Reads what is there; a file that can't be read is put aside."""
        self._path = folder / "call_backs.json"
        self._writing = threading.Lock()
        self._rows: dict[str, CallBack] = {row.id: row for row in self._read()}

    @property
    def rows(self) -> list[CallBack]:
        """All, in the order in which they were asked for."""
        return list(self._rows.values())

    def waiting(self, modem: str, modems: frozenset[str]) -> list[CallBack]:
        """Those that ``modem`` is to make, the earliest first; also of a modem that is no more one of ``modems``."""
        mine = [row for row in self.rows if row.state == "waiting" and (row.modem == modem or row.modem not in modems)]
        return sorted(mine, key=lambda row: row.at)

    def add(self, number: str, due: datetime, why: str, modem: str) -> CallBack:
        """Note one, in place of another that waits for the same number; raises ``RecordError``."""
        row = CallBack(uuid.uuid4().hex, number, _iso(due), why, modem, _iso(_now()))
        with self._writing:
            before = self._rows
            kept = [each for each in self.rows if not (each.state == "waiting" and each.number == number)]
            if sum(each.state == "waiting" for each in kept) >= WAITING_MOST:
                raise RecordError(f"{WAITING_MOST} call-backs are waiting already")
            try:
                self._keep([*kept, row])
            except RecordError:
                self._rows = before  # the caller is told that it is not noted, so it must not be made
                raise
        return row

    def put(self, row: CallBack) -> None:
        """Keep what became of one; raises ``RecordError``, and then knows it all the same until the daemon ends."""
        with self._writing:
            self._keep([row if each.id == row.id else each for each in self.rows])

    def cancel(self, id_: str) -> bool:
        """Give up one that waits; False: there is none. Raises ``RecordError``."""
        with self._writing:
            row = self._rows.get(id_)
            if row is None or row.state != "waiting":
                return False
            self._keep([replace(each, state="cancelled") if each is row else each for each in self.rows])
        return True

    def _keep(self, rows: list[CallBack]) -> None:
        over = [row for row in rows if row.state != "waiting"]
        dropped = {row.id for row in over[: max(0, len(over) - KEPT)]}
        self._rows = {row.id: row for row in rows if row.id not in dropped}
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with fresh.open("w", encoding="utf-8") as file:
                json.dump([asdict(row) for row in self.rows], file, ensure_ascii=False, indent=1)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise RecordError(f"{self._path}: call-backs can't be kept: {error.strerror}") from None

    def _read(self) -> list[CallBack]:
        try:
            found = [CallBack(**row) for row in json.loads(self._path.read_text(encoding="utf-8"))]
            return [row for row in found if row.at.tzinfo is not None]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError):
            log.warning("%s: can't be read and is put aside as .bad", self._path)
            with suppress(OSError):
                self._path.replace(self._path.with_suffix(".bad"))
            return []


class CallBacks:
    """Makes the calls of one line when they are due."""

    def __init__(self, book: CallBackBook, patterns: Patterns, modem: str, dial: Patterns = ("*",)) -> None:
        """``patterns``: numbers that may be called back, ``dial``: at all; several lines share the ``book``."""
        self.modems = frozenset({modem})
        """Names of all lines that share the book."""
        self._book, self._patterns, self._dial, self._modem = book, patterns, dial, modem
        self._news = asyncio.Event()

    @property
    def rows(self) -> list[CallBack]:
        """All that the book holds, the oldest first."""
        return self._book.rows

    def may(self, number: str) -> bool:
        """Whether this number may be called back."""
        return allowed(number, self._patterns) and allowed(number, self._dial)

    async def ask(self, number: str, due: datetime, why: str) -> None:
        """Note a call-back; raises ``RecordError``."""
        await asyncio.to_thread(self._book.add, number, due, why, self._modem)
        self.look()

    def cancel(self, id_: str) -> bool:
        """See ``CallBackBook.cancel``. Blocking."""
        return self._book.cancel(id_)

    def look(self) -> None:
        """Something has changed: the modem is back, so what is due may be done now."""
        self._news.set()

    async def run(self, dial: Dial) -> None:
        """Make them as they come due, for ever."""
        while True:
            self._news.clear()
            waiting = self._book.waiting(self._modem, self.modems)
            due = [row for row in waiting if row.at <= _now()]
            if due:
                await self._try(due[0], dial)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if due else _pause(waiting)):
                    await self._news.wait()

    async def _try(self, row: CallBack, dial: Dial) -> None:
        if not self.may(row.number):
            row = replace(row, state="failed", note="[modem] call_back or dial has no pattern for this number any more")
        elif _now() > row.at + GIVE_UP:
            row = replace(row, state="failed", note=row.note or "Allo or its modem was not there at that time")
        else:
            # noted before the call: a crash in the middle of it must not ring the number for ever
            row = replace(row, tries=row.tries + 1, note="being called")
            await self._put(row)
            row = _after(row, await dial(row.number, row.why))
        await self._put(row)
        log.info("modem: call-back %s: %s: %s", row.id, row.state, row.note)

    async def _put(self, row: CallBack) -> None:
        try:
            await asyncio.to_thread(self._book.put, row)
        except RecordError as error:
            log.warning("%s; after a restart it may be made again", error)


def _after(row: CallBack, said: Dialled) -> CallBack:
    """What the record says after a try."""
    if said.end == "answered":
        return replace(row, state="done", note=said.words)
    if said.end == "busy":  # nobody was rung: this was no try
        return replace(row, tries=row.tries - 1, note=said.words)
    if row.tries >= TRIES:
        return replace(row, state="failed", note=said.words)
    return replace(row, due=_iso(_now() + AGAIN), note=said.words)


def _pause(waiting: list[CallBack]) -> float | None:
    """Until the clock is looked at again, seconds; ``None``: until there is something to wait for."""
    if not waiting:
        return None
    return min(LOOK_S, max(0.0, (waiting[0].at - _now()).total_seconds()))


def _now() -> datetime:
    return datetime.now(UTC)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
