"""A heavy model in a process of its own, which all calls share: the event loop only writes requests and reads replies.

Requests wait in a bounded queue, ordered by ``Urgency``: what a caller waits for goes before dictation, and when the
queue is full the least urgent one is refused. A process that dies or hangs fails what it was asked, at once, and is
started anew.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

from agent.backends.decoding import Urgency
from agent.backends.worker_child import Message
from agent.backends.worker_requests import Requests, WorkerError, message
from agent.errors import StartError

__all__ = ["Worker", "WorkerError"]

log = logging.getLogger(__name__)

LOAD_S = 300.0
"""A model may take so long to load, seconds."""
HANG_S = 30.0
"""No reply for this long to a request that is being worked on: the process hangs, seconds."""
MOST_WAITING = 64
"""Requests that may wait."""
PAUSE_S, LONGEST_S = 0.2, 30.0
"""Before a process that died is started again, seconds: at first, and at most (each try doubles it)."""
NICE = 5
"""How far it steps back behind the event loop where both want the processor, as for nice(1)."""


class Worker:
    """One process that holds one model. All methods belong to the event loop's thread."""

    def __init__(
        self,
        factory: str,
        arguments: Mapping[str, object],
        name: str,
        *,
        most: int = MOST_WAITING,
        hang_s: float = HANG_S,
    ) -> None:
        """``factory``: ``package.module:function``, called in the process with ``arguments`` (JSON), gives a ``Work``.

        ``name`` is for people; ``most`` requests may wait; without a reply for ``hang_s`` seconds it counts as hung.
        """
        self._command = (sys.executable, "-m", "agent.backends.worker_child", factory, json.dumps(dict(arguments)))
        self._name = name
        self._requests = Requests(name, most, hang_s)
        self._life: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self.starts = 0
        """Processes started so far."""

    @property
    def ready(self) -> bool:
        """A process is there and its model is loaded."""
        return self._requests.process is not None

    @property
    def waiting(self) -> int:
        """Requests that nobody works on yet."""
        return self._requests.waiting

    async def until_ready(self, within_s: float = LOAD_S) -> None:
        """Wait until a process is there, after one died; raises ``WorkerError`` when it isn't so soon, or never."""
        try:
            async with asyncio.timeout(within_s if self._life is not None else 0):
                await self._up.wait()
        except TimeoutError:
            raise WorkerError(f"{self._name}: its worker process is not running; the log says why") from None

    async def start(self) -> None:
        """Start the process and wait until its model is loaded; raises ``StartError``."""
        process = await self._spawn()
        self._life = asyncio.get_running_loop().create_task(self._live(process))

    async def close(self) -> None:
        """End the process; what it was asked fails."""
        life, self._life = self._life, None
        process = self._requests.process
        if life is not None:
            life.cancel()
            with suppress(asyncio.CancelledError):
                await life
        if process is not None:  # a life that had not begun ends nothing
            self._drop("closed")
            await _end(process)

    async def one(self, request: Mapping[str, Any], payload: bytes = b"", urgency: Urgency = Urgency.END) -> Message:
        """The only reply of a request; raises ``WorkerError``."""
        async with aclosing(self.ask(request, payload, urgency)) as replies:
            async for reply in replies:
                return reply
        raise WorkerError(f"{self._name}: the worker process gave no reply")

    def tell(self, request: Mapping[str, Any], urgency: Urgency = Urgency.END) -> None:
        """A request whose reply nobody needs; lost where no process runs."""
        with suppress(WorkerError):
            self._requests.add(request, b"", urgency)

    async def ask(
        self, request: Mapping[str, Any], payload: bytes = b"", urgency: Urgency = Urgency.END
    ) -> AsyncGenerator[Message, None]:
        """The replies of a request as they come; leaving the generator gives the request up. Raises ``WorkerError``."""
        job = self._requests.add(request, payload, urgency)
        try:
            while (reply := await job.replies.get()) is not None:
                if isinstance(reply, WorkerError):
                    raise reply
                yield reply
        finally:
            self._requests.leave(job)

    # ------------------------------------------------------------ the process

    async def _live(self, process: asyncio.subprocess.Process) -> None:
        """Keep a process running until cancelled."""
        try:
            while True:
                await self._listen(process)
                process = await self._again()
        finally:
            self._drop("closed")

    async def _again(self) -> asyncio.subprocess.Process:
        pause = PAUSE_S
        while True:
            log.error("%s: its worker process ended; another one starts", self._name)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_S)
            try:
                return await self._spawn()
            except StartError as error:
                log.error("%s", error)

    async def _spawn(self) -> asyncio.subprocess.Process:
        """Start a process and wait for its model; on every way out but success it is dead."""
        self.starts += 1
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
        try:
            with suppress(OSError):  # a process that is gone already, or a system without priorities
                os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
            async with asyncio.timeout(LOAD_S):
                hello = await message(process)
            if hello is None or "ready" not in hello[0]:
                said = hello[0].get("fault", "") if hello else "the process ended before its model was loaded"
                raise StartError(f"{self._name}: {said}")
        except TimeoutError:
            await _end(process)
            raise StartError(f"{self._name}: its model was not loaded within {LOAD_S:.0f} s") from None
        except BaseException:
            await _end(process)
            raise
        self._requests.process = process
        self._up.set()
        return process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Hand replies on until the process ends."""
        try:
            while (told := await message(process)) is not None:
                self._requests.take(*told)
        finally:
            self._drop("closed" if self._life is None else "the worker process died")
            await _end(process)

    def _drop(self, why: str) -> None:
        self._up.clear()
        self._requests.drop(why)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill it and wait until it is gone, also when cancelled meanwhile."""
    with suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await asyncio.shield(process.wait())
