"""The requests to a worker process: which waits, which is being worked on, and when the process counts as hung."""

import asyncio
import heapq
import itertools
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from agent.backends.decoding import Urgency
from agent.backends.worker_child import LENGTHS, Message, lengths, packed
from agent.errors import AlloError

log = logging.getLogger(__name__)


class WorkerError(AlloError):
    """The worker process died, hangs, has too much to do, or could not do this."""

    code = "worker"


@dataclass(slots=True, eq=False)
class Job:
    """A request and where its replies go."""

    number: int
    message: bytes
    urgency: Urgency
    replies: "asyncio.Queue[Message | WorkerError | None]" = field(default_factory=asyncio.Queue)
    """None is the end."""
    over: bool = False
    """Nobody waits for more."""

    def __lt__(self, other: "Job") -> bool:
        return (self.urgency, self.number) < (other.urgency, other.number)

    def fail(self, why: str) -> None:
        """Its replies end with an error."""
        self.over = True
        self.replies.put_nowait(WorkerError(why))


class Requests:
    """Those of one worker, the most urgent first; one at a time is with the process."""

    def __init__(self, name: str, most: int, hang_s: float) -> None:
        """``name`` is for people; ``most`` may wait; without a reply for ``hang_s`` seconds the process is killed."""
        self._name, self._most, self._hang_s = name, most, hang_s
        self._waiting: list[Job] = []
        self._running: Job | None = None
        self._count = itertools.count()
        self._watch: asyncio.TimerHandle | None = None
        self.process: asyncio.subprocess.Process | None = None
        """The one that is loaded and listens."""

    @property
    def waiting(self) -> int:
        """Requests that nobody works on yet."""
        return sum(not job.over for job in self._waiting)

    def add(self, request: Mapping[str, Any], payload: bytes, urgency: Urgency) -> Job:
        """Queue a request; raises ``WorkerError`` when no process runs or more urgent ones fill the queue."""
        number = next(self._count)
        job = Job(number, packed({"number": number, "request": dict(request)}, payload), urgency)
        if self.process is None:
            raise WorkerError(f"{self._name}: its worker process is not running; the log says why")
        self._waiting = [other for other in self._waiting if not other.over]
        if len(self._waiting) >= self._most:
            worst = max(self._waiting)
            if not job < worst:
                raise WorkerError(f"{self._name}: {len(self._waiting)} requests wait for it already")
            self._waiting.remove(worst)
            worst.fail(f"{self._name}: more urgent requests took its place")
        heapq.heapify(self._waiting)
        heapq.heappush(self._waiting, job)
        self._next()
        return job

    def leave(self, job: Job) -> None:
        """Nobody waits for more of it."""
        if not job.over and job is self._running:
            self._write(packed({"give_up": job.number}))
        job.over = True

    def take(self, header: dict[str, Any], payload: bytes) -> None:
        """A message of the process: one more reply, or the end of them."""
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
            job.fail(f"{self._name}: failed at this request ({header['fault']})")
        job.replies.put_nowait(None)
        job.over = True
        self._next()

    def drop(self, why: str) -> None:
        """The process is gone: nothing of what was asked will come."""
        self.process = None
        jobs = [*self._waiting, *([self._running] if self._running else [])]
        self._waiting, self._running = [], None
        self._expect()
        for job in jobs:
            if not job.over:
                job.fail(f"{self._name}: {why}")

    def _next(self) -> None:
        """Hand the most urgent request over when the process is free."""
        while self._running is None and self._waiting and self.process is not None:
            job = heapq.heappop(self._waiting)
            if not job.over:
                self._running = job
                self._write(job.message)
                self._expect()

    def _write(self, message: bytes) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.write(message)

    def _expect(self) -> None:
        """One alarm, for the request that is being worked on."""
        if self._watch is not None:
            self._watch.cancel()
        running = self._running is not None
        self._watch = asyncio.get_running_loop().call_later(self._hang_s, self._hung) if running else None

    def _hung(self) -> None:
        log.error("%s: no reply for %.0f s, its worker process is killed", self._name, self._hang_s)
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()


async def message(process: asyncio.subprocess.Process) -> Message | None:
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
