"""The far end of an RTP leg under test: a plain UDP socket with a stream of its own."""

import contextlib
import socket
from collections.abc import AsyncIterator

from aiortp.codecs import get_codec
from aiortp.dtmf import DtmfEvent
from aiortp.packet import RtpPacket

from agent.ports import LineEvent
from audio.frame import AudioFrame
from audio.level import tone
from telephony.clock import MediaClock
from telephony.inbox import Inbox
from telephony.rtp_leg import PCMA, RtpFormat, RtpLeg, rate_of
from telephony.rtp_ports import RtpPorts

PORTS = RtpPorts(23000, 23998)
FAR_PORTS = RtpPorts(24000, 24998)
"""For a far end that needs its RTCP port too: the port beside one the kernel chose may be taken."""


class Phone:
    """The far end: a plain UDP socket with an RTP stream of its own."""

    def __init__(self, payload_type: int = PCMA, host: str = "127.0.0.1", bound: socket.socket | None = None) -> None:
        self.socket = bound or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if bound is None:
            self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.address: tuple[str, int] = self.socket.getsockname()
        self.payload_type = payload_type
        self.codec = get_codec(payload_type)
        self.sequence, self.timestamp, self.ssrc = 65530, 0xFFFFFF00, 1234

    def packet(self, pcm: bytes | None = None, **fields: int) -> bytes:
        pcm = tone(440, 20, self.codec.sample_rate) if pcm is None else pcm
        packet = RtpPacket(
            payload_type=fields.get("payload_type", self.payload_type),
            sequence_number=self.sequence & 0xFFFF,
            timestamp=self.timestamp & 0xFFFFFFFF,
            ssrc=fields.get("ssrc", self.ssrc),
            payload=self.codec.encode(pcm),
        )
        self.sequence += 1
        self.timestamp += 160
        return packet.serialize()

    def key(self, digit: int, duration: int, end: bool, timestamp: int) -> bytes:
        event = DtmfEvent(event=digit, end=end, volume=10, duration=duration).serialize()
        packet = RtpPacket(
            payload_type=101,
            sequence_number=self.sequence & 0xFFFF,
            timestamp=timestamp,
            ssrc=self.ssrc,
            payload=event,
        )
        self.sequence += 1
        return packet.serialize()

    def heard(self) -> list[RtpPacket]:
        """RTP that has arrived; loopback delivers within the sender's ``sendto``."""
        packets = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packets.append(RtpPacket.parse(self.socket.recv(2048)))
        return packets


@contextlib.asynccontextmanager
async def open_leg(
    phone: Phone, payload_type: int = PCMA, *, remote: bool = True, trusted: frozenset[str] = frozenset()
) -> AsyncIterator[tuple[RtpLeg, Inbox]]:
    inbox = Inbox(rate_of(payload_type), capacity=10_000)
    leg = await RtpLeg.open(
        inbox,
        MediaClock(),
        RtpFormat(payload_type, 101),
        ports=PORTS,
        host="127.0.0.1",
        remote=phone.address if remote else None,
        trusted=trusted,
    )
    try:
        yield leg, inbox
    finally:
        leg.close()
        phone.socket.close()


async def all_events(inbox: Inbox) -> list[LineEvent]:
    inbox.hang_up("caller")
    return [event async for event in inbox][:-1]


async def all_frames(inbox: Inbox) -> list[AudioFrame]:
    frames = [event for event in await all_events(inbox) if isinstance(event, AudioFrame)]
    assert [frame.position for frame in frames] == [n * frame.samples for n, frame in enumerate(frames)]
    return frames
