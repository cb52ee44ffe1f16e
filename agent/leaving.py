"""SIGUSR1: the process ends and leaves its calls where they are, for the next one, which goes on with them."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Never

from agent.adoption import touch
from agent.errors import AlloError
from agent.figures.supervision import succeeded_by, supervised
from agent.succession import Successor

log = logging.getLogger(__name__)

FLUSH_S = 1.0
"""Longest wait for the disk, seconds."""


async def leave(
    asked: asyncio.Event, close: Callable[[], None], flush: Callable[[], Awaitable[None]], alive: Path
) -> None:
    """Each time it is ``asked``: have the next process load everything, and end when it has; for ever otherwise.

    Whoever supervises us without such words is left to start the next one. ``close`` lets no new caller in, ``flush``
    writes what is known, ``alive`` is touched last.
    """
    while True:
        await asked.wait()
        asked.clear()
        if not supervised():
            await _end(close, flush, alive)
        log.info("the next process is loading; calls go on")
        try:
            await _be_followed(close, flush, alive)
        except AlloError as error:
            log.error("no restart: %s; this process goes on, and no call was harmed", error)


async def _be_followed(close: Callable[[], None], flush: Callable[[], Awaitable[None]], alive: Path) -> None:
    """Returns only by raising ``StartError``: there is no next process."""
    successor = await Successor.start()
    try:
        await successor.loaded()
        await asyncio.to_thread(succeeded_by, successor.pid)
        await _end(close, flush, alive, successor)
    finally:
        await asyncio.to_thread(successor.give_up)


async def _end(
    close: Callable[[], None],
    flush: Callable[[], Awaitable[None]],
    alive: Path,
    successor: Successor | None = None,
) -> Never:
    """All that is known to the disk, and out without a goodbye to any line, as if killed."""
    close()
    log.info("restarting; the calls are left to the next process")
    with suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_S):
            await flush()
    touch(alive)
    if successor is not None:
        successor.leave()
    logging.shutdown()
    os._exit(0)
