"""The call log for reading: pages of calls, search, one call, and deletion.

Reads on a connection of its own, so that a long look at the past never delays the record of a call in progress.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from sqlite3 import Error as SqliteError
from typing import Any, Literal

import aiosqlite

from agent.errors import RecordError
from agent.record.timeline import read_timeline
from agent.recording import TRACE_SUFFIX
from agent.store import CallLog, read_only

MOST_COUNTED = 1000
"""Calls that a search counts; more are "more than"."""
SHORTEST = 3
"""Letters of a word that the trigram index can find."""
BATCH = 200
"""Calls deleted in one transaction, so that the record of a call in progress waits milliseconds."""
ENDING = 3
"""Letters that a stem may have lost."""
EXCERPT = 48
"""Letters of the text shown on each side of a found word."""

Sort = Literal["started", "-started", "seconds", "-seconds", "status", "-status", "number", "-number"]
COLUMNS = {"started": "seq", "seconds": "seconds", "status": "status", "number": "number"}

ROW = """
SELECT c.seq, c.id, c.line, c.number, c.called, c.language, c.started_at, c.answered_at, c.ended_at, c.status, c.cause,
  round(c.seconds, 1) AS seconds, c.recording <> '' AS recorded,
  (SELECT count(*) FROM turns WHERE call_id = c.id AND n > 0) AS turns,
  (SELECT group_concat(DISTINCT source) FROM turns WHERE call_id = c.id AND source <> '') AS sources,
  (SELECT heard FROM turns WHERE call_id = c.id AND heard <> '' ORDER BY n LIMIT 1) AS question
FROM calls AS c WHERE c.seq IN (SELECT value FROM json_each(?))
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which calls, in which order."""

    q: str = ""
    """Words that were said, or part of a number; all of them must occur."""
    date_from: str = ""
    """First moment of the start, UTC, as in the call log; empty: none."""
    date_to: str = ""
    """Last moment of the start."""
    status: tuple[str, ...] = ()
    """Any of these; empty: all."""
    sort: Sort = "-started"
    offset: int = 0
    """Calls passed over."""
    limit: int = 50
    """Calls on a page."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of calls."""

    calls: list[dict[str, Any]]
    total: int
    """Calls of the selection, at most ``MOST_COUNTED + 1`` of a search."""


@cache
def _stemmer(language: str) -> Callable[[str], str]:
    import snowballstemmer  # noqa: PLC0415 - 25 ms that only whoever searches pays

    stem: Callable[[str], str] = snowballstemmer.stemmer(language).stemWord
    return stem


