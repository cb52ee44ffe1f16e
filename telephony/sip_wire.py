"""Sockets of the SIP line: UDP and TCP on one port, who may use them, and what becomes of garbage."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from traceback import extract_tb

from aiosipua.message import SipResponse

from agent.errors import StartError
from agent.settings import Network
from telephony.rarely import Rarely
from telephony.sip_framing import SipFraming
from telephony.sip_text import MAX_MESSAGE, Request, read, reply_port, response, stamp

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 256
"""TCP connections at once; the longest idle one makes room."""

PATIENCE_S = 20.0
"""A TCP peer must finish what it begins within this time."""

IDLE_S = 3600.0
"""A TCP connection on which nothing happens is closed after this time."""

CONNECT_S = 1.0
"""Longest wait for a TCP connection of ours, seconds."""

DYING_S, AGAIN_S = 1.0, 0.02
"""A port is waited for so long, seconds, looking so often: the process before this one may be dying."""
SWEEP_S = 5.0

MAX_BACKLOG = 256 * 1024
"""Bytes a TCP peer may leave unread before its connection is dropped."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a message came from and the way back."""

    transport: str
    """``UDP`` or ``TCP``."""
    host: str
    port: int
    local: tuple[str, int]
    """Our address that this peer sees (before any NAT), and the port we listen on."""
    deliver: Callable[[bytes, tuple[str, int]], None] = field(repr=False)

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats lost messages by itself."""
        return self.transport == "TCP"

    def send(self, data: bytes) -> None:
        """Send now; silently lost when the way is gone, as any datagram may be."""
        self.deliver(data, (self.host, self.port))

    def at(self, host: str, port: int) -> "Peer":
        """The same host's other UDP port; a TCP peer is its connection and stays as it is."""
        return self if self.reliable else Peer(self.transport, host, port, self.local, self.deliver)


@lru_cache(maxsize=1024)
def address_facing(host: str) -> str:
    """Our address that routes to ``host`` (an IP literal); asks the kernel, sends nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@lru_cache(maxsize=4096)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class SipWire:
    """Listens, checks who sends and what, and hands sound messages to ``on_request`` and ``on_response``."""

    def __init__(
        self,
        allow: tuple[Network, ...],
        on_request: Callable[[Request, Peer], None],
        on_response: Callable[[SipResponse], None],
    ) -> None:
        self._allow = allow
        self._extra: set[IPv4Address | IPv6Address] = set()
        self._on_request = on_request
        self._on_response = on_response
        self._udp: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._host, self._port = "", 0
        self._rarely = Rarely(log)

    async def start(self, host: str, port: int) -> None:
        """Listen on UDP and TCP; raises ``StartError`` naming the address."""
        self._host, self._port = host, port
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DYING_S
        while (fault := await self._listen(host, port)) is not None:
            await self.stop()
            if fault.errno != errno.EADDRINUSE or loop.time() > deadline:
                raise StartError(_listen_fault(host, port, fault))
            await asyncio.sleep(AGAIN_S)
        self._sweeper = loop.call_later(SWEEP_S, self._sweep)

    async def _listen(self, host: str, port: int) -> OSError | None:
        """Once; why not."""
        loop = asyncio.get_running_loop()
        try:
            bound = await _bound(host, port)
            self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=bound)
            self._server = await loop.create_server(lambda: _Connection(self), host, port)
        except OSError as error:
            return error
        return None

    async def stop(self) -> None:
        """Close all sockets; harmless twice."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._udp is not None:
            self._udp.close()
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.close()
        self._udp = self._server = self._sweeper = None

    @property
    def connections(self) -> int:
        """TCP connections open now."""
        return len(self._connections)

    def trust(self, host: str) -> None:
        """Let this address call as well: the provider that we registered with."""
        address = _address(host)
        if address is not None:
            self._extra.add(address)

    def udp_peer(self, host: str, port: int) -> Peer:
        """A way to a UDP address (an IP literal)."""
        local = address_facing(host) if self._host in {"0.0.0.0", "::", ""} else self._host  # noqa: S104
        return Peer("UDP", host, port, (local, self._port), self._send_datagram)

    async def tcp_peer(self, host: str, port: int) -> Peer:
        """A way to a TCP address over a connection of ours; raises ``OSError`` or ``TimeoutError``."""
        async with asyncio.timeout(CONNECT_S):
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(lambda: _Connection(self, self._port), host, port)
        return connection.peer

    def _send_datagram(self, data: bytes, target: tuple[str, int]) -> None:
        if self._udp is not None and 0 < target[1] < 65536 and _address(target[0]) is not None:
            self._udp.sendto(data, target)

    # ---------------------------------------------------------------- what comes in

    def take(self, data: bytes, peer: Peer) -> bool:
        """Handle one message; false when it was none."""
        try:
            message = read(data)
        except ValueError as error:
            self._rarely.warning("garbage", "sip: dropped what is no SIP message: %s, from %s", error, peer.host)
            return False
        try:
            self._dispatch(message, peer)
        except Exception as error:  # the door around a call: no message may stop the others
            kind, place = type(error).__name__, extract_tb(error.__traceback__)[-1]
            where = f"{kind} at {Path(place.filename).name}:{place.lineno}"  # what it says itself may hold a number
            self._rarely.warning(kind, "sip: a message from %s could not be handled: %s", peer.host, where)
            log.debug("sip: unhandled", exc_info=True)
        return True

    def _dispatch(self, message: Request | SipResponse, peer: Peer) -> None:
        allowed = self._allowed(peer.host)
        if isinstance(message, SipResponse):
            if allowed:
                self._on_response(message)
            return
        stamp(message, (peer.host, peer.port))
        back = peer.at(peer.host, reply_port(message, peer.port))
        if allowed:
            self._on_request(message, back)
        elif message.method != "ACK":
            self._rarely.warning("stranger", "sip: 403 to %s, which is in no network of sip.allow", peer.host)
            back.send(bytes(response(message, 403)))

    def _allowed(self, host: str) -> bool:
        address = _address(host)
        if address is None:
            return False
        return address in self._extra or any(address in network for network in self._allow)

    def take_datagram(self, data: bytes, source: tuple[str, int]) -> None:
        """One UDP datagram, whatever it is; blank ones are keep-alives."""
        if len(data) <= MAX_MESSAGE and not data.strip(b"\r\n\0 "):
            return
        self.take(data, self.udp_peer(source[0], source[1]))

    # ---------------------------------------------------------------- TCP connections

    def opened(self, connection: "_Connection") -> None:
        """Keep a new connection; the longest idle one makes room."""
        self._connections.add(connection)
        if len(self._connections) > MAX_CONNECTIONS:
            min(self._connections, key=lambda one: one.active_at).close()

    def closed(self, connection: "_Connection") -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    def bad_stream(self, fault: str, host: str) -> None:
        """A TCP stream that can't be followed."""
        self._rarely.warning("stream", "sip: closed a TCP connection from %s: %s", host, fault)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in tuple(self._connections):
            if loop.time() - connection.active_at > connection.patience:
                connection.close()
        address_facing.cache_clear()  # a laptop moves between networks
        self._sweeper = loop.call_later(SWEEP_S, self._sweep)


