"""Keeps the record of every call: the call log, the transcript file, the recording.

The only room that reads the wall clock. Observers' calls return at once; one task writes the call log and
one thread writes files, each in order. A disk that refuses delays the record, it never touches a call.
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from agent.errors import RecordError
from agent.events import (
    AgentSaid,
    CallAnswered,
    CallEnded,
    CallerSaid,
    CallEvent,
    CallStarted,
    Noted,
    PassagesFound,
    Stage,
    StageReached,
)
from agent.file_writer import FileWriter
from agent.ports import CallerInfo, Passage
from agent.recording import TRACE_SUFFIX, Recording, TraceFile
from agent.store import CallLog, Entry
from agent.vault import Vault

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""Pause after a refused write, seconds."""
BACKLOG = 100_000
"""Entries kept in memory while the disk refuses; newer ones are dropped then."""
GATHER_S = 0.1
"""Entries wait for more so long, seconds: a transaction costs the event loop more than what is in it."""
BATCH = 500
"""Entries in one transaction."""
NAMES = {"ru": ("Абонент", "Агент", "прервано"), "en": ("Caller", "Agent", "cut")}


@dataclass(slots=True)
class _Open:
    """A call in progress, as the journal sees it."""

    caller: CallerInfo
    stem: str
    began: float
    trace: TraceFile | None = None
    stages: dict[int, dict[Stage, int]] = field(default_factory=dict)
    forsaken: str = ""
    """Why its recording is not to be kept."""


class Journal:
    """Observes calls and writes what happened."""

    def __init__(
        self,
        call_log: CallLog,
        folder: Path,
        language: str,
        record: bool,
        vault: Vault | None = None,
        *,
        mute_keys: bool = False,
    ) -> None:
        """``folder`` takes transcripts and, by ``vault``, recordings."""
        self._vault, self._mute_keys = vault or Vault(), mute_keys
        self._log, self._folder, self._language, self._record = call_log, folder, language, record
        self._entries: deque[Entry] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._gathering: asyncio.TimerHandle | None = None
        self._stopped = asyncio.Event()
        self._open: dict[str, _Open] = {}
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
        for entry in _entries(call_id, call, event, at):
            self._put(entry)
        self._transcribe(call, event)
        if isinstance(event, CallEnded):
            if call.trace is not None:
                call.trace.flush()
            if call.forsaken:
                self._discard(call_id, call)
            del self._open[call_id]
            self._wake_up()

    def recording(self, caller: CallerInfo) -> Recording | None:
        """The recording of a call that was announced by ``CallStarted``; None when switched off."""
        call = self._open.get(caller.call_id)
        if call is None or not self._record:
            return None
        path = self._folder / f"{call.stem}{self._vault.suffix}"
        self._put(("UPDATE calls SET recording = ? WHERE id = ?", (path.name, caller.call_id)))
        failed, new_file = self._recording_failed(caller.call_id), self._vault.writer
        return Recording(path, caller.rate, self._off_loop, failed, new_file, mute_keys=self._mute_keys)

    def forsake(self, call_id: str, why: str) -> None:
        """Delete the recording of a call as soon as the call is over; ``why`` stands in the record."""
        call = self._open.get(call_id)
        if call is not None and self._record:
            call.forsaken = why

    def trace(self, caller: CallerInfo) -> Callable[[str], None] | None:
        """Takes the lines of the trace of a recorded call; None where nothing is recorded."""
        call = self._open.get(caller.call_id)
        if call is None or not self._record:
            return None
        call.trace = TraceFile(self._folder / f"{call.stem}{TRACE_SUFFIX}", self._off_loop)
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

    async def mend(self) -> int:
        """Close the records that a killed daemon left open; return how many there were."""
        left = await self._log.read("SELECT id, recording FROM calls WHERE ended_at IS NULL")
        for row in left:
            if row["recording"]:
                await asyncio.to_thread(_mend_recording, self._vault, self._folder / row["recording"])
        close = "UPDATE calls SET ended_at = ?, status = 'failed', cause = 'daemon stopped' WHERE ended_at IS NULL"
        await self._log.write([(close, (_now(),))])
        return len(left)

    async def _write(self) -> bool:
        """A call whose end is in the call log has all its files on the disk."""
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
        stem = f"call_{datetime.now().astimezone():%Y%m%d_%H%M%S}_{call_id[:12]}"
        self._open[call_id] = _Open(caller, stem, time.monotonic())
        values = (call_id, caller.line, caller.number, caller.called, self._language, at, f"{stem}_transcript.txt")
        self._put(
            (
                "INSERT INTO calls (id, line, number, called, language, started_at, status, transcript)"
                " VALUES (?, ?, ?, ?, ?, ?, 'active', ?)",
                values,
            )
        )

    def _recording_failed(self, call_id: str) -> Callable[[str], None]:
        """The note is made on the writer's thread and written by the loop's task."""

        def failed(reason: str) -> None:
            entry: Entry = ("UPDATE calls SET recording_note = ? WHERE id = ?", (reason, call_id))
            self._loop.call_soon_threadsafe(self._put, entry)

        return failed

    def _discard(self, call_id: str, call: _Open) -> None:
        """The recording and what replays it; after both are closed."""
        paths = [self._folder / f"{call.stem}{suffix}" for suffix in (self._vault.suffix, TRACE_SUFFIX)]
        for path in paths:
            self._off_loop(partial(path.unlink, missing_ok=True))
        gone = "UPDATE calls SET recording = '', recording_note = ? WHERE id = ?"
        self._put((gone, (call.forsaken, call_id)))

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
            entries = [("UPDATE calls SET answered_at = ? WHERE id = ?", (at, call_id))]
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
            entries = [_said_entry(call_id, event)]
        case Noted(kind, detail):
            noted = "INSERT INTO events (call_id, at, kind, detail) VALUES (?, ?, ?, ?)"
            entries = [(noted, (call_id, at, kind, detail))]
        case CallEnded(status, cause):
            end = "UPDATE calls SET ended_at = ?, status = ?, cause = ? WHERE id = ?"
            entries = [(end, (at, status, cause, call_id))]
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
        case CallEnded():
            return f"— {event.status}: {event.cause}"
    return ""


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        log.warning("transcript %s not written: %s", path.name, error.strerror)


def _mend_recording(vault: Vault, path: Path) -> None:
    try:
        vault.mend(path)
    except (OSError, ValueError) as error:
        log.warning("recording %s was left unfinished and can't be mended: %s", path.name, error)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
