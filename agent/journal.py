"""Keeps the record of every call: the call log, the transcript file, the recording.

The only room that reads the wall clock. Observers' calls return at once; one task writes the call log and
one thread writes files, each in order. A disk that refuses delays the record, it never touches a call.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from agent.adoption import Gap, LeftOpen, broken_off, closed
from agent.errors import RecordError
from agent.events import CallAnswered, CallEnded, CallEvent, CallStarted, LegKept
from agent.ports import CallerInfo
from agent.record.earlier_part import go_on, trace_goes_on
from agent.record.file_writer import FileWriter
from agent.record.journal_entries import Stages, entries, transcript_line
from agent.record.patient_files import PatientTexts, Sound
from agent.record.vault import RECORDINGS, Vault
from agent.recording import TRACE_SUFFIX, Recording, TraceFile
from agent.store import CallLog, Entry
from agent.trace import Note

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


@dataclass(slots=True)
class _Open:
    """A call in progress, as the journal sees it."""

    caller: CallerInfo
    stem: str
    began: float
    trace: TraceFile | None = None
    recording: Recording | None = None
    stages: Stages = field(default_factory=dict)
    left: LeftOpen | None = None
    """What another process left of it."""
    gap: Gap | None = None
    """How this process came to it; None: it began here."""
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
        self._writing = asyncio.Lock()
        self._open: dict[str, _Open] = {}
        self._left: dict[str, LeftOpen] = {}
        self._off_loop = FileWriter("journal")
        self._texts = PatientTexts()
        self._fault, self._dropped = "", 0
        """Why the call log can't be written; entries for which there was no room."""
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
        for entry in entries(call_id, call.caller, call.stages, event, at):
            self._put(entry)
        self._transcribe(call, event)
        if isinstance(event, CallEnded):
            if call.trace is not None:
                call.trace.flush()
            if call.forsaken:
                self._discard(call_id, call)
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
        for suffix in RECORDINGS:
            path = self._folder / f"{left.stem}{suffix}"
            if path.exists():
                self._off_loop(partial(_mend_recording, self._vault, path))

    def recording(self, caller: CallerInfo) -> Recording | None:
        """The recording of a call that was announced by ``CallStarted``; None when switched off."""
        call = self._open.get(caller.call_id)
        if call is None or not self._record:
            return None
        path = self._folder / f"{call.stem}{self._vault.suffix}"
        self._put(("UPDATE calls SET recording = ? WHERE id = ?", (path.name, caller.call_id)))
        call.recording = Recording(
            partial(self._new_recording, path, caller.rate, call.gap),
            caller.rate,
            self._off_loop,
            self._recording_failed(caller.call_id),
            begin=call.gap.begin if call.gap else 0,
            mute_keys=self._mute_keys,
        )
        return call.recording

    def _new_recording(self, path: Path, rate: int, gap: Gap | None) -> Sound:
        """On the writer's thread; raises ``OSError``."""
        if gap is None:
            return self._vault.writer(path, rate)
        return go_on(path, gap.begin, lambda place: self._vault.writer(place, rate), self._vault.mended)

    def forsake(self, call_id: str, why: str) -> None:
        """Delete the recording of a call as soon as the call is over; ``why`` stands in the record."""
        call = self._open.get(call_id)
        if call is not None and self._record:
            call.forsaken = why

    def trace(self, caller: CallerInfo) -> Callable[[Note], None] | None:
        """Takes the trace of a recorded call; None where nothing is recorded."""
        call = self._open.get(caller.call_id)
        if call is None or not self._record:
            return None
        path = self._folder / f"{call.stem}{TRACE_SUFFIX}"
        if call.gap is not None:
            self._off_loop(partial(trace_goes_on, path, call.gap.begin))
        call.trace = TraceFile(path, self._off_loop, self._texts.append)
        return call.trace.push

    async def run(self) -> None:
        """Write until ``close``. Not to be cancelled: a batch half-way to the disk would be written twice."""
        try:
            while self._entries or not self._closing:
                if not self._wake.is_set():
                    await self._wake.wait()
                elif not self._entries:
                    self._wake.clear()
                    self._try_texts_again()
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

    @property
    def state(self) -> dict[str, object]:
        """What keeps records from the disk and how much waits for it; empty when all is well."""
        waiting = len(self._entries) if self._fault else 0
        if not (self._fault or self._texts.waiting or self._dropped):
            return {}
        fault = self._fault or "transcripts can't be written"
        return {"fault": fault, "waiting": waiting, "characters": self._texts.waiting, "dropped": self._dropped}

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
                await asyncio.to_thread(_mend_recording, self._vault, self._folder / row["recording"])
        ends = [entry for row in left for entry in closed(row["id"], _now())]
        try:
            await self._log.write(ends)
        except RecordError:
            self._entries.extend(ends)  # they go before all that is to come
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
            if not self._fault:
                log.error("%s; tried again every second, %d entries wait", error, len(self._entries))
            self._fault = str(error)
            self._try_texts_again()
            return False
        if self._fault:
            log.warning("the call log is written again; %d entries had waited", len(self._entries))
        self._fault = ""
        for _ in batch:
            self._entries.popleft()
        return True

    def _put(self, entry: Entry) -> None:
        if len(self._entries) < BACKLOG:
            self._entries.append(entry)
        else:
            self._dropped += 1
        if not self._wake.is_set() and self._gathering is None:
            self._gathering = self._loop.call_later(GATHER_S, self._wake_up)

    def _try_texts_again(self) -> None:
        """What the disk refused of transcripts and traces, now and every second."""
        if self._texts.waiting:
            self._off_loop(self._texts.retry)
            self._gathering = self._gathering or self._loop.call_later(RETRY_S, self._wake_up)

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

    def _discard(self, call_id: str, call: _Open) -> None:
        """The recording and what replays it; after both are closed."""
        paths = [self._folder / f"{call.stem}{suffix}" for suffix in (self._vault.suffix, TRACE_SUFFIX)]
        for path in paths:
            self._off_loop(partial(path.unlink, missing_ok=True))
        gone = "UPDATE calls SET recording = '', recording_note = ? WHERE id = ?"
        self._put((gone, (call.forsaken, call_id)))

    def _transcribe(self, call: _Open, event: CallEvent) -> None:
        line = transcript_line(event, self._language)
        if not line:
            return
        path = self._folder / f"{call.stem}_transcript.txt"
        seconds = int(time.monotonic() - call.began)
        self._off_loop(lambda: self._texts.append(path, f"[{seconds // 60:02d}:{seconds % 60:02d}] {line}\n"))


def _mend_recording(vault: Vault, path: Path) -> None:
    try:
        vault.mend(path)
    except (OSError, ValueError) as error:
        log.warning("recording %s was left unfinished and can't be mended: %s", path.name, error)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@asynccontextmanager
async def running(journal: Journal) -> AsyncIterator[None]:
    """It writes until this is left, and is closed then."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(journal.run())
        try:
            yield
        finally:
            await journal.close()
