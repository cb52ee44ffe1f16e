"""Vectors that were made once: by embedder and text, so that no text is sent to a server twice.

Texts themselves are not kept, only their SHA-256: a caller's words can't be read out of the cache.
"""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from agent.errors import KnowledgeError
from agent.ports import Embedder

MOST = 200_000
"""Vectors kept; beyond it the oldest tenth goes."""
AT_ONCE = 500
"""Keys of one query."""


class VectorCache(Protocol):
    """Key -> bytes of a float16 vector; never raises: a cache that fails is an empty one."""

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those that are there."""

    async def put(self, found: Mapping[str, bytes]) -> None:
        """Keep them."""

    async def close(self) -> None:
        """Close files and connections."""


class SqliteCache:
    """In one file; a look-up takes some 0.05 ms."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; raises ``KnowledgeError`` when that can't be done."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, check_same_thread=False, timeout=5)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, vector BLOB NOT NULL)")
        except (sqlite3.Error, OSError) as error:
            raise KnowledgeError(f"{path}: embedding cache can't be opened: {error}; remove the file") from None

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those that are there."""
        found: dict[str, bytes] = {}
        try:
            for at in range(0, len(keys), AT_ONCE):
                part = list(keys[at : at + AT_ONCE])
                marks = ",".join("?" * len(part))
                rows = self._file.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part)  # noqa: S608
                found.update(rows.fetchall())
        except sqlite3.Error:
            return found
        return found

    async def put(self, found: Mapping[str, bytes]) -> None:
        """Keep them; the oldest go when there are too many."""
        try:
            with self._file:
                self._file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", list(found.items()))
                (count,) = self._file.execute("SELECT count(*) FROM vectors").fetchone()
                if count > MOST:
                    oldest = "SELECT rowid FROM vectors ORDER BY rowid LIMIT ?"
                    self._file.execute(f"DELETE FROM vectors WHERE rowid IN ({oldest})", (MOST // 10,))  # noqa: S608
        except sqlite3.Error:
            return

    async def close(self) -> None:
        """Close the file."""
        self._file.close()


class CachedEmbedder:
    """An ``Embedder`` that asks another only for what the cache doesn't have."""

    def __init__(self, embedder: Embedder, cache: VectorCache) -> None:
        self._embedder, self._cache = embedder, cache

    @property
    def name(self) -> str:
        """The other's."""
        return self._embedder.name

    @property
    def remote(self) -> bool:
        """The other's."""
        return self._embedder.remote

    async def embed(self, texts: Sequence[str]) -> Any:
        """A row for each text, float32; raises ``KnowledgeError`` when the other does."""
        import numpy as np  # noqa: PLC0415

        keys = [hashlib.sha256(f"{self.name}\n{text}".encode()).hexdigest() for text in texts]
        known = await self._cache.get(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            made = np.asarray(await self._embedder.embed(list(missing.values())), np.float16)
            fresh = {key: row.tobytes() for key, row in zip(missing, made, strict=True)}
            await self._cache.put(fresh)
            known |= fresh
        return np.stack([np.frombuffer(known[key], np.float16) for key in keys]).astype(np.float32)

    async def close(self) -> None:
        """Close both."""
        await self._cache.close()
        await self._embedder.close()
