"""``WS /ws``."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from agent.chat import Chat
from agent.furnish import furnish
from agent.settings import Settings, Storage
from tests.gateways.conftest import Office, Open


@pytest.fixture
async def chatty(office: Office) -> AsyncIterator[Office]:
    """The office with real answers from the demo knowledge."""
    async with AsyncExitStack() as stack:
        house, _ = await furnish(Settings(storage=Storage(dir=office.folder)), stack)
        office.desk.new_chat = lambda: Chat(house.answers).ask
        yield office


async def test_a_conversation_in_writing(chatty: Office) -> None:
    async with chatty.web.ws_connect("/ws?callerId=TEST") as socket:
        await socket.send_str("какая гарантия")
        assert "24 месяца" in await socket.receive_str()
    async with chatty.web.ws_connect("/ws?format=json") as socket:
        await socket.send_str("какая гарантия")
        first = json.loads(await socket.receive_str())
        assert first["source"] == "general"
        while "done" not in json.loads(await socket.receive_str()):
            continue
        await socket.send_str("соедините с оператором")
        assert json.loads(await socket.receive_str())["action"] == "transfer"


async def test_a_stranger_can_not_chat(open_office: Open) -> None:
    office = await open_office(key="secret")

    assert (await office.web.get("/ws", headers={"Upgrade": "websocket", "Connection": "upgrade"})).status == 401
    origin = {"Origin": "http://evil.example", "Upgrade": "websocket", "X-API-Key": "secret"}
    assert (await office.web.get("/ws", headers=origin)).status == 403
    assert (await office.web.get("/ws", headers={"X-API-Key": "secret"})).status == 503


async def test_what_is_no_websocket_is_told_so(chatty: Office) -> None:
    assert (await chatty.web.get("/ws")).status == 400
