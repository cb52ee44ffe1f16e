"""A call's media socket against a real WebSocket server, and many sockets read in rounds."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web

from telephony.media_socket import MediaSocket
from telephony.socket_round import SocketRound


class Heard:
    """What came, in order; ``until`` waits for so many."""

    def __init__(self) -> None:
        self.items: list[bytes | str] = []
        self._news = asyncio.Event()

    def __call__(self, item: bytes | str) -> None:
        self.items.append(item)
        self._news.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.items) < count:
                self._news.clear()
                await self._news.wait()


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Sends everything back; ``bye`` makes it close, ``ping`` ask for a pong."""
    peer = web.WebSocketResponse(protocols=("media",), autoping=False)
    await peer.prepare(request)
    await peer.send_str(request.headers.get("Authorization", "nobody"))
    async for message in peer:
        if message.type == WSMsgType.BINARY:
            await peer.send_bytes(message.data)
        elif message.type == WSMsgType.PONG:
            await peer.send_str("pong " + message.data.decode())
        elif message.data == "ping":
            await peer.ping(b"17")
        elif message.data == "bye":
            break
        else:
            await peer.send_str(message.data)
    return peer


@asynccontextmanager
async def server(**how: object) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/media/1", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, **how)  # type: ignore[arg-type]
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connected(port: int, sockets: SocketRound, scheme: str = "ws") -> AsyncIterator[tuple[MediaSocket, Heard]]:
    heard = Heard()
    media = MediaSocket(sockets, heard, heard)
    host = "localhost" if scheme == "wss" else "127.0.0.1"
    await media.connect(f"{scheme}://{host}:{port}/media/1", "media", {"Authorization": "Basic x"})
    media.start()
    try:
        yield media, heard
    finally:
        media.close()


async def test_both_ways_in_order_with_our_name_in_the_handshake() -> None:
    sockets = SocketRound()
    async with server() as port, connected(port, sockets) as (media, heard):
        media.say("one")
        media.play(bytes(range(256)) * 30)
        media.say("ping")
        await heard.until(4)
        assert heard.items == ["Basic x", "one", bytes(range(256)) * 30, "pong 17"]
    assert sockets.sockets == 0


async def test_what_finds_no_room_is_sent_later() -> None:
    sockets = SocketRound()
    async with server() as port, connected(port, sockets) as (media, heard):
        piece = bytes(range(256)) * 250
        for _ in range(100):
            media.play(piece)
        async with asyncio.timeout(10):
            while len(heard.items) < 101:
                media.flush()  # as the clock does
                await heard.until(min(len(heard.items) + 1, 101))
        assert heard.items[1:] == [piece] * 100


async def test_the_far_sides_goodbye_ends_it() -> None:
    sockets = SocketRound()
    async with server() as port, connected(port, sockets) as (media, _):
        media.say("bye")
        async with asyncio.timeout(5):
            await media.gone()
        media.play(bytes(320))
        media.close()
    assert sockets.sockets == 0


async def test_a_socket_that_vanishes_or_talks_nonsense_is_gone() -> None:
    for last_words in (b"", b"\xff\xff\xff"):
        sockets = SocketRound()
        near, far = socket.socketpair()
        media = MediaSocket(sockets, lambda _: None, lambda _: None)
        near.setblocking(False)
        media._socket = near
        media.start()
        far.sendall(last_words)
        if not last_words:
            far.close()
        async with asyncio.timeout(5):
            await media.gone()
        far.close()
        assert sockets.sockets == 0


async def test_refusals_are_errors_that_say_why() -> None:
    media = MediaSocket(SocketRound(), lambda _: None, lambda _: None)
    async with server() as port:
        with pytest.raises(ValueError, match="refuses"):
            await media.connect(f"ws://127.0.0.1:{port}/media/2", "media", {})
        with pytest.raises(ValueError, match="subprotocol"):
            await media.connect(f"ws://127.0.0.1:{port}/media/1", "other", {})
    with pytest.raises(ConnectionError):
        await media.connect(f"ws://127.0.0.1:{port}/media/1", "media", {})
    with pytest.raises(RuntimeError, match="connect first"):
        media.start()


async def test_a_connection_that_nobody_waits_for_any_more_is_closed() -> None:
    closed = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        writer.write(b"HTTP/1.1 404 Not Found\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        closed.set()

    media = MediaSocket(SocketRound(), lambda _: None, lambda _: None)
    listening = await asyncio.start_server(peer, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        attempt = asyncio.ensure_future(media.connect(f"ws://127.0.0.1:{port}/media/1", "media", {}))
        async with asyncio.timeout(5):
            await closed.wait()
        assert attempt.cancelled()


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate for localhost that we trust."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return context


async def test_over_tls(certificate: ssl.SSLContext) -> None:
    sockets = SocketRound()
    async with server(ssl_context=certificate) as port, connected(port, sockets, "wss") as (media, heard):
        piece = bytes(range(256)) * 200
        media.play(piece)
        media.say("two")
        await heard.until(3)
        assert heard.items == ["Basic x", piece, "two"]


async def test_a_round_serves_all_and_one_broken_socket_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    sockets = SocketRound()
    pairs = [socket.socketpair() for _ in range(3)]
    heard = Heard()

    def read(number: int, near: socket.socket) -> None:
        if number == 1:
            raise RuntimeError("broken")
        heard(near.recv(10))

    for number, (near, _) in enumerate(pairs):
        sockets.add(near, partial(read, number, near))
    for turn in range(3):
        for _, far in pairs:
            far.sendall(str(turn).encode())
        await heard.until(2 * (turn + 1))
    assert sorted(heard.items) == [b"0", b"0", b"1", b"1", b"2", b"2"]
    assert sockets.sockets == 2
    assert "read no more" in caplog.text
    for near, far in pairs:
        sockets.discard(near)
        near.close()
        far.close()
    assert sockets.sockets == 0


async def test_one_may_take_another_off_within_a_round_and_come_back_later() -> None:
    sockets, heard = SocketRound(), Heard()
    (one, one_far), (two, two_far) = socket.socketpair(), socket.socketpair()

    def only(mine: socket.socket, other: socket.socket) -> None:
        heard(mine.recv(10))
        sockets.discard(other)

    sockets.add(one, lambda: only(one, two))
    sockets.add(two, lambda: only(two, one))
    one_far.sendall(b"x")
    two_far.sendall(b"x")
    await heard.until(1)
    assert (heard.items, sockets.sockets) == ([b"x"], 1)
    sockets.discard(one)
    sockets.discard(two)
    sockets.add(one, lambda: heard(one.recv(10)))
    one_far.sendall(b"y")
    await heard.until(2)
    sockets.discard(one)
    for each in (one, two, one_far, two_far):
        each.close()
