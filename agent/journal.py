"""Keeps the record of every call: the call log, the transcript file, the recording.

The only room that reads the wall clock. Observers' calls return at once; one task writes the call log and
one thread writes files, each in order. A disk that refuses delays the record, it never touches a call.
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from agent.adoption import FORGET_LEG, Gap, LeftOpen, broken_off, closed, kept
from agent.earlier_part import trace_goes_on
from agent.errors import RecordError
from agent.events import (
    AgentSaid,
    AgentSaying,
    CallAnswered,
    CallEnded,
    CallerSaid,
    CallEvent,
    CallStarted,
    LegKept,
    Noted,
    PassagesFound,
    Stage,
    StageReached,
)
from agent.file_writer import FileWriter
from agent.ports import CallerInfo, Passage
from agent.recording import TRACE_SUFFIX, Recording, TraceFile
from agent.store import CallLog, Entry
from audio.wav import repair

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""Pause after a refused write, seconds."""
BACKLOG = 100_000
"""Entries kept in memory while the disk refuses; newer ones are dropped then."""
GATHER_S = 0.1
"""Entries wait for more so long, seconds: a transaction costs the event loop more than what is in it."""
BATCH = 500
"""Entries in one transaction."""
AT_ONCE = (CallAnswered, LegKept, CallEnded)
"""What waits for nothing more: without it the next process could not go on with a call."""
NAMES = {"ru": ("Абонент", "Агент", "прервано"), "en": ("Caller", "Agent", "cut")}


@dataclass(slots=True)
class _Open:
    """A call in progress, as the journal sees it."""

    caller: CallerInfo
    stem: str
    began: float
    trace: TraceFile | None = None
    recording: Recording | None = None
    stages: dict[int, dict[Stage, int]] = field(default_factory=dict)
    left: LeftOpen | None = None
    """What another process left of it."""
    gap: Gap | None = None
    """How this process came to it; None: it began here."""


