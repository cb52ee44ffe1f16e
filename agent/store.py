"""The call log in SQLite (WAL): calls, their turns, their events.

Written by one connection in batches; a killed process loses at most what had not been handed over yet.
"""

from collections.abc import Sequence
from pathlib import Path
from sqlite3 import Error as SqliteError
from typing import Any

import aiosqlite

from agent.errors import RecordError, StartError

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
  id TEXT PRIMARY KEY,
  line TEXT NOT NULL,
  number TEXT NOT NULL,
  called TEXT NOT NULL,
  language TEXT NOT NULL,
  started_at TEXT NOT NULL,
  answered_at TEXT,
  ended_at TEXT,
  status TEXT NOT NULL,          -- active completed transferred failed abandoned
  cause TEXT NOT NULL DEFAULT '',
  recording TEXT NOT NULL DEFAULT '',
  recording_note TEXT NOT NULL DEFAULT '',
  transcript TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS calls_started ON calls (started_at);
CREATE TABLE IF NOT EXISTS turns (
  call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  n INTEGER NOT NULL,            -- 0: what the agent said unasked, the greeting first
  heard TEXT NOT NULL,           -- what was understood of the caller
  said TEXT NOT NULL DEFAULT '', -- what was given to the voice
  said_heard TEXT NOT NULL DEFAULT '', -- what of it reached the caller
  source TEXT NOT NULL DEFAULT '', -- general, tech or empty
  cut INTEGER NOT NULL DEFAULT 0,
  position INTEGER NOT NULL DEFAULT 0, -- where the caller's speech began, samples
  stages TEXT NOT NULL DEFAULT '{}', -- stage -> milliseconds since the end of the caller's speech
  PRIMARY KEY (call_id, n)
);
CREATE TABLE IF NOT EXISTS events (
  call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS events_call ON events (call_id);
"""

Entry = tuple[str, tuple[Any, ...]]
"""One statement and its parameters."""


class CallLog:
    """The open database."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        """Use ``open_log``."""
        self._db = db

    async def write(self, entries: Sequence[Entry]) -> None:
        """Write ``entries`` in one transaction; raises ``RecordError`` and writes none of them when it can't."""
        try:
            for statement, values in entries:
                await self._db.execute(statement, values)
            await self._db.commit()
        except SqliteError as error:
            await self._undo()
            raise RecordError(f"the call log can't be written: {error}") from error

    async def read(self, statement: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """Rows of a query as dictionaries."""
        async with self._db.execute(statement, values) as cursor:
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) async for row in cursor]

    async def close(self) -> None:
        """Close the file."""
        await self._db.close()

    async def _undo(self) -> None:
        try:
            await self._db.rollback()
        except SqliteError:
            return  # a full disk may refuse even that; the next write starts a new transaction


async def open_log(path: Path) -> CallLog:
    """Open or create the call log; raises ``StartError`` naming the file."""
    db: aiosqlite.Connection | None = None
    try:
        db = await aiosqlite.connect(path)
        await _prepare(db, path)
    except (SqliteError, StartError) as error:
        if db is not None:
            await db.close()
        if isinstance(error, StartError):
            raise
        raise StartError(f"{path}: the call log can't be opened: {error}; move the file away or restore it") from None
    return CallLog(db)


async def _prepare(db: aiosqlite.Connection, path: Path) -> None:
    await db.execute("PRAGMA journal_mode=WAL")
    await db.execute("PRAGMA synchronous=NORMAL")
    await db.execute("PRAGMA foreign_keys=ON")
    async with db.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    version = int(row[0]) if row else 0
    if version > SCHEMA_VERSION:
        raise StartError(f"{path}: call log of a newer Allo (schema {version}); upgrade Allo or move the file away")
    await db.executescript(SCHEMA)
    await db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    await db.commit()
