"""An RTP leg on real loopback sockets, its clock turned by hand."""

import asyncio
import contextlib
import itertools
import random
import socket
import struct
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
from aiortp.codecs import get_codec
from aiortp.dtmf import DtmfEvent
from aiortp.packet import RtpPacket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.ports import Dtmf, LineEvent
from audio.frame import AudioFrame
from audio.level import dbfs, tone
from telephony.clock import MediaClock
from telephony.inbox import Inbox
from telephony.rtp_leg import G722, PCMA, PCMU, RtpFormat, RtpLeg, rate_of
from telephony.rtp_ports import NoPortFree, RtpPorts

PORTS = RtpPorts(23000, 23998)


class Phone:
    """The far end: a plain UDP socket with an RTP stream of its own."""

    def __init__(self, payload_type: int = PCMA, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
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
async def _leg(
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


async def _events(inbox: Inbox) -> list[LineEvent]:
    inbox.hang_up("caller")
    return [event async for event in inbox][:-1]


async def _frames(inbox: Inbox) -> list[AudioFrame]:
    frames = [event for event in await _events(inbox) if isinstance(event, AudioFrame)]
    assert [frame.position for frame in frames] == [n * frame.samples for n, frame in enumerate(frames)]
    return frames


# ---------------------------------------------------------------- speaking


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("play"), st.integers(1, 900)),
            st.sampled_from([("pause", 0), ("resume", 0), ("clear", 0), ("tick", 0), ("tick", 0), ("tick", 0)]),
        ),
        max_size=40,
    ),
    st.sampled_from([PCMA, PCMU, G722]),
)
def test_the_wire_carries_what_the_mouth_was_told(steps: list[tuple[str, int]], payload_type: int) -> None:
    async def run() -> None:
        phone = Phone(payload_type)
        reference = get_codec(payload_type)
        size = reference.samples_per_frame * 2
        async with _leg(phone, payload_type) as (leg, _):
            queue, spoken, paused, wire = b"", 0, False, []
            for step, length in steps:
                if step == "play":
                    pcm = random.Random(length).randbytes(length)
                    leg.mouth.play(pcm)
                    queue += pcm + b"\0" * (length % 2)
                elif step == "tick":
                    leg.tick(1)
                    speech = b"" if paused else queue[:size]
                    queue = queue if paused else queue[size:]
                    spoken += len(speech) // 2
                    wire.append(reference.encode(speech.ljust(size, b"\0")))
                else:
                    getattr(leg.mouth, step)()
                    paused = step == "pause" or (paused and step not in {"resume", "clear"})
                    queue = b"" if step == "clear" else queue
            packets = phone.heard()
            assert leg.mouth.played == spoken
            assert [packet.payload for packet in packets] == wire
            for before, after in itertools.pairwise(packets):
                assert after.sequence_number == (before.sequence_number + 1) & 0xFFFF
                assert after.timestamp == (before.timestamp + 160) & 0xFFFFFFFF
            assert [packet.marker for packet in packets] == [1, *[0] * (len(packets) - 1)][: len(packets)]

    asyncio.run(run())


async def test_a_hold_stops_sending_and_keeps_the_words() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, _):
        leg.mouth.play(tone(440, 60, 8000))
        leg.tick(1)
        leg.hold(True)
        for _ in range(5):
            leg.tick(1)
        leg.hold(False)
        leg.tick(1)
        first, second = phone.heard()
        assert leg.mouth.played == 320
        assert second.timestamp == (first.timestamp + 6 * 160) & 0xFFFFFFFF
        assert (second.sequence_number, second.marker) == ((first.sequence_number + 1) & 0xFFFF, 1)


async def test_a_swallowed_stall_is_a_jump_of_time_on_the_wire() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, _):
        leg.tick(1)
        leg.tick(11)
        first, second = phone.heard()
        assert second.timestamp == (first.timestamp + 11 * 160) & 0xFFFFFFFF
        assert second.marker == 1


