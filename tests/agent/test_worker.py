import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from agent.backends.decoding import Urgency
from agent.backends.worker import Worker, WorkerError
from agent.errors import StartError

ABACUS = "tests.fakes.worker_work:abacus"


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker(ABACUS, {"start": 7}, "abacus", most=4)
    await worker.start()
    yield worker
    await worker.close()


async def busy(worker: Worker, to: int = 1, pause_s: float = 0.4) -> "asyncio.Task[list[int]]":
    """A request that keeps the process at work, once it does."""
    begun = asyncio.Event()

    async def count() -> list[int]:
        numbers = []
        async for reply, _ in worker.ask({"what": "count", "to": to, "pause_s": pause_s}):
            begun.set()
            numbers.append(reply["number"])
        return numbers

    task = asyncio.create_task(count())
    async with asyncio.timeout(10):
        await begun.wait()
    return task


async def test_bytes_and_values_go_both_ways(worker: Worker) -> None:
    sound = bytes(range(256)) * 4000
    reply, back = await worker.one({"what": "echo"}, sound)
    assert reply == {"length": len(sound), "start": 7}
    assert back == sound[::-1]


async def test_what_libraries_print_is_no_message_and_in_no_log(
    capfd: pytest.CaptureFixture[str], worker: Worker
) -> None:
    await worker.one({"what": "print"})
    assert (await worker.one({"what": "echo"}, b"ab"))[1] == b"ba"
    assert "a library says something" not in "".join(capfd.readouterr())


async def test_callers_go_before_dictation_and_the_finished_before_the_talking(worker: Worker) -> None:
    order: list[str] = []

    async def ask(name: str, urgency: Urgency) -> None:
        await worker.one({"what": "echo"}, urgency=urgency)
        order.append(name)

    first = await busy(worker)
    async with asyncio.TaskGroup() as tasks:
        for name, urgency in (
            ("dictated", Urgency.DICTATION),
            ("talking", Urgency.GOING_ON),
            ("finished", Urgency.END),
            ("finished later", Urgency.END),
        ):
            tasks.create_task(ask(name, urgency))
    assert await first == [0]
    assert order == ["finished", "finished later", "talking", "dictated"]


async def test_a_full_queue_refuses_the_least_urgent(worker: Worker) -> None:
    first = await busy(worker)
    dictated = [asyncio.create_task(worker.one({"what": "echo"}, urgency=Urgency.DICTATION)) for _ in range(4)]
    await asyncio.sleep(0)
    assert worker.waiting == 4
    with pytest.raises(WorkerError, match="4 requests wait"):
        await worker.one({"what": "echo"}, urgency=Urgency.DICTATION)

    assert (await worker.one({"what": "echo"}, b"call", Urgency.END))[1] == b"llac"

    results = await asyncio.gather(*dictated, return_exceptions=True)
    assert [isinstance(result, WorkerError) for result in results] == [False, False, False, True]
    assert "more urgent" in str(results[3])
    await first


async def test_a_request_that_is_given_up_stops_and_one_that_waits_is_never_done(worker: Worker) -> None:
    async with aclosing(worker.ask({"what": "count", "to": 10_000, "pause_s": 0.01})) as replies:
        async for _ in replies:
            break
    waiting = asyncio.create_task(worker.one({"what": "fail"}))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    done = (await worker.one({"what": "done"}))[0]["done"]
    assert len(done) < 100
    assert "fail" not in done


async def test_a_failing_request_fails_alone_and_its_words_stay_inside(worker: Worker) -> None:
    with pytest.raises(WorkerError, match=r"ValueError at worker_work\.py:\d") as failure:
        await worker.one({"what": "fail"})
    assert "words" not in str(failure.value)
    assert (await worker.one({"what": "echo"}, b"ab"))[1] == b"ba"
    assert worker.starts == 1


async def again(worker: Worker) -> None:
    async with asyncio.timeout(15):
        await worker.until_ready()


async def test_a_death_fails_what_was_asked_at_once_and_another_process_starts(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    first = await busy(worker, 3, 0.05)
    dying = asyncio.create_task(worker.one({"what": "die"}, urgency=Urgency.END))
    await asyncio.sleep(0)
    behind = asyncio.create_task(worker.one({"what": "echo"}, urgency=Urgency.GOING_ON))
    await first
    began = loop.time()
    for task in (dying, behind):
        with pytest.raises(WorkerError, match="died"):
            await task
    assert loop.time() - began < 5
    with pytest.raises(WorkerError, match="not running"):
        await worker.one({"what": "echo"})
    with caplog.at_level(logging.ERROR):
        await again(worker)
    assert (await worker.one({"what": "echo"}, b"ab"))[1] == b"ba"
    assert worker.starts == 2


async def test_a_process_that_hangs_is_killed() -> None:
    worker = Worker(ABACUS, {"start": 0}, "abacus", hang_s=1.0)
    await worker.start()
    with pytest.raises(WorkerError, match="died"):
        await worker.one({"what": "hang"})
    await again(worker)
    assert (await worker.one({"what": "echo"}, b"ab"))[1] == b"ba"
    await worker.close()


async def test_a_model_that_cannot_be_loaded_is_told() -> None:
    with pytest.raises(StartError, match=r"broken: FileNotFoundError: model.bin: not there"):
        await Worker("tests.fakes.worker_work:broken", {}, "broken").start()


async def test_closing_fails_what_waits_and_harms_nobody_twice(worker: Worker) -> None:
    task = await busy(worker, 100)
    await worker.close()
    with pytest.raises(WorkerError, match="closed"):
        await task
    await worker.close()
    with pytest.raises(WorkerError, match="not running"):
        await worker.one({"what": "echo"})


async def test_one_that_is_closed_at_once_leaves_no_process() -> None:
    worker = Worker(ABACUS, {"start": 0}, "abacus")
    await worker.start()
    process = worker._requests.process
    assert process is not None
    await worker.close()
    assert process.returncode is not None
    with pytest.raises(WorkerError, match="not running"):
        await worker.until_ready()
