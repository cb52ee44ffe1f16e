"""The media of one call over RTP (RFC 3550, 3551, 4733, 4961).

Built from aiortp's packets, codecs, concealment and RTCP, not on its ``RTPSession``: that one holds each frame
until the next has come, runs a timer and a task per call, and follows whoever sent last. Here a frame is heard
when it arrives, one shared clock paces all calls, and strangers are refused (``rtp_source``).

We send continuously, silence included, from ``start`` to ``close``: 17 kB/s a call keep NAT bindings open, give the
far jitter buffer one even stream (a stream that stops is re-primed at each sentence, which costs its first
syllable), and Asterisk's and phones' RTP timeouts see a living peer.
"""

import contextlib
import ipaddress
import logging
import os
import struct
from dataclasses import dataclass

from aiortp.codecs import Codec, get_codec
from aiortp.packet import RtpPacket

from telephony.clock import MediaClock
from telephony.inbox import Inbox
from telephony.rtp_ear import Ear, RtpCounters
from telephony.rtp_mouth import RtpMouth
from telephony.rtp_ports import DatagramPort, RtpPorts
from telephony.rtp_report import Reporter
from telephony.rtp_source import Address, SourceGuard

log = logging.getLogger(__name__)

PCMU, PCMA, G722 = 0, 8, 9
"""Payload types (RFC 3551) that a leg can speak."""

COMFORT_NOISE = 13
"""RFC 3389; carries nothing to recognise."""

UNITS = 160
"""RTP timestamp units in 20 ms; the clock is 8000 Hz for all three codecs."""

_HEADER = struct.Struct("!BBHII")
_MIN_RTP = 12
_GRUMBLE_TICKS = 3000
"""At most one log line a minute about refused packets."""


def rate_of(payload_type: int) -> int:
    """Sample rate of a payload type's audio, Hz; raises ``ValueError`` for one that a leg can't speak."""
    if payload_type not in {PCMU, PCMA, G722}:
        raise ValueError(f"RTP payload type {payload_type} is none of PCMU, PCMA, G.722")
    return get_codec(payload_type).sample_rate


@dataclass(frozen=True, slots=True)
class RtpFormat:
    """What was negotiated."""

    payload_type: int
    """``PCMU``, ``PCMA`` or ``G722``."""
    dtmf_type: int | None = None
    """Payload type of telephone-events (RFC 4733); ``None``: none."""