class Journal:
    """Observes calls and writes what happened."""

    def __init__(self, call_log: CallLog, folder: Path, language: str, record: bool) -> None:
        """``folder`` takes recordings and transcripts."""
        self._log, self._folder, self._language, self._record = call_log, folder, language, record
        self._entries: deque[Entry] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._gathering: asyncio.TimerHandle | None = None
        self._stopped = asyncio.Event()
        self._writing = asyncio.Lock()
        self._open: dict[str, _Open] = {}
        self._left: dict[str, LeftOpen] = {}
        self._off_loop = FileWriter("journal")
        self._loop = asyncio.get_running_loop()

    def observe(self, call_id: str, event: CallEvent) -> None:
        """Take one event of a call."""
        at = _now()
        if isinstance(event, CallStarted):
            self._start(call_id, event.caller, at)
        call = self._open.get(call_id)
        if call is None:
            return
        if call.left is not None:
            call.gap = call.gap or call.left.gap() if isinstance(event, CallAnswered) else call.gap
            event = call.gap.whole(event) if call.gap is not None else event
        for entry in _entries(call_id, call, event, at):
            self._put(entry)
        self._transcribe(call, event)
        if isinstance(event, CallEnded):
            if call.trace is not None:
                call.trace.flush()
            del self._open[call_id]
        if isinstance(event, AT_ONCE):
            self._wake_up()

    def resume(self, left: LeftOpen) -> None:
        """Before its ``CallStarted``: this call has a record already, which goes on."""
        self._left[left.left.caller.call_id] = left

    def lost(self, left: LeftOpen) -> None:
        """The leg of a call of an earlier process is gone: close its record."""
        for entry in closed(left.left.caller.call_id, _now()):
            self._put(entry)
        self._wake_up()
        path = self._folder / f"{left.stem}.wav"
        if path.exists():
            self._off_loop(partial(_mend_recording, path))

    def recording(self, caller: CallerInfo) -> Recording | None:
        """The recording of a call that was announced by ``CallStarted``; None when switched off."""
        call = self._open.get(caller.call_id)
        if call is None or not self._record:
            return None
        path = self._folder / f"{call.stem}.wav"
        self._put(("UPDATE calls SET recording = ? WHERE id = ?", (path.name, caller.call_id)))
        begin = None if call.gap is None else call.gap.begin
        failed = self._recording_failed(caller.call_id)
        call.recording = Recording(path, caller.rate, self._off_loop, failed, begin)
        return call.recording

    def trace(self, caller: CallerInfo) -> Callable[[str], None] | None:
        """Takes the lines of the trace of a recorded call; None where nothing is recorded."""
        call = self._open.get(caller.call_id)
        if call is None or not self._record:
            return None
        path = self._folder / f"{call.stem}{TRACE_SUFFIX}"
        if call.gap is not None:
            self._off_loop(partial(trace_goes_on, path, call.gap.begin))
        call.trace = TraceFile(path, self._off_loop)
        return call.trace.push

    async def run(self) -> None:
        """Write until ``close``. Not to be cancelled: a batch half-way to the disk would be written twice."""
        try:
            while self._entries or not self._closing:
                if not self._wake.is_set():
                    await self._wake.wait()
                elif not self._entries:
                    self._wake.clear()
                elif not await self._write():
                    if self._closing:
                        return
                    await asyncio.sleep(RETRY_S)
        finally:
            self._stopped.set()

    @property
    def waiting(self) -> int:
        """Entries not in the call log yet."""
        return len(self._entries)

    async def written(self) -> None:
        """Return when the files have everything that was handed over before."""
        await self._off_loop.written()

    async def close(self) -> None:
        """Let ``run`` write the rest and end, then close the files and the call log."""
        await self.written()
        self._closing = True
        self._wake_up()
        await self._stopped.wait()
        await self._off_loop.close()
        await self._log.close()

    async def mend(self, keep: Collection[str] = ()) -> int:
        """Close the records that a killed daemon left open, but for those to ``keep``; return how many there were."""
        left = await self._log.read("SELECT id, recording FROM calls WHERE ended_at IS NULL")
        left = [row for row in left if row["id"] not in keep]
        for row in left:
            if row["recording"]:
                await asyncio.to_thread(_mend_recording, self._folder / row["recording"])
        entries = [entry for row in left for entry in closed(row["id"], _now())]
        try:
            await self._log.write(entries)
        except RecordError:
            self._entries.extend(entries)  # they go before all that is to come
        return len(left)

    async def flush(self) -> None:
        """Return when all that was handed over is on the disk; a disk that refuses is not waited for."""
        for call in self._open.values():
            for file in (call.trace, call.recording):
                if file is not None:
                    file.flush()
        while self._entries and await self._write():
            continue
        await self.written()

    async def _write(self) -> bool:
        """A call whose end is in the call log has all its files on the disk."""
        async with self._writing:
            return await self._write_batch()

    async def _write_batch(self) -> bool:
        batch = list(islice(self._entries, BATCH))
        await self.written()
        try:
            await self._log.write(batch)
        except RecordError as error:
            log.error("%s; tried again every second, %d entries wait", error, len(self._entries))
            return False
        for _ in batch:
            self._entries.popleft()
        return True

    def _put(self, entry: Entry) -> None:
        if len(self._entries) < BACKLOG:
            self._entries.append(entry)
        if not self._wake.is_set() and self._gathering is None:
            self._gathering = self._loop.call_later(GATHER_S, self._wake_up)

    def _wake_up(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
        self._gathering = None
        self._wake.set()

    def _start(self, call_id: str, caller: CallerInfo, at: str) -> None:
        left = self._left.pop(call_id, None)
        if left is not None:
            began = time.monotonic() - max(0.0, time.time() - left.began)
            self._open[call_id] = _Open(caller, left.stem, began, left=left)
            for entry in broken_off(call_id, left):
                self._put(entry)
            return
        stem = f"call_{datetime.now().astimezone():%Y%m%d_%H%M%S}_{call_id[:12]}"
        self._open[call_id] = _Open(caller, stem, time.monotonic())
        values = (call_id, caller.line, caller.number, caller.called, self._language, at, f"{stem}_transcript.txt")
        self._put(
            (
                "INSERT INTO calls (id, line, number, called, language, started_at, status, transcript)"
                " VALUES (?, ?, ?, ?, ?, ?, 'active', ?) ON CONFLICT (id) DO NOTHING",
                values,
            )
        )

    def _recording_failed(self, call_id: str) -> Callable[[str], None]:
        """The note is made on the writer's thread and written by the loop's task."""

        def failed(reason: str) -> None:
            entry: Entry = ("UPDATE calls SET recording_note = ? WHERE id = ?", (reason, call_id))
            self._loop.call_soon_threadsafe(self._put, entry)

        return failed

    def _transcribe(self, call: _Open, event: CallEvent) -> None:
        line = _transcript_line(event, self._language)
        if not line:
            return
        path = self._folder / f"{call.stem}_transcript.txt"
        seconds = int(time.monotonic() - call.began)
        self._off_loop(lambda: _append(path, f"[{seconds // 60:02d}:{seconds % 60:02d}] {line}\n"))


def _entries(call_id: str, call: _Open, event: CallEvent, at: str) -> list[Entry]:
    """What an event means to the call log."""
    entries: list[Entry] = []
    match event:
        case CallAnswered():
            entries = [("UPDATE calls SET answered_at = coalesce(answered_at, ?) WHERE id = ?", (at, call_id))]
        case LegKept(leg):
            entries = [kept(call.caller, leg)]
        case AgentSaying():
            saying = json.dumps({"turn": event.turn, "said": event.said, "heard": event.heard}, ensure_ascii=False)
            entries = [("UPDATE held SET saying = ? WHERE call_id = ?", (saying, call_id))]
        case CallerSaid(turn, text, position, reached):
            call.stages[turn] = dict(reached)
            said = (
                "INSERT INTO turns (call_id, n, heard, position) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (call_id, n) DO UPDATE SET heard = excluded.heard"
            )
            entries = [(said, (call_id, turn, text, position))]
        case StageReached(turn, stage, position):
            entries = [_stage_entry(call_id, call, turn, stage, position)]
        case PassagesFound(turn, passages):
            entries = [("UPDATE turns SET passages = ? WHERE call_id = ? AND n = ?", (_shown(passages), call_id, turn))]
        case AgentSaid():
            whole = "UPDATE held SET saying = '', tries = 0 WHERE call_id = ?"
            entries = [_said_entry(call_id, event), (whole, (call_id,))]
        case Noted(kind, detail):
            noted = "INSERT INTO events (call_id, at, kind, detail) VALUES (?, ?, ?, ?)"
            entries = [(noted, (call_id, at, kind, detail))]
        case CallEnded(status, cause):
            end = "UPDATE calls SET ended_at = ?, status = ?, cause = ? WHERE id = ?"
            entries = [(end, (at, status, cause, call_id)), (FORGET_LEG, (call_id,))]
    return entries


def _stage_entry(call_id: str, call: _Open, turn: int, stage: Stage, position: int) -> Entry:
    """Stage times are kept as milliseconds of audio since the end of the caller's speech."""
    stages = call.stages.setdefault(turn, {})
    stages[stage] = position
    begin = stages.get("speech_end", position)
    times = {name: (at - begin) * 1000 // call.caller.rate for name, at in stages.items()}
    return ("UPDATE turns SET stages = ? WHERE call_id = ? AND n = ?", (json.dumps(times), call_id, turn))


def _shown(passages: tuple[Passage, ...]) -> str:
    """Where an answer came from; the texts themselves stand in the knowledge base."""
    found = [{"base": one.base, "heading": one.heading, "score": round(one.score, 3)} for one in passages]
    return json.dumps(found, ensure_ascii=False)


def _said_entry(call_id: str, event: AgentSaid) -> Entry:
    """Turn 0 gathers what the agent says unasked: greeting, reprompts, goodbye."""
    return (
        "INSERT INTO turns (call_id, n, heard, said, said_heard, source, cut) VALUES (?, ?, '', ?, ?, ?, ?)"
        " ON CONFLICT (call_id, n) DO UPDATE SET said = trim(turns.said || ' ' || excluded.said),"
        " said_heard = trim(turns.said_heard || ' ' || excluded.said_heard), source = excluded.source,"
        " cut = excluded.cut",
        (call_id, event.turn, event.said, event.heard, event.source, int(event.cut)),
    )


def _transcript_line(event: CallEvent, language: str) -> str:
    caller, agent, cut = NAMES[language]
    match event:
        case CallerSaid():
            return f"{caller}: {event.text}"
        case AgentSaid() if event.said:
            source = f" [{event.source}]" if event.source else ""
            return f"{agent}{source}: {event.heard}{f' … ({cut})' if event.cut else ''}"
        case Noted("dtmf", digit):
            return f"{caller}: [{digit}]"
        case Noted("adopted", detail):
            return f"— {detail}"
        case CallEnded():
            return f"— {event.status}: {event.cause}"
    return ""


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        log.warning("transcript %s not written: %s", path.name, error.strerror)


def _mend_recording(path: Path) -> None:
    try:
        repair(path)
    except (OSError, ValueError) as error:
        log.warning("recording %s was left unfinished and can't be mended: %s", path.name, error)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
