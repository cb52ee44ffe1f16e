"""New connections pass one small group at a time, whatever becomes of them."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from telephony.connect_gate import AT_ONCE, ConnectGate

MANY = 3 * AT_ONCE


class Slow:
    """A server that answers when it is told to."""

    def __init__(self) -> None:
        self.waiting = 0
        self.go = asyncio.Event()
        self.url = ""

    async def answer(self, _request: web.Request) -> web.Response:
        self.waiting += 1
        await self.go.wait()
        return web.Response()

    async def answer_at_once(self, _request: web.Request) -> web.Response:
        return web.Response()

    async def until(self, waiting: int) -> None:
        async with asyncio.timeout(3):
            while self.waiting < waiting:  # noqa: ASYNC110 - watches the far side
                await asyncio.sleep(0.005)


@pytest.fixture
async def server() -> AsyncIterator[Slow]:
    slow = Slow()
    app = web.Application()
    app.router.add_get("/", slow.answer)
    app.router.add_get("/free", slow.answer_at_once)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slow.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield slow
    slow.go.set()
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, trace_configs=[ConnectGate().trace]) as session:
        yield session


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an answer frees a place."""
    monkeypatch.setattr("telephony.connect_gate.ACCEPTED_S", 60)


async def get(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url) as reply:
        return reply.status


@pytest.mark.usefixtures("patient")
async def test_only_so_many_are_made_at_once(server: Slow, session: aiohttp.ClientSession) -> None:
    async with asyncio.TaskGroup() as tasks:
        made = [tasks.create_task(get(session, server.url)) for _ in range(MANY)]
        await server.until(AT_ONCE)
        async with aiohttp.ClientSession() as other:  # a whole exchange beside them: whoever may connect has by then
            assert await get(other, f"{server.url}free") == 200
        assert server.waiting == AT_ONCE
        server.go.set()
    assert [task.result() for task in made] == [200] * MANY


async def test_late_answers_do_not_hold_up_the_others(server: Slow, session: aiohttp.ClientSession) -> None:
    async with asyncio.TaskGroup() as tasks:
        made = [tasks.create_task(get(session, server.url)) for _ in range(MANY)]
        await server.until(MANY)
        server.go.set()
    assert len(made) == MANY


@pytest.mark.usefixtures("patient")
async def test_cancelled_and_failed_ones_give_their_place_back(server: Slow, session: aiohttp.ClientSession) -> None:
    hanging = [asyncio.create_task(get(session, server.url)) for _ in range(MANY)]
    await server.until(AT_ONCE)
    for task in hanging:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*hanging, return_exceptions=True)
    )
    failed = await asyncio.gather(*(get(session, "http://127.0.0.1:9/") for _ in range(MANY)), return_exceptions=True)
    assert all(isinstance(end, aiohttp.ClientConnectorError) for end in failed)
    server.go.set()
    assert await asyncio.gather(*(get(session, server.url) for _ in range(MANY))) == [200] * MANY


@pytest.mark.usefixtures("patient")
async def test_open_connections_are_used_freely(server: Slow, session: aiohttp.ClientSession) -> None:
    server.go.set()
    assert await get(session, server.url) == 200
    for _ in range(2 * AT_ONCE):
        assert await get(session, server.url) == 200