class RtpLeg:
    """Two UDP ports, an ``Ear`` that fills the inbox, a ``Mouth`` that the shared clock empties.

    ``open`` binds and listens, ``start`` begins to send and to keep time, ``close`` frees everything.
    """

    def __init__(
        self,
        inbox: Inbox,
        clock: MediaClock,
        rtp_format: RtpFormat,
        remote: Address | None = None,
        trusted: frozenset[str] = frozenset(),
    ) -> None:
        self._codec: Codec = get_codec(rtp_format.payload_type)
        self._clock = clock
        self._format = rtp_format
        self._remote = _literal(remote)
        self._guard = SourceGuard(self._remote, trusted)
        self._held = False
        self._ssrc, self._sequence, self._timestamp = struct.unpack("!IHxxI", os.urandom(12))
        self._octets = 0
        self._marker = 0x80
        self._now = 0
        self._last_grumble = -_GRUMBLE_TICKS
        self._silence = bytes(self._codec.samples_per_frame * 2)
        self.counters = RtpCounters()
        self.mouth = RtpMouth(self._codec.sample_rate)
        self._ear = Ear(inbox, self._codec, self.counters)
        self._reporter = Reporter(self._ssrc)
        self._rtp: DatagramPort | None = None
        self._rtcp: DatagramPort | None = None
        self.port = 0
        """Our RTP port; RTCP is the next one."""

    @classmethod
    async def open(
        cls,
        inbox: Inbox,
        clock: MediaClock,
        rtp_format: RtpFormat,
        *,
        ports: RtpPorts,
        host: str = "0.0.0.0",  # noqa: S104 - the guard decides who is heard
        remote: Address | None = None,
        trusted: frozenset[str] = frozenset(),
    ) -> "RtpLeg":
        """A leg that is bound already.

        ``remote`` is where the far side said it listens (an IP literal), ``None`` when only its first packet will
        tell; ``trusted`` are further hosts whose first packet is followed. Raises ``NoPortFree``.
        """
        leg = cls(inbox, clock, rtp_format, remote, trusted)
        await leg.bind(ports, host)
        return leg

    async def bind(self, ports: RtpPorts, host: str, at: int | None = None) -> None:
        """Bind a port pair on ``host``, ``at`` a port where it must be that one, and listen; raises ``NoPortFree``."""
        with contextlib.ExitStack() as undo:
            rtp, rtcp = ports.bind(host, at)
            undo.callback(rtcp.close)
            self.port = rtp.getsockname()[1]
            self._rtp = await DatagramPort.open(rtp, self.receive)
            undo.callback(self._rtp.close)
            self._rtcp = await DatagramPort.open(rtcp, self._receive_report)
            undo.pop_all()

    @property
    def remote(self) -> Address | None:
        """Where our packets go; ``None`` while nobody knows."""
        return self._guard.target

    @property
    def format(self) -> RtpFormat:
        """What was negotiated last."""
        return self._format

    @property
    def held(self) -> bool:
        """See ``hold``."""
        return self._held

    @property
    def takes_keys(self) -> bool:
        """Whether telephone-events were negotiated."""
        return self._format.dtmf_type is not None

    @property
    def jitter_ms(self) -> float:
        """Jitter of the incoming stream, milliseconds."""
        return self._reporter.jitter_ms

    @property
    def idle_ms(self) -> int:
        """Milliseconds since audio came last."""
        return self._ear.idle * 20

    def start(self) -> None:
        """Begin to send and to fill gaps; harmless twice."""
        if self._rtp is not None:
            self._clock.add(self)

    def close(self) -> None:
        """Stop and free the ports; harmless twice."""
        self._clock.discard(self)
        if self._rtp is not None and self._rtcp is not None:
            self._send_report(self._reporter.bye())
            self._rtp.close()
            self._rtcp.close()
            self._rtp = self._rtcp = None

    def redirect(self, remote: Address | None, trusted: frozenset[str] = frozenset()) -> None:
        """The far side named its address (again); no effect when ``remote`` is what it was."""
        remote = _literal(remote)
        if remote != self._remote:
            self._remote = remote
            self._guard.redirect(remote, trusted)

    def change(self, rtp_format: RtpFormat) -> None:
        """Another codec from now on (re-INVITE); raises ``ValueError`` when its rate differs from the leg's."""
        if rtp_format.payload_type != self._format.payload_type:
            codec = get_codec(rtp_format.payload_type)
            if codec.sample_rate != self._codec.sample_rate:
                raise ValueError("a leg can't change its sample rate")
            self._codec = codec
            self._ear.use(codec)
            self._marker = 0x80
        self._format = rtp_format

    def hold(self, held: bool) -> None:
        """The far side doesn't want to hear us: send nothing, keep what is to be said for later, and hear silence.

        What a PBX plays to a held leg is music, not the caller.
        """
        self._held = held

    def receive(self, data: bytes, source: Address) -> None:
        """Take one datagram from the RTP port, whatever it is."""
        packet = self._admit(data, source)
        if packet is None:
            self.counters.refused += 1
            if self._now - self._last_grumble >= _GRUMBLE_TICKS:
                self._last_grumble = self._now
                log.info("refusing packets that are not this call's RTP, %d so far", self.counters.refused)
            return
        self._reporter.saw(packet)
        if packet.payload_type == self._format.payload_type and not self._held:
            self._ear.hear(packet)
        elif packet.payload_type == self._format.dtmf_type:
            self._ear.press(packet)
        else:
            self._ear.skip(packet)

    def _admit(self, data: bytes, source: Address) -> RtpPacket | None:
        if len(data) < _MIN_RTP or data[0] >> 6 != 2:
            return None
        payload_type = data[1] & 0x7F
        if payload_type not in {self._format.payload_type, self._format.dtmf_type, COMFORT_NOISE}:
            return None
        try:
            packet = RtpPacket.parse(data)
        except ValueError:
            return None
        if not self._guard.admit(source, packet.ssrc, packet.sequence_number, self._now):
            return None
        return packet

    def _receive_report(self, data: bytes, source: Address) -> None:
        target = self._guard.target
        if target is None or source[0] != target[0]:
            return
        try:
            self._reporter.heard(data)
        except (ValueError, IndexError, struct.error):
            self.counters.refused += 1

    def tick(self, periods: int) -> None:
        """The shared clock's 20 ms: hear, then speak."""
        self._now += periods
        self._ear.tick(periods, behind=self._clock.behind)
        if periods > 1:
            self._timestamp = (self._timestamp + (periods - 1) * UNITS) & 0xFFFFFFFF
            self._marker = 0x80
        self._speak()
        self._timestamp = (self._timestamp + UNITS) & 0xFFFFFFFF
        if self._reporter.tick(periods):
            self._send_report(self._reporter.report(self.counters.sent, self._octets, self._timestamp))

    def _speak(self) -> None:
        target = self._guard.target
        if self._held or target is None or self._rtp is None:
            self._marker = 0x80
            return
        payload = self._codec.encode(self.mouth.take() or self._silence)
        kind = self._marker | self._format.payload_type
        self._rtp.send(_HEADER.pack(0x80, kind, self._sequence, self._timestamp, self._ssrc) + payload, target)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._marker = 0
        self._octets = (self._octets + len(payload)) & 0xFFFFFFFF
        self.counters.sent += 1

    def _send_report(self, report: bytes) -> None:
        target = self._guard.target
        if self._rtcp is not None and target is not None and not self._held:
            self._rtcp.send(report, (target[0], target[1] + 1))


def _literal(address: Address | None) -> Address | None:
    """The address when packets can be sent there; a host name would be looked up, blocking, by each send."""
    if address is None or not 0 < address[1] < 65535:
        return None
    try:
        ipaddress.ip_address(address[0])
    except ValueError:
        return None
    return address
