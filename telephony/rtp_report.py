"""RTCP for one leg (RFC 3550, 6.4): sender and receiver reports, built from counters. Pure."""

import random

from aiortp.clock import current_ntp_time
from aiortp.packet import (
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    RtpPacket,
)
from aiortp.stats import StreamStatistics

INTERVAL_TICKS = 250
"""Mean time between reports, in 20 ms ticks."""

CLOCK_RATE = 8000
"""RTP clock of G.711 and, by an old mistake kept in RFC 3551, of G.722, Hz."""


class Reporter:
    """Keeps reception statistics and says when a report is due."""

    def __init__(self, ssrc: int) -> None:
        self._ssrc = ssrc
        self._remote: int | None = None
        self._stats = StreamStatistics(CLOCK_RATE)
        self._sender_ntp = 0
        self._sender_tick = 0
        self._now = 0
        self._next = self._interval()

    @staticmethod
    def _interval() -> int:
        return round(INTERVAL_TICKS * random.uniform(0.5, 1.5))  # noqa: S311 - RFC 3550 wants spread, not secrecy

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter of the incoming stream (RFC 3550, 6.4.1), milliseconds."""
        return self._stats.jitter * 1000 / CLOCK_RATE

    def saw(self, packet: RtpPacket) -> None:
        """Count a received packet."""
        if packet.ssrc != self._remote:
            self._remote = packet.ssrc
            self._stats = StreamStatistics(CLOCK_RATE)
            self._sender_ntp = 0
        self._stats.add(packet)

    def heard(self, data: bytes) -> None:
        """Take an RTCP datagram; raises ``ValueError`` when it is none."""
        for packet in RtcpPacket.parse(data):
            if isinstance(packet, RtcpSrPacket):
                self._sender_ntp = packet.sender_info.ntp_timestamp
                self._sender_tick = self._now

    def tick(self, periods: int) -> bool:
        """Count 20 ms periods; true when a report is due."""
        self._now += periods
        if self._now < self._next:
            return False
        self._next = self._now + self._interval()
        return True

    def report(self, sent: int, octets: int, timestamp: int) -> bytes:
        """Sender report (or receiver report when nothing was sent) with our name, ready for the wire."""
        reports = [self._reception()] if self._remote is not None else []
        if sent:
            info = RtcpSenderInfo(
                ntp_timestamp=current_ntp_time(), rtp_timestamp=timestamp, packet_count=sent, octet_count=octets
            )
            return bytes(RtcpSrPacket(ssrc=self._ssrc, sender_info=info, reports=reports)) + self._name()
        return bytes(RtcpRrPacket(ssrc=self._ssrc, reports=reports)) + self._name()

    def bye(self) -> bytes:
        """The last packet of a leg."""
        return bytes(RtcpRrPacket(ssrc=self._ssrc, reports=[])) + self._name() + bytes(RtcpByePacket([self._ssrc]))

    def _name(self) -> bytes:
        return bytes(RtcpSdesPacket(chunks=[RtcpSourceInfo(ssrc=self._ssrc, items=[(1, b"allo")])]))

    def _reception(self) -> RtcpReceiverInfo:
        stats = self._stats
        since = (self._now - self._sender_tick) * 65536 // 50
        return RtcpReceiverInfo(
            ssrc=self._remote or 0,
            fraction_lost=min(stats.fraction_lost, 255),
            packets_lost=stats.packets_lost,
            highest_sequence=(stats.cycles + (stats.max_seq or 0)) & 0xFFFFFFFF,
            jitter=stats.jitter & 0xFFFFFFFF,
            lsr=(self._sender_ntp >> 16) & 0xFFFFFFFF,
            dlsr=since & 0xFFFFFFFF if self._sender_ntp else 0,
        )
