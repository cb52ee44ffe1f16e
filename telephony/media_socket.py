"""The socket under a call's audio: a WebSocket to Asterisk that wakes nobody, it is read when it is time to.

Forty calls send two thousand messages a second, one by one. Woken for each, the event loop spends more on falling
asleep and waking up with cold caches than on the audio; even to ask the kernel who has something costs more than to
read them all when the media clock ticks.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from telephony import rfc6455

CONNECT_S = 3.0
"""Longest wait for the connection, and for each answer of the handshake, seconds."""
READ_BYTES = 8192
"""Taken from the socket at once: half a second of audio."""
HEAD_BYTES = 16384
"""A longer answer to the handshake is refused."""
LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""Not now, but soon."""


class MediaSocket:
    """One WebSocket: ``connect``, then ``read`` what came, until it is ``gone``."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._incoming = rfc6455.Incoming()
        self._early = b""
        """What came with the answer to the handshake."""
        self._unsent = bytearray()
        self._sending = False
        """What is unsent goes out before the event loop sleeps."""
        self._over = asyncio.Event()

    async def connect(self, url: str, protocol: str, headers: Mapping[str, str]) -> None:
        """Open the connection; raises ``OSError``, ``TimeoutError`` or ``ValueError``."""
        loop = asyncio.get_running_loop()
        opening = loop.run_in_executor(None, _open, url, protocol, headers)
        try:
            async with asyncio.timeout(CONNECT_S):
                self._socket, self._early = await asyncio.shield(opening)
        except BaseException:
            opening.add_done_callback(_close_late)
            raise

    def read(self) -> Sequence[bytes | str]:
        """Audio and texts that came since the last time, in order; never blocks. Sends what had to wait, too."""
        sock = self._socket
        if sock is None:
            return ()
        if self._unsent:
            self.flush()
        data = self._received(sock)
        if not data:
            return ()
        try:
            messages = self._incoming.push(data)
        except ValueError:
            self._say_goodbye(1002)
            self._end()
            return ()
        return self._minded(messages)

    async def gone(self) -> None:
        """Wait until a ``read`` found the socket lost, or it was closed."""
        await self._over.wait()

    def play(self, pcm: bytes) -> None:
        """Send audio."""
        self._send(rfc6455.BINARY, pcm)

    def say(self, text: str) -> None:
        """Send a text."""
        self._send(rfc6455.TEXT, text.encode())

    def flush(self) -> None:
        """Send what waits: for the rest of what is said in this moment, or for room at the far side."""
        self._sending = False
        if not self._unsent or self._socket is None:
            return
        try:
            sent = self._socket.send(self._unsent)
        except LATER:
            return
        except OSError:
            self._end()
            return
        del self._unsent[:sent]

    def close(self) -> None:
        """Say goodbye and close; harmless twice."""
        if self._socket is not None:
            self._say_goodbye(1000)
        self._end()

    def _send(self, opcode: int, payload: bytes) -> None:
        if self._over.is_set():
            return
        self._unsent += rfc6455.frame(opcode, payload)
        if not self._sending:
            self._sending = True
            asyncio.get_running_loop().call_soon(self.flush)

    def _say_goodbye(self, code: int) -> None:
        self._unsent += rfc6455.frame(rfc6455.CLOSE, code.to_bytes(2, "big"))
        self.flush()

    def _received(self, sock: socket.socket) -> bytes:
        """All that is there; the socket may be gone behind it."""
        data, self._early = self._early, b""
        try:
            while True:
                more = sock.recv(READ_BYTES)
                data = data + more if data else more
                if not more:
                    self._end()
                    return data
                # a socket that held less holds no more, but for what TLS has decrypted already
                if len(more) < READ_BYTES and not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
                    return data
        except LATER:
            return data
        except OSError:
            self._end()
            return data

    def _minded(self, messages: list[rfc6455.Message]) -> list[bytes | str]:
        """Audio and texts; what the protocol asks of us is done."""
        told: list[bytes | str] = []
        for message in messages:
            if type(message) is bytes or isinstance(message, str):
                told.append(message)
            elif isinstance(message, rfc6455.Ping):
                self._send(rfc6455.PONG, message.payload)
            else:
                self.close()
                break
        return told

    def _end(self) -> None:
        sock, self._socket = self._socket, None
        self._over.set()
        if sock is not None:
            sock.close()


def _open(url: str, protocol: str, headers: Mapping[str, str]) -> tuple[socket.socket, bytes]:
    """Connect and shake hands, on a thread; a socket that does not block, and what came behind the handshake."""
    place = urlsplit(url)
    secure = place.scheme == "wss"
    host, port = place.hostname or "", place.port or (443 if secure else 80)
    sock = socket.create_connection((host, port), CONNECT_S)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        opening = rfc6455.Opening.new(place.netloc.rpartition("@")[2], place.path, protocol, headers)
        sock.sendall(opening.serialize())
        head, early = _answer(sock)
        opening.check(head)
        _spare_acknowledgements(sock)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock, early


def _spare_acknowledgements(sock: socket.socket) -> None:
    """Let the kernel acknowledge in its own time, not at each read: that is a third of what reading costs.

    Harmless where the far side does not wait for it with its next message, and Asterisk's web server does not
    (TCP_NODELAY in main/http.c).
    """
    if hasattr(socket, "TCP_QUICKACK"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)


def _answer(sock: socket.socket) -> tuple[bytes, bytes]:
    """The head of the server's answer, and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(READ_BYTES)
        if not more or len(data) > HEAD_BYTES:
            raise ConnectionError("the server did not answer the handshake")
        data += more
    head, _, early = data.partition(b"\r\n\r\n")
    return head, early


def _close_late(opening: "asyncio.Future[tuple[socket.socket, bytes]]") -> None:
    """Nobody waits for this connection any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].close()
