"""SIGUSR1: the process ends and leaves its calls where they are, for the next one, which goes on with them."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Never

from agent.adoption import touch
from agent.errors import AlloError, StartError
from agent.figures.supervision import succeeded_by, supervised
from agent.succession import Successor

log = logging.getLogger(__name__)

FLUSH_S = 1.0
"""Longest wait for the disk, seconds."""


@dataclass(frozen=True, slots=True)
class Leave:
    """How a process leaves its calls to the next one."""

    stopping: asyncio.Event
    """This process, and whoever follows it, is to end: SIGTERM wins over a restart, whichever came first."""
    close: Callable[[], None]
    """Lets no new caller in."""
    flush: Callable[[], Awaitable[None]]
    """Writes what is known."""
    alive: Path
    """Touched last."""


async def leave(asked: asyncio.Event, how: Leave) -> None:
    """Each time it is ``asked``: have the next process load everything, and end when it has; for ever otherwise.

    Whoever supervises us without such words is left to start the next one.
    """
    while True:
        await asked.wait()
        asked.clear()
        if how.stopping.is_set():
            continue
        if not supervised():
            await _end(how)
        log.info("the next process is loading; calls go on")
        try:
            await _be_followed(how)
        except AlloError as error:
            if how.stopping.is_set():
                log.info("no restart: the daemon is being stopped")
            else:
                log.error("no restart: %s; this process goes on, and no call was harmed", error)


async def _be_followed(how: Leave) -> None:
    """Returns only by raising ``StartError``: there is no next process."""
    successor = await Successor.start()
    loaded, stopping = asyncio.ensure_future(successor.loaded()), asyncio.ensure_future(how.stopping.wait())
    try:
        await asyncio.wait((loaded, stopping), return_when=asyncio.FIRST_COMPLETED)
        if how.stopping.is_set():
            raise StartError("the daemon is being stopped")
        await loaded
        await asyncio.to_thread(succeeded_by, successor.pid)
        await _end(how, successor)
    finally:
        for each in (loaded, stopping):
            each.cancel()
        await asyncio.gather(loaded, stopping, return_exceptions=True)
        await asyncio.to_thread(successor.give_up)


async def _end(how: Leave, successor: Successor | None = None) -> Never:
    """All that is known to the disk, and out without a goodbye to any line, as if killed."""
    how.close()
    log.info("restarting; the calls are left to the next process")
    with suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_S):
            await how.flush()
    touch(how.alive)
    if successor is not None:
        with suppress(OSError):  # it died in this moment: systemd, which knows of it, starts another one
            if how.stopping.is_set():  # it was meant for who is the daemon from now on
                os.kill(successor.pid, signal.SIGTERM)
            successor.leave()
    logging.shutdown()
    os._exit(0)
