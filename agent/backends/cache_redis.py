"""What several daemons share in a Redis: vectors of texts, answers of models. Extra ``redis``."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from agent.errors import StartError

log = logging.getLogger(__name__)

PREFIX = "allo:cache:"
KEEP_S = 30 * 86400
"""How long a thing is kept where nothing else is wished, seconds."""
WITHIN_S = 0.1
"""A Redis that does not answer for this long is left out, seconds."""


class RedisCache:
    """A ``VectorCache`` and an answer cache's ``Shelf``; one that is away is empty, and is reported once."""

    def __init__(self, url: str, keep_s: int = KEEP_S) -> None:
        """``url``: ``redis://host:port/db``; ``keep_s``: a thing is kept so long, seconds.

        Raises ``StartError`` for a wrong address or without the library.
        """
        self._keep_s = keep_s
        try:
            from redis.asyncio import Redis  # noqa: PLC0415 - an extra
        except ImportError:
            raise StartError(
                "[redis] url is set and redis is missing; `.venv/bin/python -m pip install -e '.[redis]'`"
            ) from None
        try:
            self._redis: Any = Redis.from_url(url, socket_timeout=WITHIN_S, socket_connect_timeout=WITHIN_S)
        except ValueError as error:
            raise StartError(f"[redis] url: {error}") from None
        self._failing = False

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those that are there."""
        from redis.exceptions import RedisError  # noqa: PLC0415

        try:
            values = await self._redis.mget([PREFIX + key for key in keys]) if keys else []
        except (RedisError, OSError) as error:
            self._failed(error)
            return {}
        self._failing = False
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    async def put(self, found: Mapping[str, bytes]) -> None:
        """Keep them for their time."""
        from redis.exceptions import RedisError  # noqa: PLC0415

        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for key, value in found.items():
                    pipe.set(PREFIX + key, value, ex=self._keep_s)
                await pipe.execute()
        except (RedisError, OSError) as error:
            self._failed(error)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _failed(self, error: Exception) -> None:
        if not self._failing:
            log.warning("redis: %s; nothing is cached until it is back", type(error).__name__)
        self._failing = True
