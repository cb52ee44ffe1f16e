"""The ear of an RTP leg on a machine that stands still for a moment."""

import pytest
from aiortp.codecs import get_codec
from aiortp.packet import RtpPacket

from audio.level import dbfs, tone
from telephony.inbox import Inbox
from telephony.rtp_ear import PATIENCE, Ear, RtpCounters

PCMA, RATE = 8, 8000


class Wire:
    """Packets of a tone, one every 20 ms, and the ear that they go to."""

    def __init__(self) -> None:
        self.counters = RtpCounters()
        self.inbox = Inbox(RATE)
        codec = get_codec(PCMA)
        self.ear = Ear(self.inbox, codec, self.counters)
        self._payload, self._sent = codec.encode(tone(440.0, 20, RATE)), 0

    def packets(self, count: int) -> None:
        for _ in range(count):
            self.ear.hear(RtpPacket(PCMA, 0, self._sent, self._sent * 160, 1, self._payload))
            self._sent += 1

    def ticks(self, count: int, *, behind: bool = False) -> None:
        for _ in range(count):
            self.ear.tick(1, behind=behind)

    async def heard(self) -> list[bool]:
        """Which frames of the inbox hold sound."""
        self.inbox.hang_up("test")
        return [dbfs(event.pcm) > -40 async for event in self.inbox if hasattr(event, "pcm")]


@pytest.mark.parametrize("stall", [1, PATIENCE, 5])
async def test_a_stall_of_ours_is_no_silence_of_the_caller(stall: int) -> None:
    wire = Wire()
    for _ in range(10):
        wire.packets(1)
        wire.ticks(1)
    wire.ticks(stall, behind=True)
    wire.packets(stall)
    for _ in range(10):
        wire.packets(1)
        wire.ticks(1)

    assert await wire.heard() == [True] * (20 + stall)
    assert wire.counters.filled == wire.counters.trimmed == 0


async def test_where_nothing_had_come_meanwhile_the_next_tick_fills_it() -> None:
    wire = Wire()
    wire.packets(1)
    wire.ticks(1)
    wire.ticks(PATIENCE, behind=True)
    wire.ticks(1)

    assert await wire.heard() == [True] + [False] * (PATIENCE + 1)