class _Datagrams(asyncio.DatagramProtocol):
    """The UDP socket. (aiosipua's own protocol asserts a class that CPython 3.11 and uvloop don't use.)"""

    def __init__(self, wire: SipWire) -> None:
        self._wire = wire

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand it on."""
        self._wire.take_datagram(data, (str(addr[0]), int(addr[1])))

    def error_received(self, exc: Exception) -> None:
        """An ICMP error: the transaction's timer notices."""


class _Connection(asyncio.Protocol):
    """One TCP connection; bad framing ends it and nothing else."""

    def __init__(self, wire: SipWire, listens: int | None = None) -> None:
        """``listens``: our port where it is we who connect; None: the connection's own end."""
        self._wire, self._listens = wire, listens
        self._framing = SipFraming()
        self._transport: asyncio.Transport | None = None
        self.peer = Peer("TCP", "", 0, ("", 0), self._deliver)
        self._proven = False
        self.active_at = asyncio.get_running_loop().time()
        """Loop time of the last data."""

    @property
    def patience(self) -> float:
        """Seconds of silence after which the connection is closed."""
        return IDLE_S if self._proven and not self._framing.pending else PATIENCE_S

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn who it is."""
        self._transport = transport  # type: ignore[assignment] # uvloop's is no subclass
        peername, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        here = (str(local[0]), self._listens or int(local[1]))
        self.peer = Peer("TCP", str(peername[0]), int(peername[1]), here, self._deliver)
        self._wire.opened(self)

    def data_received(self, data: bytes) -> None:
        """Cut it into messages."""
        if not self._framing.pending:
            self.active_at = asyncio.get_running_loop().time()
        try:
            messages = self._framing.feed(data)
        except ValueError as error:
            self._wire.bad_stream(str(error), self.peer.host)
            self.close()
            return
        if self._framing.pings:
            self._framing.pings = 0
            self._deliver(b"\r\n", ("", 0))
        for message in messages:
            self._proven = self._wire.take(message, self.peer)
            if not self._proven:
                self.close()
                return

    def _deliver(self, data: bytes, _target: tuple[str, int]) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_BACKLOG:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        self._wire.closed(self)

    def close(self) -> None:
        """Hang up after what is queued."""
        self._wire.closed(self)
        if self._transport is not None:
            self._transport.close()


async def _bound(host: str, port: int) -> socket.socket:
    """A UDP socket of ours; uvloop, told to bind one itself, hides the kernel's reason and leaks it."""
    passive = socket.AI_PASSIVE
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=passive)
    family, kind, protocol, _, address = found[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setblocking(False)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def _listen_fault(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"sip: {host}:{port} is in use by another program: stop it or set another [sip] port (ALLO_SIP__PORT)"
    if error.errno == errno.EACCES:
        return f"sip: no permission to listen on {host}:{port}: set a [sip] port above 1023"
    return f"sip: can't listen on {host}:{port} ({error.strerror or error}): check [sip] host and port"
