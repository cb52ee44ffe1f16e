"""The two ways in which a call's audio reaches us from Asterisk, behind one shape."""

import asyncio
import logging
from ipaddress import ip_address
from typing import Literal, Protocol
from urllib.parse import urlsplit

from agent.ports import Mouth
from telephony import ari
from telephony import ari_requests as ask
from telephony.ari_link import AriError, AriLink, to_the_end
from telephony.chan_websocket import WebSocketMedia, usable
from telephony.clock import MediaClock
from telephony.inbox import Inbox
from telephony.rtp_leg import PCMA, RtpFormat, RtpLeg
from telephony.rtp_ports import RtpPorts

log = logging.getLogger(__name__)

Kind = Literal["websocket", "rtp"]

CONNECTION_ID = "MEDIA_WEBSOCKET_CONNECTION_ID"
RTP_HOST, RTP_PORT = "UNICASTRTP_LOCAL_ADDRESS", "UNICASTRTP_LOCAL_PORT"


class MediaError(Exception):
    """The audio of a call could not be set up; the message says why."""


class Media(Protocol):
    """One call's audio."""

    @property
    def mouth(self) -> Mouth:
        """Where speech goes, also before ``connect``."""

    @property
    def idle_ms(self) -> int:
        """Milliseconds since Asterisk was heard, where the medium itself does not tell that it is gone; else 0."""

    async def connect(self, link: AriLink, channel_id: str) -> None:
        """Make the media channel ``channel_id`` and attach to it; raises ``AriError`` or ``MediaError``."""

    async def run(self) -> None:
        """Carry audio until the far end is gone or ``close``."""

    async def close(self) -> None:
        """Stop and free sockets; harmless twice."""


class ByWebSocket:
    """Audio over chan_websocket; a lost socket is noticed by ``run``."""

    idle_ms = 0

    def __init__(self, inbox: Inbox, clock: MediaClock) -> None:
        self._media = WebSocketMedia(inbox, clock)
        self.mouth: Mouth = self._media.mouth
        self.run = self._media.run
        self.close = self._media.close

    async def connect(self, link: AriLink, channel_id: str) -> None:
        """See ``Media``."""
        reply = await to_the_end(link.ask(ask.media_by_websocket(channel_id, link.app)))
        connection = await _told(link, reply, channel_id, CONNECTION_ID)
        scheme = "wss" if link.url.startswith("https") else "ws"
        url = f"{scheme}://{link.url.partition('://')[2]}/media/{connection}"
        try:
            async with link.gate.place():
                await self._media.connect(url, link.headers)
        except (ValueError, OSError) as error:  # a TimeoutError is an OSError
            raise MediaError(f"the media socket of chan_websocket: {type(error).__name__}") from None


class ByRtp:
    """Audio over RTP ExternalMedia, for every Asterisk since 16.6."""

    def __init__(self, leg: RtpLeg, host: str) -> None:
        self._leg, self._host = leg, host
        self._closed = asyncio.Event()
        self.mouth: Mouth = leg.mouth

    @property
    def idle_ms(self) -> int:
        """See ``Media``."""
        return self._leg.idle_ms

    async def connect(self, link: AriLink, channel_id: str) -> None:
        """See ``Media``."""
        request = ask.media_by_rtp(channel_id, link.app, self._host, self._leg.port, "alaw")
        reply = await to_the_end(link.ask(request))
        host = await _told(link, reply, channel_id, RTP_HOST)
        port = await _told(link, reply, channel_id, RTP_PORT)
        if not port.isdecimal():
            raise MediaError(f"Asterisk's {RTP_PORT} is no port number")
        self._leg.redirect((host, int(port)), trusted_hosts(link.url))
        self._leg.start()

    async def run(self) -> None:
        """See ``Media``: RTP itself never tells that the far end is gone, ARI does."""
        await self._closed.wait()

    async def close(self) -> None:
        """See ``Media``."""
        self._leg.close()
        self._closed.set()


async def _told(link: AriLink, reply: str, channel_id: str, name: str) -> str:
    """A variable of the new media channel: in the reply, or asked for."""
    try:
        value = ari.parse_channel(reply).variables.get(name, "")
        value = value or ari.parse_variable(await link.ask(ask.variable(channel_id, name)))
    except ValueError as fault:
        raise MediaError(f"Asterisk's answer to externalMedia: {fault}") from None
    if not value:
        raise MediaError(f"Asterisk does not tell {name}")
    return value


def trusted_hosts(url: str) -> frozenset[str]:
    """The host of Asterisk's address where it is an IP literal: its first RTP packet may be followed."""
    host = urlsplit(url).hostname or ""
    try:
        return frozenset({str(ip_address(host))})
    except ValueError:
        return frozenset()


class MediaKit:
    """Makes the media of each call, of the kind that was asked for or that this Asterisk has."""

    def __init__(
        self, wish: Literal["auto", "websocket", "rtp"], rtp_host: str, clock: MediaClock, ports: RtpPorts
    ) -> None:
        self._wish, self._rtp_host = wish, rtp_host
        self._clock, self._ports = clock, ports
        self.kind: Kind | None = None if wish == "auto" else wish
        """What is used; ``None`` until Asterisk was asked."""

    async def choose(self, link: AriLink) -> None:
        """Ask Asterisk what it has; at each connect, it may have been updated. Raises ``AriError``, ``ValueError``."""
        if self._wish != "auto":
            return
        version = ari.parse_version(await link.ask(ask.version()))
        kind: Kind = "websocket" if usable(version) and await _has_driver(link) else "rtp"
        if kind != self.kind:
            log.info("Asterisk %s: audio by %s", ".".join(map(str, version)) or "of unknown version", kind)
        self.kind = kind

    async def open(self, inbox: Inbox) -> Media:
        """The media of one call, not yet connected; raises ``NoPortFree``."""
        if self.kind == "websocket":
            return ByWebSocket(inbox, self._clock)
        leg = await RtpLeg.open(inbox, self._clock, RtpFormat(PCMA), ports=self._ports)
        return ByRtp(leg, self._rtp_host)


async def _has_driver(link: AriLink) -> bool:
    try:
        await link.ask(ask.module("chan_websocket.so"))
    except AriError as error:
        if error.status in {404, 409}:
            return False
        raise
    return True
