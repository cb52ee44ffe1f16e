"""Threads that decode for all calls: order by urgency, each job once, faults to whoever asked."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial

import pytest

from agent.backends.decoding import DecodingThreads, Urgency


class Gate:
    """Holds the only thread until it is opened, so that the queue can be filled."""

    def __init__(self, threads: DecodingThreads) -> None:
        self._held, self._open = threading.Event(), threading.Event()
        self.done = threads.put(Urgency.END, self, self._hold)
        assert self._held.wait(5)

    def _hold(self) -> None:
        self._held.set()
        assert self._open.wait(5)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def threads() -> Iterator[DecodingThreads]:
    made = DecodingThreads(1, "decode")
    yield made
    made.close()


def test_who_waits_for_an_answer_goes_first(threads: DecodingThreads) -> None:
    gate, order = Gate(threads), list[str]()
    for name, urgency in (("talks", Urgency.GOING_ON), ("pauses", Urgency.PAUSE), ("ended", Urgency.END)):
        last = threads.put(urgency, name, partial(order.append, name))
        assert not last.done()
    final = threads.put(Urgency.GOING_ON, "talks too", lambda: order.append("talks too"))
    assert threads.waiting == 4
    assert [threads.before(urgency) for urgency in (Urgency.END, Urgency.PAUSE, Urgency.GOING_ON)] == [1, 2, 4]
    gate.open()
    final.result(5)
    assert order == ["ended", "pauses", "talks", "talks too"]
    assert threads.waiting == 0


def test_what_waits_can_be_hurried_and_is_done_once(threads: DecodingThreads) -> None:
    gate, order = Gate(threads), list[str]()
    first = threads.put(Urgency.GOING_ON, "one", lambda: order.append("one"))
    second = threads.put(Urgency.GOING_ON, "two", lambda: order.append("two"))
    threads.hurry("two", Urgency.PAUSE)
    assert threads.before(Urgency.PAUSE) == 1
    threads.hurry("two")
    threads.hurry("two", Urgency.PAUSE)
    threads.hurry("nobody")
    assert threads.before(Urgency.END) == 1
    gate.open()
    for done in (first, second):
        done.result(5)
    assert order == ["two", "one"]


def test_a_fault_is_met_by_whoever_asked_and_the_thread_goes_on(threads: DecodingThreads) -> None:
    def fails() -> None:
        raise ValueError("garbled")

    with pytest.raises(ValueError, match="garbled"):
        threads.put(Urgency.PAUSE, "one", fails).result(5)
    assert threads.put(Urgency.PAUSE, "two", lambda: 7).result(5) == 7


async def test_the_event_loop_waits_for_a_lane(threads: DecodingThreads) -> None:
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(threads.at(Urgency.END, "a call"), divmod, 7, 2) == (3, 1)


def test_closing_forgets_what_waits_and_ends_what_runs() -> None:
    threads = DecodingThreads(2, "decode")
    gates = [Gate(threads), Gate(threads)]
    waits = threads.put(Urgency.END, "late", lambda: None)
    closing = threading.Thread(target=threads.close)
    closing.start()
    with pytest.raises(CancelledError):
        waits.result(5)
    for gate in gates:
        gate.open()
        gate.done.result(5)
    closing.join(5)
    assert not closing.is_alive()
    with pytest.raises(RuntimeError, match="closed"):
        threads.put(Urgency.END, "more", lambda: None)
