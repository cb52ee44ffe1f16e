"""The threads that decode speech for all calls: what a caller waits for goes first."""

import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from enum import IntEnum
from typing import Any


class Urgency(IntEnum):
    """Whose turn it is when several jobs wait; within one urgency the older is first."""

    END = 0
    """A caller has finished and waits for the answer."""
    PAUSE = 1
    """A caller may have finished."""
    GOING_ON = 2
    """A caller is talking: to be a little behind costs nothing yet."""
    DICTATION = 3
    """Nobody is on the telephone."""
    CLOSING = 4
    """The thread may go."""


class _Job:
    """A piece of work; it may stand in the queue twice and is done once."""

    __slots__ = ("done", "owner", "urgency", "work")

    def __init__(self, owner: object, urgency: Urgency, work: Callable[[], Any]) -> None:
        self.owner, self.urgency, self.work = owner, urgency, work
        self.done: Future[Any] = Future()


_Place = tuple[Urgency, int, _Job | None]
"""In the queue; the number keeps the order within an urgency."""


class DecodingThreads:
    """A few threads over one queue, ordered by ``Urgency``."""

    def __init__(self, threads: int, name: str) -> None:
        """``name``: how the threads are called, with a number each."""
        self._jobs: queue.PriorityQueue[_Place] = queue.PriorityQueue()
        self._count = itertools.count()
        self._lock = threading.Lock()
        self._idle: dict[object, _Job] = {}
        """Jobs that nobody works on yet, by owner."""
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}_{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that nobody works on yet."""
        return len(self._idle)

    def before(self, urgency: Urgency) -> int:
        """Jobs that nobody works on yet and that go before a new one of this urgency."""
        with self._lock:
            return sum(job.urgency <= urgency for job in self._idle.values())

    def at(self, urgency: Urgency, owner: object) -> Executor:
        """The same threads, for ``loop.run_in_executor`` with jobs of this urgency; one of an owner waits at a time."""
        return _Lane(self, urgency, owner)

    def put(self, urgency: Urgency, owner: object, work: Callable[[], Any]) -> "Future[Any]":
        """Queue a job; raises ``RuntimeError`` after ``close``."""
        if self._closed:
            raise RuntimeError("the recogniser is closed")
        job = _Job(owner, urgency, work)
        with self._lock:
            self._idle[owner] = job
        self._jobs.put((urgency, next(self._count), job))
        return job.done

    def hurry(self, owner: object, urgency: Urgency = Urgency.END) -> None:
        """What waits of this owner is wanted as soon as that."""
        with self._lock:
            job = self._idle.get(owner)
            if job is None or job.urgency <= urgency:
                return
            job.urgency = urgency
        self._jobs.put((urgency, next(self._count), job))

    def close(self) -> None:
        """Forget the jobs that wait, let those that run end, and wait for that."""
        self._closed = True
        with self._lock:
            jobs = list(self._idle.values())
            self._idle.clear()
        for job in jobs:
            job.done.cancel()
        for _ in self._threads:
            self._jobs.put((Urgency.CLOSING, next(self._count), None))
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while True:
            _, _, job = self._jobs.get()
            if job is None:
                return
            if self._mine(job):
                _do(job)
            del job  # a thread that waits keeps nothing of a call alive

    def _mine(self, job: _Job) -> bool:
        """Take a job out of those that wait; False: it has been taken, or is not wanted any more."""
        with self._lock:
            if self._idle.get(job.owner) is not job:
                return False
            del self._idle[job.owner]
        return job.done.set_running_or_notify_cancel()


def _do(job: _Job) -> None:
    try:
        job.done.set_result(job.work())
    except BaseException as fault:  # as every executor: the fault belongs to whoever asked
        job.done.set_exception(fault)


class _Lane(Executor):
    """``DecodingThreads`` at one urgency."""

    def __init__(self, threads: DecodingThreads, urgency: Urgency, owner: object) -> None:
        self._threads, self._urgency, self._owner = threads, urgency, owner

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        """See ``concurrent.futures.Executor``."""
        return self._threads.put(self._urgency, self._owner, lambda: work(*args, **named))
