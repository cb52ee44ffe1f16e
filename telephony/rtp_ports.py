"""UDP port pairs for RTP and RTCP out of a configured range."""

import asyncio
import socket
from collections.abc import Callable

from agent.errors import AlloError
from telephony.rtp_source import Address

Receive = Callable[[bytes, Address], None]


class NoPortFree(AlloError):  # noqa: N818 - it is a state of the range, not a fault of ours
    """Every port of the range is in use; the message names the range."""

    code = "rtp_ports"


class RtpPorts:
    """Hands out bound socket pairs (even port and the next, RFC 3550, 11).

    Goes round the range, so that a port rests as long as possible before a new call gets it and hears the
    last packets of the old one.
    """

    def __init__(self, first: int, last: int) -> None:
        self._first = first + first % 2
        self._pairs = max(0, (last + 1 - self._first) // 2)
        self._range = f"{first}-{last}"
        self._next = 0

    def bind(self, host: str, at: int | None = None) -> tuple[socket.socket, socket.socket]:
        """Bind the next free pair on ``host``, or the one ``at`` a port and no other; raises ``NoPortFree``."""
        if at is not None:
            if pair := _bind_pair(host, at):
                return pair
            raise NoPortFree(f"UDP port {at} or {at + 1} is in use")
        for _ in range(self._pairs):
            port = self._first + 2 * self._next
            self._next = (self._next + 1) % self._pairs
            pair = _bind_pair(host, port)
            if pair:
                return pair
        raise NoPortFree(f"no free UDP port pair in {self._range} for RTP: widen sip.rtp_ports or lower calls.max")


def _bind_pair(host: str, port: int) -> tuple[socket.socket, socket.socket] | None:
    rtp = _bind(host, port)
    if rtp is None:
        return None
    rtcp = _bind(host, port + 1)
    if rtcp is None:
        rtp.close()
        return None
    return rtp, rtcp


def _bind(host: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError:
        sock.close()
        return None
    return sock


class DatagramPort(asyncio.DatagramProtocol):
    """A socket that hands each datagram to ``receive``; errors of the path (ICMP) are not ours to act on."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, sock: socket.socket, receive: Receive) -> "DatagramPort":
        """Take over a bound socket."""
        _, port = await asyncio.get_running_loop().create_datagram_endpoint(lambda: cls(receive), sock=sock)
        return port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; no ``isinstance``, uvloop's and CPython 3.11's are no ``DatagramTransport``."""
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Pass it on with a plain ``(host, port)``, also for IPv6."""
        self._receive(data, addr if len(addr) == 2 else (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """An ICMP error: RTP goes on, the signalling notices a dead peer."""

    def send(self, data: bytes, target: Address) -> None:
        """Send now; ``target`` must hold an IP literal, so that no name is looked up here."""
        if self._transport is not None:
            self._transport.sendto(data, target)

    def close(self) -> None:
        """Release the port; harmless twice."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
