"""What is remembered of a caller between calls: a name that he gave, what he asked about. Only where it is switched on.

Kept by number in one SQLite file, the words of a call are not; ``allo forget NUMBER`` removes everything. Nothing of it
is ever logged.
"""

import asyncio
import json
import logging
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from agent.errors import RecordError, StartError
from agent.events import AgentSaid, CallEnded, CallerSaid, CallEvent, CallStarted
from agent.ports import CallerInfo

log = logging.getLogger(__name__)

CALLERS = "callers.sqlite"
"""The file in ``storage.dir``."""
TOPICS = 3
"""Newest questions that are remembered of a caller."""
LONGEST = 120
"""Characters of a question that are remembered."""
NAME = re.compile(
    r"\b(?:меня зовут|моё имя|мое имя|my name is|this is)\s+([^\W\d_]{2,20})(?!\w)",
    re.IGNORECASE,
)
NO_NAME = frozenset(["не", "а", "как", "the", "a", "not", "about"])
DIGITS = re.compile(r"\D")


@dataclass(frozen=True, slots=True)
class Known:
    """A caller as remembered."""

    name: str = ""
    topics: tuple[str, ...] = ()
    """What he asked about, newest last."""
    day: str = ""
    """When he called last, ISO date."""


@dataclass(slots=True)
class _Call:
    number: str
    name: str = ""
    asked: str = ""
    topics: list[str] = field(default_factory=list)


class Memory:
    """The file, and the calls in progress. Writing is done on a thread when a call ends."""

    def __init__(self, path: Path, clean: Callable[[str], str] = lambda text: text) -> None:
        """Opens or makes the file; raises ``StartError`` when that can't be done. ``clean``: questions, to be kept."""
        self._clean = clean
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, check_same_thread=False, timeout=1)
            self._file.execute("PRAGMA secure_delete=ON")
            self._file.execute("CREATE TABLE IF NOT EXISTS callers (number TEXT PRIMARY KEY, name, topics, day)")
        except (sqlite3.Error, OSError) as error:
            raise StartError(f"{path}: memory of callers can't be opened: {error}; remove the file") from None
        self._calls: dict[str, _Call] = {}
        self._writing: set[asyncio.Future[None]] = set()

    def known(self, number: str) -> Known | None:
        """What is remembered; None for a stranger or a number that is withheld."""
        key = key_of(number)
        if not key:
            return None
        try:
            row = self._file.execute("SELECT name, topics, day FROM callers WHERE number = ?", (key,)).fetchone()
        except sqlite3.Error:
            return None
        return Known(row[0], tuple(json.loads(row[1])), row[2]) if row else None

    def observe(self, call_id: str, event: CallEvent) -> None:
        """Follow a call; returns at once."""
        if isinstance(event, CallStarted):
            self._begin(call_id, event.caller)
            return
        call = self._calls.get(call_id)
        if call is None:
            return
        if isinstance(event, CallerSaid):
            name = NAME.search(event.text)
            if name and name[1].lower() not in NO_NAME:
                call.name = name[1].capitalize()
            call.asked = event.text[:LONGEST]
        elif isinstance(event, AgentSaid) and event.source and call.asked:
            call.topics.append(call.asked)  # only what knowledge answered is a topic
            call.asked = ""
        elif isinstance(event, CallEnded):
            self._end(self._calls.pop(call_id))

    async def close(self) -> None:
        """Write what is left and close the file."""
        if self._writing:
            await asyncio.wait(self._writing)
        self._file.close()

    def _begin(self, call_id: str, caller: CallerInfo) -> None:
        if key_of(caller.number):
            self._calls[call_id] = _Call(key_of(caller.number))

    def _end(self, call: _Call) -> None:
        if not call.name and not call.topics:
            return
        before = self.known(call.number) or Known()
        topics = [*before.topics, *call.topics][-TOPICS:]
        known = Known(call.name or before.name, tuple(topics), f"{datetime.now(UTC):%Y-%m-%d}")
        writing = asyncio.get_running_loop().run_in_executor(None, self._write, call.number, known)
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    def _write(self, number: str, known: Known) -> None:
        topics = json.dumps([self._clean(topic) for topic in known.topics], ensure_ascii=False)
        row = (number, known.name, topics, known.day)
        try:
            with self._file:
                self._file.execute("INSERT OR REPLACE INTO callers VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            log.warning("memory of callers: can't be written: %s", error)


def forget(path: Path, number: str) -> bool:
    """Remove everything about a number, from the file's free pages too; False when there was nothing."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=5)) as file, file:
            file.execute("PRAGMA secure_delete=ON")
            return file.execute("DELETE FROM callers WHERE number = ?", (key_of(number),)).rowcount > 0
    except sqlite3.Error as error:
        raise StartError(f"{path}: memory of callers can't be changed: {error}") from None


def forget_older(path: Path, day: str) -> int:
    """Remove everything about callers who called last before ``day`` (ISO date); how many they were."""
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(path, timeout=5)) as file, file:
            file.execute("PRAGMA secure_delete=ON")
            return file.execute("DELETE FROM callers WHERE day < ?", (day,)).rowcount
    except sqlite3.Error as error:
        raise RecordError(f"{path}: memory of callers can't be changed: {error}") from None


def about(known: Known | None, template: str) -> str:
    """How a model is told, by ``template`` with ``{name}``, ``{topics}`` and ``{day}``; empty for a stranger."""
    if known is None:
        return ""
    topics = "; ".join(re.sub(r"[<>\s]+", " ", topic) for topic in known.topics)
    words = {"{name}": known.name or "—", "{topics}": topics or "—", "{day}": known.day}
    for place, word in words.items():
        template = template.replace(place, word)
    return template


def key_of(number: str) -> str:
    """A number however it is signalled: its last ten digits; names of SIP users as they are."""
    digits = DIGITS.sub("", number)
    if len(digits) >= 7:
        return digits[-10:]
    return number.strip().lower() if number.strip().lower() not in ("", "anonymous", "unknown") else ""
