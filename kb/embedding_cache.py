"""Vectors that were made once: by embedder and text, so that no text is sent to a server twice.

Texts themselves are not kept, only their SHA-256: a caller's words can't be read out of the cache.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from agent.ports import Embedder

MOST = 200_000
"""Vectors kept in a file; beyond it the oldest tenth goes."""


class VectorCache(Protocol):
    """Key -> bytes of a float16 vector; never raises: a cache that fails is an empty one."""

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those that are there."""

    async def put(self, found: Mapping[str, bytes]) -> None:
        """Keep them."""

    async def close(self) -> None:
        """Close files and connections."""


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
