"""A call's media socket against a real WebSocket server, read on the media clock's tick."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web

from telephony.clock import MediaClock
from telephony.media_socket import READ_BYTES, MediaSocket


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


class Reader:
    """Reads one socket as the clock ticks."""

    def __init__(self, media: MediaSocket, heard: Heard) -> None:
        self._media, self._heard = media, heard

    def tick(self, periods: int) -> None:
        for message in self._media.read():
            self._heard(message)


@asynccontextmanager
async def connected(port: int, scheme: str = "ws") -> AsyncIterator[tuple[MediaSocket, Heard]]:
    media, heard, clock = MediaSocket(), Heard(), MediaClock()
    host = "localhost" if scheme == "wss" else "127.0.0.1"
    await media.connect(f"{scheme}://{host}:{port}/media/1", "media", {"Authorization": "Basic x"})
    reader = Reader(media, heard)
    clock.add(reader)
    try:
        yield media, heard
    finally:
        clock.discard(reader)
        media.close()


async def test_both_ways_in_order_with_our_name_in_the_handshake() -> None:
    async with server() as port, connected(port) as (media, heard):
        media.say("one")
        media.play(bytes(range(256)) * 30)
        media.say("ping")
        await heard.until(4)
        assert heard.items == ["Basic x", "one", bytes(range(256)) * 30, "pong 17"]


async def test_what_finds_no_room_is_sent_later() -> None:
    async with server() as port, connected(port) as (media, heard):
        piece = bytes(range(256)) * 250
        for _ in range(100):
            media.play(piece)
        await heard.until(101)
        assert heard.items[1:] == [piece] * 100


async def test_the_far_sides_goodbye_ends_it() -> None:
    async with server() as port, connected(port) as (media, _):
        media.say("bye")
        async with asyncio.timeout(5):
            await media.gone()
        media.play(bytes(320))
        media.close()


def attached(near: socket.socket) -> MediaSocket:
    """A media socket behind its handshake."""
    near.setblocking(False)
    media = MediaSocket()
    media._socket = near
    return media


async def test_a_socket_that_vanishes_or_talks_nonsense_is_gone() -> None:
    for last_words in (b"", b"\xff\xff\xff"):
        near, far = socket.socketpair()
        media = attached(near)
        assert media.read() == ()
        far.sendall(last_words)
        if not last_words:
            far.close()
        assert not media.read()
        async with asyncio.timeout(1):
            await media.gone()
        far.close()
        assert media.read() == ()


async def test_what_came_before_the_end_and_more_than_one_reading_holds_is_read() -> None:
    near, far = socket.socketpair()
    media, message = attached(near), b"\x82\x7e\x01\x40" + bytes(range(160)) * 2
    count = 2 * READ_BYTES // len(message) + 3
    far.sendall(message * count)
    assert media.read() == [message[4:]] * count
    far.sendall(message + message[:100])
    far.close()
    assert media.read() == [message[4:]]
    assert media.read() == ()
    async with asyncio.timeout(1):
        await media.gone()


async def test_refusals_are_errors_that_say_why() -> None:
    media = MediaSocket()
    async with server() as port:
        with pytest.raises(ValueError, match="refuses"):
            await media.connect(f"ws://127.0.0.1:{port}/media/2", "media", {})
        with pytest.raises(ValueError, match="subprotocol"):
            await media.connect(f"ws://127.0.0.1:{port}/media/1", "other", {})
    with pytest.raises(ConnectionError):
        await media.connect(f"ws://127.0.0.1:{port}/media/1", "media", {})
    assert media.read() == ()


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

    media = MediaSocket()
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
    async with server(ssl_context=certificate) as port, connected(port, "wss") as (media, heard):
        piece = bytes(range(256)) * 200
        media.play(piece)
        media.say("two")
        await heard.until(3)
        assert heard.items == ["Basic x", piece, "two"]