async def test_nothing_is_sent_before_an_address_is_known() -> None:
    phone = Phone()
    async with _leg(phone, remote=False) as (leg, _):
        leg.mouth.play(tone(440, 20, 8000))
        leg.tick(1)
        assert leg.remote is None
        assert leg.mouth.played == 0
        for _ in range(3):
            leg.receive(phone.packet(), phone.address)
        leg.tick(1)
        assert len(phone.heard()) == 1
        assert leg.mouth.played == 160


async def test_a_host_name_is_never_sent_to() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, _):
        leg.redirect(("phone.example.invalid", 4000))
        leg.tick(1)
        assert leg.remote is None
        assert phone.heard() == []


# ---------------------------------------------------------------- hearing


@pytest.mark.parametrize("payload_type", [PCMA, PCMU, G722])
async def test_packets_in_order_are_heard_at_once(payload_type: int) -> None:
    phone = Phone(payload_type)
    rate = rate_of(payload_type)
    async with _leg(phone, payload_type) as (leg, inbox):
        for count in range(1, 51):
            leg.tick(1)
            leg.receive(phone.packet(), phone.address)
            assert inbox.position == count * rate // 50
        assert (leg.counters.received, leg.counters.lost, leg.counters.filled) == (50, 0, 0)
        frames = await _frames(inbox)
        assert all(dbfs(frame.pcm) > -20 for frame in frames[2:])


async def test_one_lost_packet_is_concealed_and_time_stays() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, inbox):
        for number in range(30):
            leg.tick(1)
            packet = phone.packet()
            if number != 10:
                leg.receive(packet, phone.address)
        frames = await _frames(inbox)
        assert len(frames) == 30
        assert (leg.counters.lost, leg.counters.concealed, leg.counters.filled) == (1, 1, 0)
        assert dbfs(frames[10].pcm) > -30


async def test_a_burst_of_loss_is_not_counted_twice() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, inbox):
        for number in range(60):
            leg.tick(1)
            packet = phone.packet()
            if not 10 <= number < 25:
                leg.receive(packet, phone.address)
        assert leg.counters.lost == 15
        assert leg.counters.filled > 0
        assert abs(len(await _frames(inbox)) - 60) <= 1


async def test_silence_fills_a_hold_in_real_time() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, inbox):
        for _ in range(10):
            leg.tick(1)
            leg.receive(phone.packet(), phone.address)
        for _ in range(200):
            leg.tick(1)
        assert abs(inbox.position - 210 * 160) <= 2 * 160
        for _ in range(10):
            leg.tick(1)
            leg.receive(phone.packet(), phone.address)
        frames = await _frames(inbox)
        assert abs(len(frames) - 220) <= 1
        assert dbfs(frames[100].pcm) == -100
        assert abs(leg.counters.filled - 200) <= 1


async def test_a_stalled_network_loses_no_speech_and_pauses_repay_the_time() -> None:
    phone = Phone()
    silence = bytes(320)
    async with _leg(phone) as (leg, inbox):
        for _ in range(10):
            leg.tick(1)
            leg.receive(phone.packet(), phone.address)
        late = []
        for _ in range(8):
            leg.tick(1)
            late.append(phone.packet())
        for packet in late:
            leg.receive(packet, phone.address)
        assert leg.counters.late == 0
        assert inbox.position > 18 * 160
        for _ in range(40):
            leg.tick(1)
            leg.receive(phone.packet(silence), phone.address)
        assert leg.counters.trimmed > 0
        assert abs(inbox.position - 58 * 160) <= 2 * 160
        loud = [frame for frame in await _frames(inbox) if dbfs(frame.pcm) > -20]
        assert len(loud) == 18


async def test_a_flood_of_valid_packets_does_not_run_ahead_of_time() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, inbox):
        leg.tick(1)
        for _ in range(500):
            leg.receive(phone.packet(), phone.address)
        assert inbox.position <= 13 * 160
        assert leg.counters.late > 400


