"""Calls that a process left when it ended, killed or restarted: read from the call log, offered to their lines again.

The record of a call stays open until its line has found the leg (it goes on) or has not (it is closed).
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.dialogue import Turn
from agent.errors import RecordError
from agent.events import CallerSaid, CallEvent, Noted, StageReached
from agent.lasting import Adopting, Left
from agent.ports import CallerInfo, LineSource
from agent.resuming import Resumed, resumed
from agent.store import CallLog, Entry

TRIES = 5
"""Processes that may try to take a call up without a word of the agent being heard: it may be what ends them."""
BEAT_S = 0.25
"""While there are calls the disk is told this often that somebody listens, seconds."""
TRANSCRIPT = "_transcript.txt"

OPEN = """
SELECT calls.id, calls.started_at, calls.answered_at, calls.transcript, held.* FROM held
JOIN calls ON calls.id = held.call_id WHERE calls.ended_at IS NULL AND held.tries < ?
"""
FORGET_LEG = "DELETE FROM held WHERE call_id = ?"
TURNS = "SELECT n, heard, said, said_heard, source, cut FROM turns WHERE call_id = ? ORDER BY n"


@dataclass(frozen=True, slots=True)
class Gap:
    """How a process came to a call that began in another."""

    begin: int
    """Where in the call it began to listen, samples: its own positions count from there."""
    unheard_s: float
    """How long nobody listened before, seconds."""

    def whole(self, event: CallEvent) -> CallEvent:
        """An event of this process as one of the whole call."""
        match event:
            case Noted("adopted"):
                return replace(event, detail=f"nobody listened for {self.unheard_s:.1f} s")
            case CallerSaid():
                reached = {stage: at + self.begin for stage, at in event.reached.items()}
                return replace(event, position=event.position + self.begin, reached=reached)
            case StageReached():
                return replace(event, position=event.position + self.begin)
        return event


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """A call whose record is open and whose leg may still be there."""

    left: Left
    resumed: Resumed
    stem: str
    """What its files' names begin with."""
    began: float
    """When it rang, seconds since the epoch, as for the next two."""
    answered: float
    seen: float
    """When somebody listened last."""
    saying: Mapping[str, Any]
    """``turn``, ``said`` and ``heard`` of the speech that broke off; empty: none."""

    def gap(self) -> Gap:
        """The call is answered again, now."""
        now = time.time()
        return Gap(max(0, int((now - self.answered) * self.left.caller.rate)), max(0.0, now - self.seen))


async def left_open(log: CallLog, alive: Path) -> list[LeftOpen]:
    """Calls of an earlier process; ``alive`` is the file that ``beat`` touched. Each reading counts as a try."""
    rows = await log.read(OPEN, (TRIES,))
    now = time.time()
    seen = await asyncio.to_thread(_touched, alive)
    found = [_left(row, await log.read(TURNS, (row["id"],)), seen, now) for row in rows]
    with suppress(RecordError):  # a disk that refuses now must not keep the callers from being answered
        await log.write([("UPDATE held SET tries = tries + 1", ())] if rows else [])
    return found


def kept(caller: CallerInfo, leg: str) -> Entry:
    """Writes down where a call's leg is."""
    statement = (
        "INSERT INTO held (call_id, caller, leg) VALUES (?, ?, ?)"
        " ON CONFLICT (call_id) DO UPDATE SET leg = excluded.leg"
    )
    return statement, (caller.call_id, json.dumps(asdict(caller), ensure_ascii=False), leg)


def broken_off(call_id: str, left: LeftOpen) -> list[Entry]:
    """Writes down what was heard of the speech that broke off, and the question that is answered again."""
    again = "UPDATE held SET saying = '', again = ? WHERE call_id = ?"
    entries: list[Entry] = [(again, (left.resumed.question, call_id))]
    if left.saying:
        said = (
            "INSERT INTO turns (call_id, n, heard, said, said_heard, cut) VALUES (?, ?, '', ?, ?, 1)"
            " ON CONFLICT (call_id, n) DO UPDATE SET said = trim(turns.said || ' ' || excluded.said),"
            " said_heard = trim(turns.said_heard || ' ' || excluded.said_heard), cut = 1"
        )
        entries.append((said, (call_id, left.saying["turn"], left.saying["said"], left.saying["heard"])))
    return entries


