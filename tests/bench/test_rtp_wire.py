"""What the load caller makes of packets."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audio.level import tone
from bench.rtp_wire import FRAME_NS, RtpIn, RtpOut, track
from telephony.phone_script import FRAME, RATE


def packet(sequence: int, marker: bool = False, kind: int = 8) -> bytes:
    return struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), sequence & 0xFFFF, 0, 1) + b"\xd5" * 160


def heard(*sequences: int) -> RtpIn:
    rtp = RtpIn()
    for number, sequence in enumerate(sequences):
        rtp.take(packet(sequence), number * FRAME_NS)
    return rtp


@given(st.integers(0, 0xFFFF), st.integers(2, 400), st.data())
def test_counts_losses_over_the_wrap_and_in_any_order(first: int, count: int, data: st.DataObject) -> None:
    numbers = list(range(first, first + count))
    gone = data.draw(st.sets(st.sampled_from(numbers[1:-1]))) if count > 2 else set()
    kept = [number for number in numbers if number not in gone]
    swap = data.draw(st.integers(0, len(kept) - 2))
    if 0 < swap < len(kept) - 2:
        kept[swap], kept[swap + 1] = kept[swap + 1], kept[swap]
    assert heard(*kept).lost() == len(gone)


def test_a_packet_that_came_twice_is_no_loss() -> None:
    assert heard(1, 2, 2, 3).lost() == 0


def test_gaps_leave_out_pauses_of_the_sender() -> None:
    rtp = RtpIn()
    for number, (at_ms, marker) in enumerate([(0, True), (20, False), (45, False), (900, True), (920, False)]):
        rtp.take(packet(number, marker), at_ms * 1_000_000)
    assert rtp.gaps_ms() == [20.0, 25.0, 20.0]


def test_only_audio_packets_count() -> None:
    rtp = RtpIn()
    for data in (b"", b"\x80\x08", packet(1, kind=101), b"\x00" * 172, packet(2)):
        rtp.take(data, 0)
    assert rtp.sequences == [2]


def test_what_is_sent_is_heard_again() -> None:
    sent, out, rtp = tone(440, 100, RATE), RtpOut(ssrc=9), RtpIn()
    for start in range(0, len(sent), 2 * FRAME):
        rtp.take(out.packet(sent[start : start + 2 * FRAME]), start)
    assert rtp.lost() == 0
    error = np.frombuffer(b"".join(rtp.sounds), "<i2").astype(float) - np.frombuffer(sent, "<i2")
    assert np.abs(error).max() < 600  # A-law's coarsest step


def test_a_track_has_each_packet_at_its_time() -> None:
    sound = b"\x01\x00" * FRAME
    laid = np.frombuffer(track([1_000_000_000, 1_050_000_000], [sound, sound], 500_000_000), "<i2")
    assert np.flatnonzero(laid).tolist() == [*range(4000, 4160), *range(4400, 4560)]
    early = np.frombuffer(track([500_000_000], [sound], 510_000_000), "<i2")
    assert np.flatnonzero(early).tolist() == list(range(80))