class Archive:
    """What the call log knows of the past."""

    def __init__(self, db: aiosqlite.Connection, log: CallLog, folder: Path, language: str) -> None:
        """Use ``open_archive``."""
        self._db, self._log, self._folder = db, log, folder
        self._language = "russian" if language == "ru" else "english"

    async def page(self, which: Selection) -> Found:
        """The calls of a page, and how many there are in all."""
        source, values = self._where(which)
        places = await self._places(which, source, values)
        excerpts = await self._excerpts(which, places)
        rows = [{**row, "excerpt": excerpts.get(row["seq"], "")} for row in await self._rows(places)]
        return Found(rows, await self._count(which, source, values))

    async def each(self, which: Selection) -> AsyncIterator[dict[str, Any]]:
        """Every call of the selection with its dialogue as ``turns``, a page at a time."""
        offset, some = 0, True
        while some:
            found = replace(which, offset=offset, limit=BATCH)
            places = await self._places(found, *self._where(found))
            offset, some = offset + BATCH, len(places) == BATCH
            for row in await self._rows(places):
                turns = await self._read("SELECT * FROM turns WHERE call_id = ? ORDER BY n", (row["id"],))
                yield {**row, "dialogue": turns}

    async def call(self, call_id: str) -> dict[str, Any] | None:
        """Everything of one call; None when there is no such call."""
        rows = await self._read("SELECT * FROM calls WHERE id = ?", (call_id,))
        if not rows:
            return None
        turns = await self._read("SELECT * FROM turns WHERE call_id = ? ORDER BY n", (call_id,))
        events = await self._read("SELECT at, kind, detail FROM events WHERE call_id = ? ORDER BY at", (call_id,))
        for turn in turns:
            turn["stages"], turn["passages"] = json.loads(turn["stages"]), json.loads(turn["passages"])
        timeline = await asyncio.to_thread(read_timeline, self._trace(rows[0]["recording"]))
        return {**rows[0], "turns": turns, "events": events, "timeline": timeline}

    async def recording(self, call_id: str) -> Path | None:
        """The file of a call's recording; None when there is none."""
        rows = await self._read("SELECT recording FROM calls WHERE id = ?", (call_id,))
        path = self._file(rows[0]["recording"]) if rows else None
        return path if path is not None and path.is_file() else None

    async def delete(self, which: Selection) -> int:
        """Delete the ended calls of a selection with their files; return how many. Raises ``RecordError``."""
        source, values = self._where(which)
        statement = f"SELECT c.id, c.recording, c.transcript FROM {source} AND c.ended_at IS NOT NULL LIMIT {BATCH}"
        gone = 0
        while rows := await self._read(statement, values):
            await asyncio.to_thread(self._unlink, rows)
            marks = ",".join("?" * len(rows))
            await self._log.write([(f"DELETE FROM calls WHERE id IN ({marks})", tuple(row["id"] for row in rows))])
            gone += len(rows)
        return gone

    async def delete_call(self, call_id: str) -> bool:
        """Delete one ended call with its files; False when there is none. Raises ``RecordError``."""
        ended = "SELECT id, recording, transcript FROM calls WHERE id = ? AND ended_at IS NOT NULL"
        rows = await self._read(ended, (call_id,))
        if rows:
            await asyncio.to_thread(self._unlink, rows)
            await self._log.write([("DELETE FROM calls WHERE id = ?", (call_id,))])
        return bool(rows)

    async def close(self) -> None:
        """Close the file."""
        await self._db.close()

    def match(self, q: str) -> str:
        """A person's words as a query of the trigram index: their stems, so that «доставку» finds «доставка»."""
        return " ".join(f'"{stem}"' for stem in self._stems(q))

    def _stems(self, q: str) -> list[str]:
        folded = "".join(letter if letter.isalnum() else " " for letter in q.lower().replace("ё", "е"))
        return [self._stemmed(word) for word in folded.split() if len(word) >= SHORTEST]

    def _stemmed(self, word: str) -> str:
        """What is left of a word without its ending; a short rest would be found everywhere."""
        stem = _stemmer(self._language)(word) if word.isalpha() else word
        longest = ENDING if len(stem) > SHORTEST else 1
        return stem if word.startswith(stem) and SHORTEST <= len(stem) >= len(word) - longest else word

    def _where(self, which: Selection) -> tuple[str, tuple[Any, ...]]:
        """What stands behind FROM, and its values."""
        match = self.match(which.q)
        clauses, values = ["1"], []
        if match:
            clauses, values = ["call_words MATCH ?"], [match]
        elif which.q.strip():
            clauses.append("c.number LIKE ?" if which.q.strip().isdecimal() else "c.number = ?")
            values.append(f"%{which.q.strip()}%" if which.q.strip().isdecimal() else which.q.strip())
        for clause, value in (("c.started_at >= ?", which.date_from), ("c.started_at <= ?", which.date_to)):
            if value:
                clauses.append(clause)
                values.append(value)
        if which.status:
            clauses.append(f"c.status IN ({','.join('?' * len(which.status))})")
            values += which.status
        tables = "call_words CROSS JOIN calls AS c ON c.seq = call_words.rowid" if match else "calls AS c"
        return f"{tables} WHERE {' AND '.join(clauses)}", tuple(values)

    async def _places(self, which: Selection, source: str, values: tuple[Any, ...]) -> list[int]:
        column, way = COLUMNS[which.sort.removeprefix("-")], "DESC" if which.sort.startswith("-") else "ASC"
        place = "call_words.rowid" if "call_words" in source else "c.seq"
        order = f"{place} {way}" if column == "seq" else f"c.{column} {way}, {place} DESC"
        statement = f"SELECT {place} AS seq FROM {source} ORDER BY {order} LIMIT ? OFFSET ?"
        return [row["seq"] for row in await self._read(statement, (*values, which.limit, which.offset))]

    async def _count(self, which: Selection, source: str, values: tuple[Any, ...]) -> int:
        if which.q.strip():
            source = f"(SELECT 1 FROM {source} LIMIT {MOST_COUNTED + 1})"
        return int((await self._read(f"SELECT count(*) AS n FROM {source}", values))[0]["n"])

    async def _rows(self, places: list[int]) -> list[dict[str, Any]]:
        """The calls at these places of the log, in this order."""
        rows = {row["seq"]: _tidy(row) for row in await self._read(ROW, (json.dumps(places),))}
        return [rows[place] for place in places if place in rows]

    async def _excerpts(self, which: Selection, places: list[int]) -> dict[int, str]:
        """The words around what was found, it between two control characters. FTS5's own snippets take 2 ms each."""
        stems = self._stems(which.q)
        if not stems:
            return {}
        statement = "SELECT rowid AS seq, words FROM call_words WHERE rowid IN (SELECT value FROM json_each(?))"
        rows = await self._read(statement, (json.dumps(places),))
        return {row["seq"]: excerpt(row["words"], stems) for row in rows}

    async def _read(self, statement: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        try:
            async with self._db.execute(statement, values) as cursor:
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
        except SqliteError as error:
            raise RecordError(f"the call log can't be read: {error}") from error

    def _file(self, name: str) -> Path | None:
        return self._folder / Path(name).name if name else None

    def _trace(self, recording: str) -> Path | None:
        path = self._file(recording)
        return path.with_name(path.stem + TRACE_SUFFIX) if path else None

    def _unlink(self, rows: list[dict[str, Any]]) -> None:
        """Delete what a person could hear and read of these calls; raises ``RecordError``."""
        for path in self._files(rows):
            try:
                with suppress(FileNotFoundError):
                    path.unlink()
            except OSError as error:
                raise RecordError(f"{path.name} can't be deleted: {error.strerror}; see its folder's owner") from error

    def _files(self, rows: list[dict[str, Any]]) -> Iterator[Path]:
        for row in rows:
            for path in (self._file(row["recording"]), self._trace(row["recording"]), self._file(row["transcript"])):
                if path is not None:
                    yield path


def excerpt(words: str, stems: list[str]) -> str:
    """The text around the first of ``stems``, every word that has one between two control characters.

    The first line of ``words`` holds the numbers; it is shown only when what was found stands there.
    """
    lower = words.lower()
    said = words.find("\n") + 1
    places = [at for stem in stems if (at := lower.find(stem, said)) >= 0]
    first = min(places) if places else 0
    begin = max(said if places else 0, first - EXCERPT)
    end = first + EXCERPT * 2
    if begin > said:
        begin = words.find(" ", begin, first) + 1 or begin
    if end < len(words):
        end = max(words.rfind(" ", first, end), first + 1)
    part = re.sub(r"\n+", " · ", words[begin:end].strip())
    any_word = rf"\b\w*(?:{'|'.join(map(re.escape, stems))})\w*"
    found = re.sub(any_word, "\1\\g<0>\2", part, flags=re.IGNORECASE)
    return f"{'… ' if begin > said else ''}{found}{' …' if end < len(words) else ''}"


def _tidy(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the list for a page: lists as lists, truth as truth."""
    sources = sorted(filter(None, (row["sources"] or "").split(",")))
    return {**row, "sources": sources, "recorded": bool(row["recorded"]), "question": row["question"] or ""}


async def open_archive(path: Path, log: CallLog, folder: Path, language: str) -> Archive:
    """Look into the call log ``log`` that lies at ``path``; its recordings and transcripts lie in ``folder``."""
    return Archive(await aiosqlite.connect(read_only(path), uri=True), log, folder, language)
