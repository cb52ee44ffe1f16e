"""The link and the line against an ARI that does everything wrong (a real web server that speaks it badly)."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSMsgType, web

from agent.ports import Line, LineGone, Refusal
from agent.settings import Asterisk
from telephony import ari
from telephony import ari_requests as ask
from telephony.ari_link import LAST_RETRY_S, AriError, AriLink, retry_after
from telephony.asterisk_line import AsteriskSource
from telephony.clock import MediaClock
from telephony.rtp_ports import RtpPorts

CALLER = ari.Channel("1795248625.7", "PJSIP/trunk-00000001", "Ring", "79161234567", "100")


class BadAri:
    """Answers as it is told: ``events`` for the socket's handshake, ``replies`` by method and path."""

    def __init__(self) -> None:
        self.events = 200
        self.replies: dict[str, tuple[int, str]] = {
            "GET /asterisk/info": (200, '{"system":{"version":"16.28.0"}}'),
            "GET /bridges": (200, "[]"),
            "GET /channels": (200, "[]"),
            "GET /applications/allo": (200, '{"channel_ids":[]}'),
        }
        self.hang: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.handshakes = 0
        self.sockets: list[web.WebSocketResponse] = []
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/ari")
        if path == "/events":
            return await self._events(request)
        key = f"{request.method} {path}"
        self.asked[key] += 1
        if key in self.hang:
            await asyncio.sleep(30)
        status, text = self.replies.get(key, (404, "{}"))
        return web.Response(status=status, text=text)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self.handshakes += 1
        if self.events != 200:
            return web.Response(status=self.events)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            assert message.type != WSMsgType.ERROR
        return socket

    async def say(self, text: str) -> None:
        await self.sockets[-1].send_str(text)


@asynccontextmanager
async def bad_ari() -> AsyncIterator[BadAri]:
    server = BadAri()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[BadAri]:
    async with bad_ari() as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.ari_link.FIRST_RETRY_S", 0.02)
    monkeypatch.setattr("telephony.ari_link.LAST_RETRY_S", 0.05)
    monkeypatch.setattr("telephony.asterisk_line.AGAIN_S", 0.02)


