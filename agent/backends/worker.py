"""A heavy model in a process of its own, which all calls share: the event loop only writes requests and reads replies.

Requests wait in a bounded queue, ordered by ``Urgency``: what a caller waits for goes before dictation, and when the
queue is full the least urgent one is refused. A process that dies or hangs fails what it was asked, at once, and is
started anew.
"""

import asyncio
import heapq
import itertools
import json
import logging
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from agent.backends.decoding import Urgency
from agent.backends.worker_child import LENGTHS, Message, lengths, packed
from agent.errors import AlloError, StartError

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


class WorkerError(AlloError):
    """The worker process died, hangs, has too much to do, or could not do this."""

    code = "worker"


@dataclass(slots=True, eq=False)
class _Job:
    """A request and where its replies go."""

    number: int
    message: bytes
    urgency: Urgency
    replies: "asyncio.Queue[Message | WorkerError | None]" = field(default_factory=asyncio.Queue)
    """None is the end."""
    over: bool = False
    """Nobody waits for more."""

    def __lt__(self, other: "_Job") -> bool:
        return (self.urgency, self.number) < (other.urgency, other.number)


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
        self._name, self._most, self._hang_s = name, most, hang_s
        self._waiting: list[_Job] = []
        self._running: _Job | None = None
        self._count = itertools.count()
        self._process: asyncio.subprocess.Process | None = None
        """The one that is loaded and listens."""
        self._life: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._up = asyncio.Event()
        self.starts = 0
        """Processes started so far."""

    @property
    def ready(self) -> bool:
        """A process is there and its model is loaded."""
        return self._process is not None

    @property
    def waiting(self) -> int:
        """Requests that nobody works on yet."""
        return sum(not job.over for job in self._waiting)

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
        process = self._process
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
        number = next(self._count)
        with suppress(WorkerError):
            self._queue(_Job(number, packed({"number": number, "request": dict(request)}), urgency))

    async def ask(
        self, request: Mapping[str, Any], payload: bytes = b"", urgency: Urgency = Urgency.END
    ) -> AsyncGenerator[Message, None]:
        """The replies of a request as they come; leaving the generator gives the request up. Raises ``WorkerError``."""
        number = next(self._count)
        job = _Job(number, packed({"number": number, "request": dict(request)}, payload), urgency)
        self._queue(job)
        try:
            while (reply := await job.replies.get()) is not None:
                if isinstance(reply, WorkerError):
                    raise reply
                yield reply
        finally:
            self._leave(job)

    # ------------------------------------------------------------ the queue

    def _queue(self, job: _Job) -> None:
        if self._process is None:
            raise WorkerError(f"{self._name}: its worker process is not running; the log says why")
        self._waiting = [other for other in self._waiting if not other.over]
        if len(self._waiting) >= self._most:
            worst = max(self._waiting)
            if not job < worst:
                raise WorkerError(f"{self._name}: {len(self._waiting)} requests wait for it already")
            self._waiting.remove(worst)
            self._fail(worst, "more urgent requests took its place")
        heapq.heapify(self._waiting)
        heapq.heappush(self._waiting, job)
        self._next()

    def _next(self) -> None:
        """Hand the most urgent request over when the process is free."""
        while self._running is None and self._waiting and self._process is not None:
            job = heapq.heappop(self._waiting)
            if not job.over:
                self._running = job
                self._write(job.message)
                self._expect()

    def _write(self, message: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(message)

    def _leave(self, job: _Job) -> None:
        if not job.over and job is self._running:
            self._write(packed({"give_up": job.number}))
        job.over = True

    def _fail(self, job: _Job, why: str) -> None:
        job.over = True
        job.replies.put_nowait(WorkerError(f"{self._name}: {why}"))

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
                hello = await _message(process)
            if hello is None or "ready" not in hello[0]:
                said = hello[0].get("fault", "") if hello else "the process ended before its model was loaded"
                raise StartError(f"{self._name}: {said}")
        except TimeoutError:
            await _end(process)
            raise StartError(f"{self._name}: its model was not loaded within {LOAD_S:.0f} s") from None
        except BaseException:
            await _end(process)
            raise
        self._process = process
        self._up.set()
        return process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Hand replies on until the process ends."""
        try:
            while (message := await _message(process)) is not None:
                self._take(*message)
        finally:
            self._drop("closed" if self._life is None else "the worker process died")
            await _end(process)

    def _take(self, header: dict[str, Any], payload: bytes) -> None:
        job = self._running
        if job is None or header.get("number") != job.number:
            return
        if "reply" in header:
            job.replies.put_nowait((header["reply"], payload))
            self._expect()
            return
        self._running = None
        self._expect()
        if "fault" in header:
            self._fail(job, f"failed at this request ({header['fault']})")
        job.replies.put_nowait(None)
        job.over = True
        self._next()

    def _drop(self, why: str) -> None:
        """Nothing of what was asked will come."""
        self._process = None
        self._up.clear()
        jobs = [*self._waiting, *([self._running] if self._running else [])]
        self._waiting, self._running = [], None
        self._expect()
        for job in jobs:
            if not job.over:
                self._fail(job, why)

    def _expect(self) -> None:
        """One alarm, for the request that is being worked on."""
        if self._watch is not None:
            self._watch.cancel()
        running = self._running is not None
        self._watch = asyncio.get_running_loop().call_later(self._hang_s, self._hung) if running else None

    def _hung(self) -> None:
        log.error("%s: no reply for %.0f s, its worker process is killed", self._name, self._hang_s)
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()


async def _message(process: asyncio.subprocess.Process) -> Message | None:
    """The next message; None when the process has ended or talks nonsense."""
    stream = process.stdout
    if stream is None:
        return None
    try:
        first, second = lengths(await stream.readexactly(LENGTHS.size))
        body = await stream.readexactly(first + second)
        return json.loads(body[:first]), body[first:]
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        return None


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill it and wait until it is gone, also when cancelled meanwhile."""
    with suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await asyncio.shield(process.wait())
