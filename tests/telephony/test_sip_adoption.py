"""SIP dialogs that go on in another process: the far side is a phone that writes its own messages."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from agent.lasting import Lasting, Left, Leg
from agent.ports import Line
from bench.ports import free_block, free_port
from telephony.sip_line import SipSource
from tests.telephony.sip_house import EchoDoor, SipPhone, header, house, media_port


class KeepingDoor(EchoDoor):
    """Keeps the newest leg, as the disk does."""

    def __init__(self) -> None:
        super().__init__()
        self.legs: list[Leg] = []

    def ring(self, line: Line) -> None:
        assert isinstance(line, Lasting)
        line.keep(lambda leg: self.legs.append(json.loads(json.dumps(leg))))
        super().ring(line)

    @property
    def left(self) -> Left:
        return Left(self.lines[0].caller, self.legs[-1])


def die(source: SipSource) -> None:
    """As a kill would: the far side hears nothing of it."""
    for call in source._calls.values():
        call.timer.stop()
        call.media.close("lost")
    source._calls.clear()


@contextlib.asynccontextmanager
async def left_behind(phone_over: str = "UDP") -> AsyncIterator[tuple[SipPhone, Left, dict[str, Any], int]]:
    """A phone in a call whose process has died, what is known of the call, and where that process listened."""
    first = free_block(200)
    places: dict[str, Any] = {"port": free_port(), "rtp_ports": (first, first + 198)}
    async with house(KeepingDoor(), **places) as (source, door, _):
        assert isinstance(door, KeepingDoor)
        phone = await SipPhone(places["port"]).open(phone_over)
        answer = await phone.call()
        phone.ask("INFO", "Signal=5\r\n", kind="application/dtmf-relay")
        await phone.next("SIP/2.0 200")
        await door.until(lambda: len(door.legs) >= 2)
        left = door.left
        die(source)
        await door.until(lambda: bool(door.ends))
    with contextlib.closing(phone):
        yield phone, left, places, media_port(answer)


async def test_requests_go_on_both_ways_and_so_does_the_audio() -> None:
    async with (
        left_behind() as (phone, left, places, rtp_port),
        house(left=[left], **places) as (source, door, _),
    ):
        await door.until(lambda: door.frames >= 10)
        assert door.lines[0].caller == left.caller
        heard, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(phone.rtp, 2000), 3)
        assert len(heard) == 172
        phone.ask("INVITE", phone.sdp("sendonly"))  # hold
        answer = await phone.next("SIP/2.0 200")
        phone.ack()
        assert media_port(answer) == rtp_port
        assert "a=recvonly" in answer
        await door.lines[0].hangup()
        bye = await phone.next("BYE")
        assert int(header(bye, "CSeq").split()[0]) > 0
        phone.reply(bye, "200 OK")
        await door.until(lambda: door.ends == ["agent"])
        assert source.calls == 0


async def test_the_caller_hangs_up_in_the_next_process() -> None:
    async with left_behind() as (phone, left, places, _), house(left=[left], **places) as (source, door, _):
        await door.until(lambda: door.frames >= 3)
        await phone.bye()
        await door.until(lambda: door.ends == ["caller"])
        assert source.calls == 0


async def test_where_the_rtp_port_is_taken_the_dialog_ends_with_bye() -> None:
    lost: list[str] = []
    async with left_behind() as (phone, left, places, rtp_port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", rtp_port))
            async with house(left=[left], lost=lost.append, **places) as (source, door, _):
                bye = await phone.next("BYE")
                phone.reply(bye, "200 OK")
                assert (lost, door.lines, source.calls) == ([left.caller.call_id], [], 0)


async def test_who_was_left_in_silence_for_minutes_is_let_go() -> None:
    lost: list[str] = []
    async with left_behind() as (phone, left, places, _):
        old = replace(left, unheard_s=61)
        async with house(left=[old], lost=lost.append, **places) as (_, door, _):
            bye = await phone.next("BYE")
            phone.reply(bye, "200 OK")
            assert (lost, door.lines) == ([left.caller.call_id], [])


async def test_a_leg_that_nobody_can_read_is_lost() -> None:
    lost: list[str] = []
    async with left_behind() as (_, left, places, _):
        broken = [replace(left, leg=leg) for leg in ({}, {**left.leg, "invite": "hello"}, {**left.leg, "dialog": {}})]
        async with house(left=broken, lost=lost.append, **places) as (_, door, _):
            assert (len(lost), door.lines) == (3, [])


@pytest.mark.parametrize("listens", [True, False])
async def test_a_tcp_connection_is_made_anew_where_the_contact_listens(listens: bool) -> None:
    lost: list[str] = []
    said: asyncio.Queue[str] = asyncio.Queue()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.put_nowait((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.close()

    async with left_behind("TCP") as (_, left, places, _):
        server = await asyncio.start_server(hear, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        if not listens:
            server.close()
            await server.wait_closed()
        dialog = {**left.leg["dialog"], "target": f"sip:tester@127.0.0.1:{port};transport=tcp"}
        moved = replace(left, leg={**left.leg, "dialog": dialog})
        async with house(left=[moved], lost=lost.append, **places) as (_, door, _):
            if listens:
                await door.until(lambda: door.frames >= 3)
                await door.lines[0].hangup()
                async with asyncio.timeout(3):
                    assert (await said.get()).startswith("BYE sip:tester@")
        server.close()
        assert lost == ([] if listens else [left.caller.call_id])
