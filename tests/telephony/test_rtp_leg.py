"""An RTP leg on real loopback sockets, its clock turned by hand."""

import asyncio
import itertools
import random
import struct

import pytest
from aiortp.codecs import get_codec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.ports import Dtmf
from audio.level import dbfs, tone
from telephony.rtp_leg import G722, PCMA, PCMU, rate_of
from tests.telephony.rtp_phone import Phone, all_events, all_frames, open_leg

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
        async with open_leg(phone, payload_type) as (leg, _):
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
    async with open_leg(phone) as (leg, _):
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


async def test_music_on_hold_is_not_the_caller() -> None:
    phone = Phone()
    async with open_leg(phone) as (leg, inbox):
        leg.hold(True)
        for _ in range(20):
            leg.tick(1)
            leg.receive(phone.packet(), phone.address)
        frames = await all_frames(inbox)
        assert len(frames) >= 19
        assert all(dbfs(frame.pcm) == -100 for frame in frames)


async def test_a_swallowed_stall_is_a_jump_of_time_on_the_wire() -> None:
    phone = Phone()
    async with open_leg(phone) as (leg, _):
        leg.tick(1)
        leg.tick(11)
        first, second = phone.heard()
        assert second.timestamp == (first.timestamp + 11 * 160) & 0xFFFFFFFF
        assert second.marker == 1


async def test_nothing_is_sent_before_an_address_is_known() -> None:
    phone = Phone()
    async with open_leg(phone, remote=False) as (leg, _):
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
    async with open_leg(phone) as (leg, _):
        leg.redirect(("phone.example.invalid", 4000))
        leg.tick(1)
        assert leg.remote is None
        assert phone.heard() == []


# ---------------------------------------------------------------- hearing


@pytest.mark.parametrize("payload_type", [PCMA, PCMU, G722])
async def test_packets_in_order_are_heard_at_once(payload_type: int) -> None:
    phone = Phone(payload_type)
    rate = rate_of(payload_type)
    async with open_leg(phone, payload_type) as (leg, inbox):
        for count in range(1, 51):
            leg.tick(1)
            leg.receive(phone.packet(), phone.address)
            assert inbox.position == count * rate // 50
        assert (leg.counters.received, leg.counters.lost, leg.counters.filled) == (50, 0, 0)
        frames = await all_frames(inbox)
        assert all(dbfs(frame.pcm) > -20 for frame in frames[2:])


async def test_one_lost_packet_is_concealed_and_time_stays() -> None:
    phone = Phone()
    async with open_leg(phone) as (leg, inbox):
        for number in range(30):
            leg.tick(1)
            packet = phone.packet()
            if number != 10:
                leg.receive(packet, phone.address)
        frames = await all_frames(inbox)
        assert len(frames) == 30
        assert (leg.counters.lost, leg.counters.concealed, leg.counters.filled) == (1, 1, 0)
        assert dbfs(frames[10].pcm) > -30


async def test_a_burst_of_loss_is_not_counted_twice() -> None:
    phone = Phone()
    async with open_leg(phone) as (leg, inbox):
        for number in range(60):
            leg.tick(1)
            packet = phone.packet()
            if not 10 <= number < 25:
                leg.receive(packet, phone.address)
        assert leg.counters.lost == 15
        assert leg.counters.filled > 0
        assert abs(len(await all_frames(inbox)) - 60) <= 1


async def test_silence_fills_a_hold_in_real_time() -> None:
    phone = Phone()
    async with open_leg(phone) as (leg, inbox):
        for _ in range(10):
            leg.tick(1)
            leg.receive(phone.packet(), phone.address)
        for _ in range(200):
            leg.tick(1)
        assert abs(inbox.position - 210 * 160) <= 2 * 160
        for _ in range(10):
            leg.tick(1)
            leg.receive(phone.packet(), phone.address)
        frames = await all_frames(inbox)
        assert abs(len(frames) - 220) <= 1
        assert dbfs(frames[100].pcm) == -100
        assert abs(leg.counters.filled - 200) <= 1


async def test_a_stalled_network_loses_no_speech_and_pauses_repay_the_time() -> None:
    phone = Phone()
    silence = bytes(320)
    async with open_leg(phone) as (leg, inbox):
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
        loud = [frame for frame in await all_frames(inbox) if dbfs(frame.pcm) > -20]
        assert len(loud) == 18


async def test_a_flood_of_valid_packets_does_not_run_ahead_of_time() -> None:
    phone = Phone()
    async with open_leg(phone) as (leg, inbox):
        leg.tick(1)
        for _ in range(500):
            leg.receive(phone.packet(), phone.address)
        assert inbox.position <= 13 * 160
        assert leg.counters.late > 400


async def test_long_packets_are_not_taken_for_gaps() -> None:
    phone = Phone()
    async with open_leg(phone) as (leg, inbox):
        for number in range(90):
            leg.tick(1)
            if number % 3 == 0:
                leg.receive(phone.packet(tone(440, 60, 8000)), phone.address)
        assert leg.counters.filled == 0
        assert abs(len(await all_frames(inbox)) - 90) <= 3


@pytest.mark.parametrize("ppm", [-500, 500])
async def test_a_peer_with_another_clock_stays_whole(ppm: int) -> None:
    """Half an hour at 500 ppm is 900 ms: nothing may be dropped or filled for it."""
    phone = Phone()
    async with open_leg(phone) as (leg, _):
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
    async with open_leg(phone) as (leg, inbox):
        for number in range(20):
            leg.tick(1)
            if number == 10:
                phone.ssrc, phone.sequence, phone.timestamp = 77, 5, 100
            leg.receive(phone.packet(), phone.address)
        assert (leg.counters.lost, leg.counters.late) == (0, 0)
        assert len(await all_frames(inbox)) == 20


async def test_keys_come_once_each_with_lost_and_repeated_packets() -> None:
    phone = Phone()
    async with open_leg(phone) as (leg, inbox):
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
        keys = [event.digit for event in await all_events(inbox) if isinstance(event, Dtmf)]
        assert keys == ["1", "1", "#", "0"]
        assert leg.counters.lost <= 3


async def test_a_long_press_in_segments_is_one_key() -> None:
    phone = Phone()
    async with open_leg(phone) as (leg, inbox):
        for duration in (160, 40000, 65535):
            leg.receive(phone.key(5, duration, False, 100), phone.address)
        leg.receive(phone.key(5, 65535, False, 100 + 65535), phone.address)
        leg.receive(phone.key(5, 65535, True, 100 + 65535), phone.address)
        assert [event for event in await all_events(inbox) if isinstance(event, Dtmf)] in ([Dtmf("5")], [Dtmf("5")] * 2)