def closed(call_id: str, at: str) -> list[Entry]:
    """Ends the record of a call that nobody holds any more."""
    close = (
        "UPDATE calls SET ended_at = ?, status = 'failed', cause = 'daemon stopped' WHERE id = ? AND ended_at IS NULL"
    )
    return [(close, (at, call_id)), (FORGET_LEG, (call_id,))]


def _left(row: Mapping[str, Any], turns: Sequence[Mapping[str, Any]], seen: float, now: float) -> LeftOpen:
    caller = CallerInfo(**json.loads(row["caller"]))
    began = _seconds(row["started_at"])
    answered = _seconds(row["answered_at"] or row["started_at"])
    saying = json.loads(row["saying"]) if row["saying"] else {}
    position = max(0, int((now - answered) * caller.rate))
    seen = min(max(seen, answered), now)
    return LeftOpen(
        left=Left(caller, json.loads(row["leg"]), now - seen),
        resumed=resumed(_dialogue(turns, saying), position, row["again"]),
        stem=row["transcript"].removesuffix(TRANSCRIPT),
        began=began,
        answered=answered,
        seen=seen,
        saying=saying,
    )


def _dialogue(rows: Iterable[Mapping[str, Any]], saying: Mapping[str, Any]) -> list[Turn]:
    """The turns, numbered without gaps, with what was heard of the speech that broke off."""
    turns: list[Turn] = []
    for row in rows:
        while len(turns) <= row["n"]:
            turns.append(Turn(len(turns), "", open=False))
        said = Turn(row["n"], row["heard"], row["said"], row["said_heard"], bool(row["cut"]), row["source"])
        turns[row["n"]] = replace(said, open=not row["said"])
    number = saying.get("turn", -1)
    while saying and len(turns) <= number:
        turns.append(Turn(len(turns), ""))
    if saying:
        turns[number].said, turns[number].heard, turns[number].cut = saying["said"], saying["heard"], True
    return turns


def _touched(alive: Path) -> float:
    return alive.stat().st_mtime if alive.exists() else 0.0


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


class Adoption:
    """What is still looked for; each source alone knows when it has looked everywhere."""

    def __init__(
        self, left: Iterable[LeftOpen], resume: Callable[[LeftOpen], None], lost: Callable[[LeftOpen], None]
    ) -> None:
        """``resume`` opens the record of a call again, ``lost`` closes it."""
        self._left = {each.left.caller.call_id: each for each in left}
        self._resume, self._lost = resume, lost
        self.settled = asyncio.Event()
        """Nobody is looked for any more."""
        self._look()

    @property
    def waits(self) -> bool:
        """Callers of an earlier process may be waiting to be spoken to."""
        return bool(self._left)

    def offer(self, sources: Iterable[LineSource]) -> None:
        """Tell each source, before it runs, what to look for."""
        able = {source.name: source for source in sources if isinstance(source, Adopting)}
        for name, source in able.items():
            source.expect([each.left for each in self._left.values() if each.left.caller.line == name], self.lost)
        for call_id, each in tuple(self._left.items()):
            if each.left.caller.line not in able:
                self.lost(call_id)

    def take(self, call_id: str) -> Resumed | None:
        """A line rings: where its call was, when it is one that goes on."""
        found = self._left.pop(call_id, None)
        if found is None:
            return None
        self._look()
        self._resume(found)
        return found.resumed

    def lost(self, call_id: str) -> None:
        """The leg of a call is gone."""
        left = self._left.pop(call_id, None)
        self._look()
        if left is not None:
            self._lost(left)

    def _look(self) -> None:
        if not self._left:
            self.settled.set()


async def beat(alive: Path, busy: Callable[[], bool]) -> None:
    """Until cancelled: while ``busy``, touch a file, so that the next process knows since when nobody listened."""
    while True:
        if busy():
            await asyncio.to_thread(touch, alive)
        await asyncio.sleep(BEAT_S)


def touch(alive: Path) -> None:
    """Somebody listens now; a disk that refuses costs the record a second of truth, nothing else."""
    try:
        alive.touch()
    except OSError:
        return
