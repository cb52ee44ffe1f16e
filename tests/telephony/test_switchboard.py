"""The front door, with scripted lines on a jumping clock."""

import asyncio
from collections.abc import Callable

import pytest

from agent.ports import FrontDoor, Line, Refusal
from agent.replaying.virtual_time import play
from telephony.switchboard import Switchboard
from tests.fakes.line import FakeLine, Leaves


class OneAtATime:
    """A source that rings when it is told to."""

    name = "fake"
    state = "up"

    def __init__(self) -> None:
        self.door: FrontDoor | None = None

    async def run(self, door: FrontDoor, ready: Callable[[], None]) -> None:
        self.door = door
        ready()
        await asyncio.Event().wait()


async def listen(line: Line) -> None:
    async for _ in await line.answer():
        pass


async def opened(serve: Callable[[Line], object] = listen, capacity: int = 2) -> tuple[Switchboard, asyncio.Task[None]]:
    ready = asyncio.Event()
    board = Switchboard([OneAtATime()], capacity, serve)  # type: ignore[arg-type]
    running = asyncio.get_running_loop().create_task(board.run(ready.set))
    await ready.wait()
    return board, running


async def closed(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.wait([running])


def test_calls_are_admitted_up_to_the_capacity_and_again_when_one_left() -> None:
    async def scene() -> None:
        board, running = await opened()
        assert board.admit() is None
        board.ring(FakeLine([Leaves(1)]))
        board.ring(FakeLine([Leaves(2)]))
        assert board.calls == 2
        assert board.admit() == Refusal("busy", 15)
        await asyncio.sleep(1.5)
        assert board.admit() is None
        await board.emptied()
        assert board.calls == 0
        await closed(running)

    play(scene())


def test_a_closing_house_admits_nobody() -> None:
    async def scene() -> None:
        board, running = await opened()
        board.close()
        assert board.admit() == Refusal("stopping", 15)
        await closed(running)

    play(scene())


def test_a_failing_call_is_offered_to_a_person_and_touches_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def fail_for_c1(line: Line) -> None:
        if line.caller.call_id == "c1":
            raise RuntimeError("a bug")
        await listen(line)

    async def scene() -> None:
        board, running = await opened(fail_for_c1)
        broken = FakeLine([Leaves(5)])
        whole = FakeLine([Leaves(5)])
        whole.caller = type(whole.caller)("c2", "fake", "1", "2", 8000)
        board.ring(broken)
        board.ring(whole)
        await asyncio.sleep(1)
        assert board.calls == 1
        assert broken.transfers == [""]
        await board.emptied()
        assert len(whole.mouth.wire) == 250
        await closed(running)

    play(scene())
    assert "call c1 failed" in caplog.text


def test_what_is_left_can_be_ended() -> None:
    async def scene() -> None:
        board, running = await opened()
        board.ring(FakeLine([]))
        await asyncio.sleep(0.1)
        board.end_calls()
        await board.emptied()
        assert board.calls == 0
        await closed(running)

    play(scene())
