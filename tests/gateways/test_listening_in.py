"""``WS /api/live/{id}/listen`` and ``/api/talk``: who is refused and why, and what a listener gets of a call."""

import asyncio

import aiohttp
import pytest

from agent.desk.web_desk import PresentCalls
from agent.overhearing import Overheard
from telephony.switchboard import Switchboard
from tests.gateways.conftest import Office

RATE = 8000
CALLER, AGENT = b"\x01\x00" * 160, b"\x02\x00" * 160
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}


def on_the_line(office: Office, call_id: str) -> Overheard:
    """A call that can be listened to."""
    present = office.desk.live
    assert isinstance(present, PresentCalls)
    heard = present._sounds[call_id] = Overheard(None, RATE)
    return heard


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/live/none/listen", {}, 404),
        ("/api/live/here/listen", {}, 400),
        ("/api/live/here/listen", {"X-API-Key": ""}, 401),
        ("/api/live/here/listen", {"X-API-Key": "guess"}, 401),
        ("/api/live/here/listen", {**UPGRADE, "Origin": "https://evil.example"}, 403),
        ("/api/talk?rate=100", {}, 422),
        ("/api/talk?rate=many", {}, 422),
        ("/api/talk?callerId=" + "1" * 41, {}, 422),
        ("/api/talk?other=1", {}, 422),
        ("/api/talk", {}, 400),
        ("/api/talk", {"X-API-Key": ""}, 401),
        ("/api/talk", {**UPGRADE, "Origin": "https://evil.example"}, 403),
        ("/ws?callerId=1", {**UPGRADE, "Origin": "https://evil.example"}, 403),
        ("/ws?callerId=1", {"X-API-Key": ""}, 401),
    ],
)
async def test_who_is_refused_is_told_why(office: Office, path: str, headers: dict[str, str], status: int) -> None:
    on_the_line(office, "here")
    office.desk.door = Switchboard([], 1, lambda _line: asyncio.sleep(0))

    reply = await office.web.get(path, headers=headers)

    assert (reply.status, reply.content_type) == (status, "application/problem+json")
    assert (await reply.json())["detail"]


async def test_a_listener_hears_both_sides_until_the_call_ends(office: Office) -> None:
    heard = on_the_line(office, "here")
    async with office.web.ws_connect("/api/live/here/listen") as socket:
        assert await socket.receive_json(timeout=5) == {"rate": RATE}
        async with asyncio.timeout(5):
            while not heard._ears:  # noqa: ASYNC110 - the first message overtakes the listening
                await asyncio.sleep(0)
        for _ in range(5):
            heard.push(CALLER, AGENT)
        piece = await socket.receive_bytes(timeout=5)
        assert piece == b"\x01\x00\x02\x00" * 800
        heard.close()
        assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.OK


async def test_a_listener_who_leaves_costs_the_call_nothing(office: Office) -> None:
    heard = on_the_line(office, "here")
    async with office.web.ws_connect("/api/live/here/listen") as socket:
        await socket.receive_json(timeout=5)
    async with asyncio.timeout(5):
        while heard._ears:  # noqa: ASYNC110 - the server learns of it over the socket
            await asyncio.sleep(0)
    heard.push(CALLER, AGENT)
    assert heard._caller == []


async def test_a_call_that_is_over_is_not_listened_to(office: Office) -> None:
    heard = on_the_line(office, "here")
    heard.close()
    async with office.web.ws_connect("/api/live/here/listen") as socket:
        assert await socket.receive_json(timeout=5) == {"rate": RATE}
        assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
