"""The link is lost, Asterisk dies, the daemon was killed: nobody is left in silence and nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from agent.ports import Refusal
from audio.level import tone
from telephony import ari_requests as ask
from telephony.ari_link import AriLink
from tests.asterisk.door import Door, Guest, emptied, serving
from tests.asterisk.pbx import Pbx
from tests.asterisk.proxy import wire
from tests.asterisk.softphone import Softphone
from tests.asterisk.test_calls import NUMBER, connected, hears_operator, listen_on


async def until(true: Callable[[], bool], seconds: float) -> None:
    """Wait for something of the product that tells nobody."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def killed_daemon(pbx: Pbx, dialled: str = NUMBER) -> AsyncIterator[Softphone]:
    """A caller inside the application, a bridge and a media channel of ours, and nobody who owns them."""
    auth = {"Authorization": AriLink(pbx.url, pbx.username, pbx.password, "allo").headers["Authorization"]}
    async with aiohttp.ClientSession(headers=auth) as session:
        events = await session.ws_connect(f"{pbx.url}/ari/events?app=allo")
        async with Softphone(pbx.sip_port, dialled) as phone:
            message = await events.receive_json(timeout=3)
            assert message["type"] == "StasisStart"
            caller, ids = message["channel"]["id"], ask.Ids("allo")
            bridge, media = ids.bridge(), ids.media()
            for request in (
                ask.create_bridge(bridge),
                ask.answer(caller),
                ask.add_channel(bridge, caller),
                ask.media_by_rtp(media, "allo", "127.0.0.1", 9, "alaw"),
            ):
                async with session.request(
                    request.method, f"{pbx.url}/ari{request.path}", params=request.query
                ) as reply:
                    assert reply.status < 300
            await phone.until("answered", 3)
            await events.close()
            yield phone


async def test_a_caller_of_a_killed_daemon_is_answered_anew(pbx: Pbx) -> None:
    door = Door()
    async with killed_daemon(pbx) as phone, serving(pbx.url, door) as source:
        guest = await door.guest()
        await guest.answered.wait()
        assert guest.line.caller.number == "79161234567"
        guest.line.mouth.play(tone(700, 300, 8000))
        await phone.hears(10 * 160, 3)
        await listen_on(guest, 10)
        ours = set(guest.line.ids)  # type: ignore[attr-defined]
        shown = await asyncio.to_thread(pbx.cli, "bridge show all")
        assert [word for word in shown.split() if word.startswith("allo-bridge-") and word not in ours] == []
        assert await asyncio.to_thread(pbx.channels) == 2
        phone.hang_up()
        await asyncio.wait_for(guest.over.wait(), 2)
        await emptied(source)


async def test_a_caller_of_a_killed_daemon_hears_the_operator_when_we_are_full(pbx: Pbx) -> None:
    door = Door()
    door.refusal = Refusal("busy", 15)
    async with killed_daemon(pbx) as phone, serving(pbx.url, door):
        assert await hears_operator(phone)


async def test_the_event_socket_is_lost_and_the_call_goes_on(pbx: Pbx) -> None:
    door = Door()
    async with wire(pbx.http_port) as line, serving(line.url, door) as source, Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        line.cut(b"/ari/events")
        await until(lambda: source.state != "up", 3)
        await listen_on(guest, 20)
        assert not guest.cause, "the media did not notice"
        await until(lambda: source.state == "up", 3)
        phone.press("5")
        await guest.until(lambda: guest.keys == "5", 3)
        phone.hang_up()
        await guest.until(lambda: guest.cause == "caller", 2)


async def test_who_leaves_while_the_event_socket_is_down_is_noticed(pbx: Pbx) -> None:
    door = Door()
    async with wire(pbx.http_port) as line, serving(line.url, door) as source, Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        line.refusing = b"/ari/events"
        line.cut(b"/ari/events")
        await until(lambda: source.state != "up", 3)
        phone.hang_up()
        await phone.until("ended", 2)
        line.refusing = b""
        await guest.until(lambda: guest.cause == "caller", 5)


