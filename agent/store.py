"""The call log in SQLite (WAL): calls, their turns, their events, and an index of every word in them.

Written by one connection in batches; a killed process loses at most what had not been handed over yet.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from sqlite3 import Error as SqliteError
from sqlite3 import connect
from typing import Any

import aiosqlite

from agent.errors import RecordError, StartError
from agent.record.patient_files import refuses

SCHEMA_VERSION = 4

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

WORDS = """
replace(replace({call}.number || ' ' || {call}.called || char(10) || coalesce((
  SELECT group_concat(heard || char(10) || said, char(10)) FROM turns WHERE call_id = {call}.id
), ''), 'ё', 'е'), 'Ё', 'Е')
"""
"""What of a call is searched: both numbers and all that was said; «ё» is looked for as «е»."""

SEARCH = f"""
BEGIN;
ALTER TABLE calls ADD COLUMN seq INTEGER;  -- place in the log, and rowid in call_words: VACUUM may change calls' own
ALTER TABLE calls ADD COLUMN seconds REAL GENERATED ALWAYS AS
  ((julianday(ended_at) - julianday(started_at)) * 86400) VIRTUAL;
UPDATE calls SET seq = ranked.place FROM
  (SELECT id, row_number() OVER (ORDER BY started_at, id) AS place FROM calls) AS ranked WHERE ranked.id = calls.id;
CREATE UNIQUE INDEX calls_seq ON calls (seq);
CREATE INDEX calls_status ON calls (status, started_at);
CREATE INDEX calls_number ON calls (number);
CREATE INDEX calls_seconds ON calls (seconds);
CREATE VIRTUAL TABLE call_words USING fts5 (words, tokenize = 'trigram');
INSERT INTO call_words (rowid, words) SELECT seq, {WORDS.format(call="calls")} FROM calls WHERE ended_at IS NOT NULL;
CREATE TRIGGER calls_numbered AFTER INSERT ON calls BEGIN
  UPDATE calls SET seq = (SELECT coalesce(max(seq), 0) + 1 FROM calls) WHERE id = new.id;
END;
CREATE TRIGGER calls_indexed AFTER UPDATE OF ended_at ON calls WHEN new.ended_at IS NOT NULL BEGIN
  DELETE FROM call_words WHERE rowid = new.seq;
  INSERT INTO call_words (rowid, words) VALUES (new.seq, {WORDS.format(call="new")});
END;
CREATE TRIGGER calls_forgotten BEFORE DELETE ON calls BEGIN
  DELETE FROM call_words WHERE rowid = old.seq;
END;
PRAGMA user_version = 2;
COMMIT;
"""
"""From schema 1 to 2. A trigram index finds any part of a word; a call enters it when it ends."""

PASSAGES = """
BEGIN;
ALTER TABLE turns ADD COLUMN passages TEXT NOT NULL DEFAULT '[]'; -- JSON: base, heading, score; best first
PRAGMA user_version = 3;
COMMIT;
"""
"""From schema 2 to 3."""

HELD = """
BEGIN;
CREATE TABLE held (               -- a row for each call that was answered and is not over
  call_id TEXT PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
  caller TEXT NOT NULL,           -- JSON: who rings and over what
  leg TEXT NOT NULL,              -- JSON: where its line finds the leg again
  saying TEXT NOT NULL DEFAULT '', -- JSON: turn, said and heard of the speech under way
  again TEXT NOT NULL DEFAULT '', -- the question that was answered again after the process before this one
  tries INTEGER NOT NULL DEFAULT 0 -- processes that tried to take it up and heard nothing of it
);
PRAGMA user_version = 4;
COMMIT;
"""
"""From schema 3 to 4."""

MIGRATIONS = ((2, SEARCH), (3, PASSAGES), (4, HELD))
"""A call log of an older schema goes through those above its own."""

Entry = tuple[str, tuple[Any, ...]]
"""One statement and its parameters."""


class CallLog:
    """The open database."""

    def __init__(self, db: aiosqlite.Connection | None, path: Path) -> None:
        """Use ``open_log``; no ``db``: the disk refused, and is asked again with each ``write``."""
        self._db, self._path = db, path
        self._writing = asyncio.Lock()  # two writers would end each other's transactions

    async def write(self, entries: Sequence[Entry]) -> None:
        """Write ``entries`` in one transaction; raises ``RecordError`` and writes none of them when it can't."""
        async with self._writing:
            db = self._db = self._db or await self._open_late()
            try:
                for statement, values in entries:
                    await db.execute(statement, values)
                await db.commit()
            except SqliteError as error:
                await _undo(db)
                raise RecordError(f"the call log can't be written: {error}") from error

    async def read(self, statement: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """Rows of a query as dictionaries; none while the disk keeps the log from being opened."""
        if self._db is None:
            return []
        async with self._db.execute(statement, values) as cursor:
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) async for row in cursor]

    async def _open_late(self) -> aiosqlite.Connection:
        try:
            return await _opened(self._path)
        except StartError as error:
            raise RecordError(str(error)) from None

    async def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            await self._db.close()


async def _undo(db: aiosqlite.Connection) -> None:
    try:
        await db.rollback()
    except SqliteError:
        return  # a full disk may refuse even that; the next write starts a new transaction


async def open_log(path: Path) -> CallLog:
    """Open or create the call log; raises ``StartError`` naming the file.

    On a disk that is full or read-only one that exists is opened with the first write that succeeds.
    """
    try:
        return CallLog(await _opened(path), path)
    except RecordError as error:
        if not refuses(path):
            raise StartError(f"{path}: {error}; {_advice(path)}") from None
        return CallLog(None, path)


def _advice(path: Path) -> str:
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return "run it as the user whom the file belongs to"
    return "move the file away or restore it"


async def _opened(path: Path) -> aiosqlite.Connection:
    """Raises ``RecordError``, and ``StartError`` for the log of a newer Allo."""
    db: aiosqlite.Connection | None = None
    try:
        db = await aiosqlite.connect(path)
        await _prepare(db, path)
    except (SqliteError, StartError) as error:
        if db is not None:
            await db.close()
        if isinstance(error, StartError):
            raise
        raise RecordError(f"the call log can't be opened: {error}") from None
    return db


async def _prepare(db: aiosqlite.Connection, path: Path) -> None:
    await db.execute("PRAGMA journal_mode=WAL")
    await db.execute("PRAGMA synchronous=NORMAL")
    await db.execute("PRAGMA foreign_keys=ON")
    async with db.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    version = int(row[0]) if row else 0
    _check(version, path)
    await db.executescript(SCHEMA)
    for schema, script in MIGRATIONS:
        if version < schema:
            await db.executescript(script)
    await db.commit()


def _check(version: int, path: Path) -> None:
    if version > SCHEMA_VERSION:
        raise StartError(f"{path}: call log of a newer Allo (schema {version}); upgrade Allo or move the file away")


def check_schema(path: Path) -> None:
    """Look, without opening it for writing, whether this Allo may; raises ``StartError`` for the log of a newer one."""
    if path.exists():
        with suppress(SqliteError), closing(connect(read_only(path), uri=True)) as db:
            _check(int(db.execute("PRAGMA user_version").fetchone()[0]), path)


def read_only(path: Path) -> str:
    """The address of the call log at ``path`` for a connection that only reads."""
    return f"{path.absolute().as_uri()}?mode=ro"
