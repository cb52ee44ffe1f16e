"""What texts were before they were changed: kept in one file, so that every change can be undone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.errors import RecordError

MOST = 50
"""Kept of each text; the oldest go."""
TABLE = (
    "CREATE TABLE IF NOT EXISTS versions"
    " (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at TEXT NOT NULL, text TEXT NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Version:
    """One text as it was."""

    id: int
    """Grows with time."""
    name: str
    """Of what: ``kb/ru/general.md``, ``prompts/ru/phrases.toml``, ``settings``."""
    at: str
    """When it was replaced, ISO 8601, UTC."""
    characters: int
    """Its length."""


class Versions:
    """A file ``versions.sqlite``; every method raises ``RecordError`` and blocks on the disk for a moment."""

    def __init__(self, path: Path) -> None:
        """The file is made when it is needed."""
        self._path = path

    def keep(self, name: str, text: str) -> int:
        """Keep a text that is about to be replaced; return its id. The same text twice in a row is kept once."""
        with self._file() as file:
            newest = file.execute(
                "SELECT id, text FROM versions WHERE name = ? ORDER BY id DESC LIMIT 1", (name,)
            ).fetchone()
            if newest is not None and newest[1] == text:
                return int(newest[0])
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            made = file.execute("INSERT INTO versions (name, at, text) VALUES (?, ?, ?)", (name, at, text)).lastrowid
            oldest = "SELECT id FROM versions WHERE name = ? ORDER BY id DESC LIMIT -1 OFFSET ?"
            file.execute(f"DELETE FROM versions WHERE id IN ({oldest})", (name, MOST))  # noqa: S608 - a constant
            return int(made or 0)

    def under(self, name: str) -> list[Version]:
        """Those whose name begins so, newest first."""
        with self._file() as file:
            rows = file.execute(
                "SELECT id, name, at, length(text) FROM versions WHERE substr(name, 1, ?) = ? ORDER BY id DESC",
                (len(name), name),
            )
            return [Version(*row) for row in rows]

    def read(self, id_: int) -> tuple[str, str] | None:
        """Name and text; ``None`` when there is no such version."""
        with self._file() as file:
            row = file.execute("SELECT name, text FROM versions WHERE id = ?", (id_,)).fetchone()
            return (str(row[0]), str(row[1])) if row else None

    @contextmanager
    def _file(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=5)) as file, file:
                file.execute(TABLE)
                yield file
        except (sqlite3.Error, OSError) as error:
            raise RecordError(f"{self._path}: what texts were before can't be kept: {error}") from None