async def test_long_packets_are_not_taken_for_gaps() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, inbox):
        for number in range(90):
            leg.tick(1)
            if number % 3 == 0:
                leg.receive(phone.packet(tone(440, 60, 8000)), phone.address)
        assert leg.counters.filled == 0
        assert abs(len(await _frames(inbox)) - 90) <= 3


@pytest.mark.parametrize("ppm", [-500, 500])
async def test_a_peer_with_another_clock_stays_whole(ppm: int) -> None:
    """Half an hour at 500 ppm is 900 ms: nothing may be dropped or filled for it."""
    phone = Phone()
    async with _leg(phone) as (leg, _):
        packet, due = phone.packet(), 0.0
        sequence = 0
        for _ in range(90_000):
            leg.tick(1)
            due += 1 + ppm / 1e6
            while due >= 1:
                due -= 1
                sequence += 1
                leg.receive(packet[:2] + struct.pack("!H", sequence & 0xFFFF) + packet[4:], phone.address)
        assert (leg.counters.late, leg.counters.trimmed) == (0, 0)
        assert leg.counters.filled <= 1


async def test_a_new_ssrc_continues_the_stream() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, inbox):
        for number in range(20):
            leg.tick(1)
            if number == 10:
                phone.ssrc, phone.sequence, phone.timestamp = 77, 5, 100
            leg.receive(phone.packet(), phone.address)
        assert (leg.counters.lost, leg.counters.late) == (0, 0)
        assert len(await _frames(inbox)) == 20


async def test_keys_come_once_each_with_lost_and_repeated_packets() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, inbox):
        for number, digit in enumerate((1, 1, 11)):
            stamp = 1000 + 1600 * number
            packets = [phone.key(digit, 160 * n, False, stamp) for n in range(1, 8)]
            packets += [phone.key(digit, 1280, True, stamp) for _ in range(3)]
            for packet in packets[number:]:
                leg.tick(1)
                leg.receive(packet, phone.address)
        only_end = phone.key(0, 800, True, 9000)
        leg.receive(only_end, phone.address)
        leg.receive(phone.key(16, 800, True, 9900), phone.address)
        keys = [event.digit for event in await _events(inbox) if isinstance(event, Dtmf)]
        assert keys == ["1", "1", "#", "0"]
        assert leg.counters.lost <= 3


async def test_a_long_press_in_segments_is_one_key() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, inbox):
        for duration in (160, 40000, 65535):
            leg.receive(phone.key(5, duration, False, 100), phone.address)
        leg.receive(phone.key(5, 65535, False, 100 + 65535), phone.address)
        leg.receive(phone.key(5, 65535, True, 100 + 65535), phone.address)
        assert [event for event in await _events(inbox) if isinstance(event, Dtmf)] in ([Dtmf("5")], [Dtmf("5")] * 2)


# ---------------------------------------------------------------- refusing


async def test_garbage_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    rng = random.Random(4475)
    phone = Phone()
    async with _leg(phone) as (leg, inbox):
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
        assert abs(len(await _frames(inbox)) - 21) <= 1
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
    phone = Phone()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp:
        rtcp.bind(("127.0.0.1", phone.address[1] + 1))
        rtcp.setblocking(False)
        async with _leg(phone) as (leg, _):
            for _ in range(400):
                leg.tick(1)
                leg.receive(phone.packet(), phone.address)
            kinds = {rtcp.recv(2048)[1]}
        kinds.add(rtcp.recv(2048)[1])
        assert kinds == {200, 201}


async def test_a_codec_of_another_rate_is_refused() -> None:
    phone = Phone()
    async with _leg(phone) as (leg, inbox):
        leg.change(RtpFormat(PCMU, 101))
        other = Phone(PCMU)
        other.address = phone.address
        leg.receive(other.packet(), phone.address)
        other.socket.close()
        leg.tick(1)
        assert phone.heard()[0].payload_type == PCMU
        assert np.frombuffer((await _frames(inbox))[0].pcm, dtype="<i2").std() > 1000
        with pytest.raises(ValueError, match="rate"):
            leg.change(RtpFormat(G722, 101))
    with pytest.raises(ValueError, match="none of"):
        rate_of(18)
