"""What is kept in one file on this machine: vectors of texts, answers of models."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from agent.errors import StartError

AT_ONCE = 500
"""Keys of one query."""
BUSY_S = 1.0
"""How long another process may keep the file, seconds."""

Things = Literal["answers", "vectors"]


class SqliteCache:
    """A ``VectorCache`` and an answer cache's ``Shelf``; a look-up takes some 0.05 ms, writing is done on a thread.

    It never raises once it is open: a file that breaks is an empty one.
    """

    def __init__(self, path: Path, things: Things, most: int) -> None:
        """Opens or makes the file, with a table of ``things``; beyond ``most`` of them the oldest tenth goes.

        Answers know when they were made, since they may repeat a caller's words (``agent.record.caches``).

        Raises ``StartError`` when that can't be done.
        """
        self._things, self._thing, self._most = things, things[:-1], most
        made = ", at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP" if things == "answers" else ""
        make = f"CREATE TABLE IF NOT EXISTS {things} (key TEXT PRIMARY KEY, {self._thing} BLOB NOT NULL{made})"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # two connections, so that who looks something up never waits for who writes
            self._reader, self._writer = (
                sqlite3.connect(path, check_same_thread=False, timeout=BUSY_S) for _ in range(2)
            )
            self._writer.execute("PRAGMA journal_mode=WAL")
            self._writer.execute("PRAGMA secure_delete=ON")
            known = [column for _, column, *_ in self._writer.execute(f"PRAGMA table_info({things})")]
            if made and known and "at" not in known:  # of an older Allo
                self._writer.execute(f"DROP TABLE {things}")
            self._writer.execute(make)
        except (sqlite3.Error, OSError) as error:
            raise StartError(f"{path}: cache of {things} can't be opened: {error}; remove the file") from None
        self._writing = asyncio.Lock()

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those that are there."""
        found: dict[str, bytes] = {}
        try:
            for at in range(0, len(keys), AT_ONCE):
                part = list(keys[at : at + AT_ONCE])
                marks = ",".join("?" * len(part))
                query = f"SELECT key, {self._thing} FROM {self._things} WHERE key IN ({marks})"  # noqa: S608
                found.update(self._reader.execute(query, part).fetchall())
        except sqlite3.Error:
            return found
        return found

    async def put(self, found: Mapping[str, bytes]) -> None:
        """Keep them; the oldest go when there are too many."""
        async with self._writing:
            await asyncio.shield(asyncio.to_thread(self._write, list(found.items())))

    async def close(self) -> None:
        """Close the file."""
        async with self._writing:
            self._reader.close()
            self._writer.close()

    def _write(self, rows: Sequence[tuple[str, bytes]]) -> None:
        try:
            with self._writer as file:
                columns = f"{self._things} (key, {self._thing})"
                file.executemany(f"INSERT OR REPLACE INTO {columns} VALUES (?, ?)", rows)  # noqa: S608
                (count,) = file.execute(f"SELECT count(*) FROM {self._things}").fetchone()  # noqa: S608
                if count > self._most:
                    oldest = f"SELECT rowid FROM {self._things} ORDER BY rowid LIMIT ?"  # noqa: S608
                    file.execute(f"DELETE FROM {self._things} WHERE rowid IN ({oldest})", (self._most // 10,))  # noqa: S608
        except sqlite3.Error:
            return