class Door:
    """Answers every caller and keeps what became of it."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.fates: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def admit(self) -> Refusal | None:
        return None

    def ring(self, line: Line) -> None:
        self.lines.append(line)
        self.tasks.append(asyncio.ensure_future(self._serve(line)))

    async def _serve(self, line: Line) -> None:
        try:
            await line.answer()
        except LineGone as gone:
            self.fates.append(str(gone))
        finally:
            await line.hangup()


@asynccontextmanager
async def source_at(url: str, door: Door | None = None) -> AsyncIterator[AsteriskSource]:
    source = AsteriskSource(Asterisk(url=url), MediaClock(), RtpPorts(31000, 31099))
    ready = asyncio.Event()
    door = door or Door()
    task = asyncio.create_task(source.run(door, ready.set))
    try:
        async with asyncio.timeout(5):
            await ready.wait()
        yield source
    finally:
        task.cancel()
        await asyncio.gather(task, *door.tasks, return_exceptions=True)


async def until(true: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - watches the far side
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "username and password"), (403, "username and password"), (404, "has no ARI"), (500, "answered 500")],
)
async def test_a_refused_socket_says_what_to_do_and_is_tried_again(server: BadAri, status: int, told: str) -> None:
    server.events = status
    async with source_at(server.url) as source:
        assert told in source.state
        await until(lambda: server.handshakes >= 3)
        server.events = 200
        await until(lambda: source.state == "up")


async def test_nobody_there_is_ready_all_the_same() -> None:
    async with source_at("http://127.0.0.1:9") as source:
        assert "can't be reached" in source.state


@pytest.mark.parametrize("url", ["http://", "http://not an address", "https://[::1"])
async def test_a_wrong_address_is_told_and_survived(url: str) -> None:
    async with source_at(url) as source:
        assert source.state != "up"


async def test_what_can_t_be_read_is_told_once_and_passed_over(
    server: BadAri, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[ari.Event] = []

    async def nothing() -> None:
        return

    async with AriLink(server.url, "allo", "x", "allo") as link:
        task = asyncio.create_task(link.run(nothing, heard.append))
        await until(lambda: bool(server.sockets))
        for text in ("{", "[]", "null", '{"type":5}', '{"type":"StasisStart"}', '{"type":"NeverHeardOf"}') * 20:
            await server.say(text)
        await server.sockets[-1].send_bytes(b"\x00\x01")
        await server.say(ari.serialize_event(ari.StasisEnd(CALLER)))
        await until(lambda: bool(heard))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert heard == [ari.StasisEnd(CALLER)]
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
    assert server.handshakes == 1


async def test_a_socket_that_is_closed_again_and_again(server: BadAri) -> None:
    async with source_at(server.url) as source:
        for count in range(1, 4):
            await until(lambda n=count: len(server.sockets) >= n and source.state == "up")  # type: ignore[misc]
            await server.sockets[-1].close()
        await until(lambda: len(server.sockets) >= 4 and source.state == "up")


@pytest.mark.parametrize("reply", [(500, ""), (200, "{"), (200, "7"), (200, "[{}]"), (401, "")])
async def test_lists_that_can_t_be_had_are_asked_for_again(server: BadAri, reply: tuple[int, str]) -> None:
    good, server.replies["GET /channels"] = server.replies["GET /channels"], reply
    async with source_at(server.url) as source:
        await until(lambda: server.asked["GET /channels"] >= 3)
        server.replies["GET /channels"] = good
        await until(lambda: server.asked["GET /applications/allo"] >= 1)
        assert source.state == "up"


async def test_an_unreadable_version_means_rtp(server: BadAri) -> None:
    server.replies["GET /asterisk/info"] = (200, '{"system":{"version":"GIT-master-0607f2c"}}')
    async with source_at(server.url) as source:
        await until(lambda: source.media == "rtp")
        assert source.state == "up"


@pytest.mark.parametrize("status", [404, 409, 422, 500])
async def test_a_caller_who_can_t_be_set_up_is_handed_on(server: BadAri, status: int) -> None:
    answer, go_on = f"POST /channels/{CALLER.id}/answer", f"POST /channels/{CALLER.id}/continue"
    server.replies |= {answer: (status, "{}"), go_on: (204, "")}
    door = Door()
    async with source_at(server.url, door) as source:
        await until(lambda: source.media == "rtp")
        await server.say(ari.serialize_event(ari.StasisStart(CALLER)))
        await until(lambda: bool(door.fates) and source.calls == 0)
    assert server.asked[go_on] == 1
    assert sum(count for key, count in server.asked.items() if key.startswith("DELETE /bridges/allo-bridge-")) >= 1
    assert sum(count for key, count in server.asked.items() if key.startswith("DELETE /channels/allo-media-")) >= 1
    assert CALLER.number not in door.fates[0]


@pytest.mark.parametrize(
    "reply", ["", "{}", "[]", '{"id":"m"}', '{"id":"m","channelvars":{"UNICASTRTP_LOCAL_PORT":"x"}}']
)
async def test_media_that_tells_nonsense(server: BadAri, reply: str) -> None:
    server.replies |= {
        f"POST /channels/{CALLER.id}/answer": (204, ""),
        f"POST /channels/{CALLER.id}/continue": (204, ""),
        "POST /channels/externalMedia": (200, reply),
    }
    door = Door()
    async with source_at(server.url, door) as source:
        await until(lambda: source.media == "rtp")
        await server.say(ari.serialize_event(ari.StasisStart(CALLER)))
        await until(lambda: bool(door.fates) and source.calls == 0)
    assert server.asked[f"POST /channels/{CALLER.id}/continue"] >= 1


async def test_a_request_without_an_answer_has_a_deadline(server: BadAri, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.asterisk_call.SET_UP_S", 0.2)
    monkeypatch.setattr("telephony.asterisk_call.CLEAR_S", 0.2)
    server.hang |= {f"POST /channels/{CALLER.id}/answer", f"POST /channels/{CALLER.id}/continue"}
    door = Door()
    async with source_at(server.url, door) as source:
        await until(lambda: source.media == "rtp")
        begun = asyncio.get_running_loop().time()
        await server.say(ari.serialize_event(ari.StasisStart(CALLER)))
        await until(lambda: bool(door.fates) and source.calls == 0)
        assert asyncio.get_running_loop().time() - begun < 2


async def test_events_of_channels_that_are_gone(server: BadAri) -> None:
    gone = ari.Channel("1795000000.1")
    door = Door()
    async with source_at(server.url, door) as source:
        await until(lambda: source.media == "rtp")
        for event in (
            ari.StasisEnd(gone),
            ari.ChannelDestroyed(gone, 16),
            ari.ChannelDtmfReceived(gone, "1"),
            ari.BridgeDestroyed(ari.Bridge("x")),
            ari.StasisStart(ari.Channel(ask.Ids("allo").media())),
        ):
            await server.say(ari.serialize_event(event))
        await until(lambda: any(key.startswith("DELETE /channels/allo-media-") for key in server.asked))
        assert source.state == "up"
    assert door.lines == []


async def test_what_could_not_be_tidied_away_is_tried_again(server: BadAri) -> None:
    bridge = ask.Ids("allo").bridge()
    server.replies["GET /bridges"] = (200, json.dumps([{"id": bridge, "channels": []}, {"id": "someone-elses"}]))
    server.replies[f"DELETE /bridges/{bridge}"] = (500, "")
    async with source_at(server.url) as source:
        await until(lambda: server.asked[f"DELETE /bridges/{bridge}"] >= 3)
        server.replies["GET /bridges"] = (200, "[]")
        assert source.state == "up"
    assert server.asked["DELETE /bridges/someone-elses"] == 0


async def test_the_link_s_own_errors_carry_no_secret(server: BadAri) -> None:
    async with AriLink(server.url, "allo", "very-secret", "allo") as link:
        with pytest.raises(AriError) as error:
            await link.ask(ask.variable("1795248625.7", "NAME"))
    assert error.value.status == 404
    assert error.value.gone
    assert "secret" not in str(error.value)
    assert "1795248625.7" not in str(error.value)


def test_the_back_off_is_short_at_first_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert all(0.3 <= retry_after(1) <= 2 for _ in range(50))
    assert all(retry_after(50) <= LAST_RETRY_S * 1.25 <= 10 for _ in range(50))
    assert len({retry_after(3) for _ in range(20)}) > 1, "jittered"
