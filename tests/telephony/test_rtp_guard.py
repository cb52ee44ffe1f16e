"""What an RTP leg refuses; its ports and its reports."""

import asyncio
import contextlib
import random
import socket
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.frame import AudioFrame
from telephony.clock import MediaClock
from telephony.inbox import Inbox
from telephony.rtp_leg import G722, PCMA, PCMU, RtpFormat, RtpLeg, rate_of
from telephony.rtp_ports import NoPortFree, RtpPorts
from tests.telephony.rtp_phone import FAR_PORTS, PORTS, Phone, all_frames, open_leg

# ---------------------------------------------------------------- refusing


async def test_garbage_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    rng = random.Random(4475)
    phone = Phone()
    async with open_leg(phone) as (leg, inbox):
        leg.tick(1)
        leg.receive(phone.packet(), phone.address)
        started = time.perf_counter()
        for _ in range(10_000):
            junk = rng.randbytes(rng.randrange(0, 200))
            if len(junk) > 1:
                junk = bytes([junk[0] | 0x80 if junk[0] & 1 else junk[0], junk[1]]) + junk[2:]
            leg.receive(junk, ("127.0.0.1", 9))
            leg._receive_report(junk, phone.address)
        assert time.perf_counter() - started < 5
        for _ in range(20):
            leg.tick(1)
            leg.receive(phone.packet(), phone.address)
        assert leg.counters.received == 21
        assert leg.counters.lost == 0
        assert leg.remote == phone.address
        assert abs(len(await all_frames(inbox)) - 21) <= 1
    assert len([record for record in caplog.records if "refusing" in record.message]) == 1


@given(data=st.binary(max_size=200))
@settings(max_examples=200)
def test_no_datagram_raises(data: bytes) -> None:
    leg = RtpLeg(Inbox(8000), MediaClock(), RtpFormat(PCMA, 101), ("127.0.0.1", 4000))
    valid = bytes([0x80 | (data[0] & 0x3F if data else 0), PCMA]) + data[1:]
    keyed = bytes([0x80, 101]) + data
    for datagram in (data, valid, keyed):
        leg.receive(datagram, ("127.0.0.1", 4000))
        leg._receive_report(datagram, ("127.0.0.1", 4001))
    leg.tick(1)
    assert leg.counters.received + leg.counters.refused >= 3


async def test_real_datagrams_arrive_and_a_thief_gets_nothing() -> None:
    phone, thief = Phone(), Phone()
    clock = MediaClock()
    inbox = Inbox(8000)
    leg = await RtpLeg.open(inbox, clock, RtpFormat(PCMA, 101), ports=PORTS, host="127.0.0.1", remote=phone.address)
    leg.start()
    ours = ("127.0.0.1", leg.port)
    heard = 0
    async with asyncio.timeout(5):
        phone.socket.sendto(phone.packet(), ours)
        async for event in inbox:
            assert isinstance(event, AudioFrame)
            heard += 1
            thief.socket.sendto(thief.packet(), ours)
            phone.socket.sendto(phone.packet(), ours)
            if heard == 20:
                break
    assert leg.remote == phone.address
    assert thief.heard() == []
    assert len(phone.heard()) >= 1
    assert leg.counters.refused >= 15
    leg.close()
    leg.close()
    assert (clock.legs, clock.running) == (0, False)
    phone.socket.close()
    thief.socket.close()


# ---------------------------------------------------------------- ports and reports


async def test_ports_are_even_rotate_and_run_out() -> None:
    ports = RtpPorts(24001, 24006)
    pairs = [ports.bind("127.0.0.1") for _ in range(2)]
    assert [rtp.getsockname()[1] for rtp, _ in pairs] == [24002, 24004]
    assert [rtcp.getsockname()[1] for _, rtcp in pairs] == [24003, 24005]
    with pytest.raises(NoPortFree, match="24001-24006"):
        ports.bind("127.0.0.1")
    for sock in pairs[0]:
        sock.close()
    again = ports.bind("127.0.0.1")
    assert again[0].getsockname()[1] == 24002
    for sock in (*again, *pairs[1]):
        sock.close()


async def test_reports_are_sent_and_understood() -> None:
    rtp, rtcp = FAR_PORTS.bind("127.0.0.1")
    phone = Phone(bound=rtp)
    with rtcp:
        async with open_leg(phone) as (leg, _):
            for _ in range(400):
                leg.tick(1)
                leg.receive(phone.packet(), phone.address)
        reports = _kinds_of_waiting(rtcp)
    assert 1 <= reports.count(200) <= 3, "400 ticks hold one to three intervals of 125 to 375"
    assert reports[-1] == 201
    assert len(reports) == reports.count(200) + 1


def _kinds_of_waiting(rtcp: socket.socket) -> list[int]:
    """First packet type of each RTCP datagram that has arrived; loopback delivers within the sender's ``sendto``."""
    kinds = []
    rtcp.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            kinds.append(rtcp.recv(2048)[1])
    return kinds


async def test_a_codec_of_another_rate_is_refused() -> None:
    phone = Phone()
    async with open_leg(phone) as (leg, inbox):
        leg.change(RtpFormat(PCMU, 101))
        other = Phone(PCMU)
        other.address = phone.address
        leg.receive(other.packet(), phone.address)
        other.socket.close()
        leg.tick(1)
        assert phone.heard()[0].payload_type == PCMU
        assert np.frombuffer((await all_frames(inbox))[0].pcm, dtype="<i2").std() > 1000
        with pytest.raises(ValueError, match="rate"):
            leg.change(RtpFormat(G722, 101))
    with pytest.raises(ValueError, match="none of"):
        rate_of(18)