async def test_everything_is_lost_and_the_caller_is_answered_anew(pbx: Pbx) -> None:
    """Over RTP the audio does not pass our wire: only the control is lost, and the call simply goes on."""
    door = Door()
    async with wire(pbx.http_port) as line, serving(line.url, door) as source, Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        line.refusing = b"/"
        line.cut()
        await until(lambda: source.state != "up", 3)
        if source.media == "websocket":
            await asyncio.wait_for(guest.over.wait(), 6)
            assert guest.cause == "lost"
        line.refusing = b""
        if source.media == "websocket":
            guest = await door.guest(1, 6)
            await guest.answered.wait()
        await until(lambda: source.state == "up", 6)
        await listen_on(guest, 10)
        assert len(door.guests) == (2 if source.media == "websocket" else 1)


@pytest.mark.timeout(30)
async def test_a_socket_that_dies_without_a_word_is_noticed_within_five_seconds(pbx: Pbx) -> None:
    async with wire(pbx.http_port) as line, serving(line.url, Door()) as source:
        assert source.state == "up"
        line.freeze()
        begun = asyncio.get_running_loop().time()
        await until(lambda: source.state != "up", 8)
        assert asyncio.get_running_loop().time() - begun <= 5.0
        line.thaw()
        await until(lambda: source.state == "up", 8)


@pytest.mark.timeout(40)
async def test_asterisk_is_killed_and_started_again(asterisk: Pbx) -> None:
    door = Door()
    async with serving(asterisk.url, door) as source:
        async with Softphone(asterisk.sip_port, NUMBER) as phone:
            guest = await connected(asterisk, door, phone)
            await asyncio.to_thread(asterisk.stop)
            await asyncio.wait_for(guest.over.wait(), 8)
            assert guest.cause in {"lost", "caller"}
            phone.forget()
        assert source.state != "up"
        await asyncio.to_thread(asterisk.start)
        await until(lambda: source.state == "up", 12)
        async with Softphone(asterisk.sip_port, NUMBER) as phone:
            guest = await connected(asterisk, door, phone, 1)
            await listen_on(guest, 5)
        await asyncio.wait_for(guest.over.wait(), 3)
    assert await asyncio.to_thread(asterisk.channels) == 0


async def test_the_media_is_taken_away_and_the_caller_hears_the_operator(pbx: Pbx) -> None:
    door = Door()
    async with serving(pbx.url, door), Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        names = (await asyncio.to_thread(pbx.cli, "core show channels concise")).split()
        media = next(name.split("!")[0] for name in names if name.startswith(("WebSocket/", "UnicastRTP/")))
        await asyncio.to_thread(pbx.cli, f"channel request hangup {media}")
        await guest.until(lambda: guest.cause == "lost", 2)
        assert await hears_operator(phone)


async def test_two_daemons_with_one_name_do_not_fight(pbx: Pbx) -> None:
    first, second = Door(), Door()
    async with (
        serving(pbx.url, first) as old,
        serving(pbx.url, second) as new,
        Softphone(pbx.sip_port, NUMBER) as phone,
    ):
        await until(lambda: "another client" in old.state, 3)
        guest: Guest = await connected(pbx, second, phone)
        await listen_on(guest, 5)
        assert new.state == "up"
        assert first.guests == []


async def test_a_forced_websocket_is_used_or_leaves_callers_to_the_operator(pbx: Pbx) -> None:
    door = Door()
    async with serving(pbx.url, door, media="websocket") as source, Softphone(pbx.sip_port, NUMBER) as phone:
        assert source.media == "websocket"
        if pbx.suite == "sid":
            await listen_on(await connected(pbx, door, phone), 5)
        else:
            assert await hears_operator(phone)
            assert [guest.cause for guest in door.guests] == ["gone"]


async def test_rtp_can_be_forced(pbx: Pbx) -> None:
    door = Door()
    async with serving(pbx.url, door, media="rtp") as source, Softphone(pbx.sip_port, NUMBER) as phone:
        guest = await connected(pbx, door, phone)
        guest.line.mouth.play(tone(700, 300, 8000))
        await guest.until(lambda: guest.line.mouth.played == 2400, 3)
        assert source.media == "rtp"
