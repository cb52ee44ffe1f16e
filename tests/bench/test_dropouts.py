"""Packets that were late or lost and speech that was torn are found, and nothing else is."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audio.level import tone
from bench.dropouts import holes, late, lost, numbered, speaking
from bench.rtp_wire import FRAME_NS, RtpIn
from telephony.phone_script import FRAME, RATE

LOUD = tone(200, 20, RATE)
SILENT = bytes(2 * FRAME)
MS = 1_000_000


def heard(arrivals_ms: Sequence[float], sequences: list[int] | None = None, marked: int = -1) -> RtpIn:
    rtp = RtpIn()
    rtp.arrivals = [int(at * MS) for at in arrivals_ms]
    rtp.sequences = sequences or list(range(len(arrivals_ms)))
    rtp.sounds = [LOUD] * len(arrivals_ms)
    rtp.marked = [place == marked for place in range(len(arrivals_ms))]
    return rtp


def all_late(rtp: RtpIn) -> int:
    return late(rtp, [True] * len(rtp.arrivals))


def test_regular_packets_are_never_late() -> None:
    assert all_late(heard([20.0 * n for n in range(500)])) == 0


@given(st.lists(st.floats(0, 60), min_size=2, max_size=100))
def test_jitter_that_a_phone_holds_back_is_no_drop_out(jitter: list[float]) -> None:
    assert all_late(heard([20 * n + extra for n, extra in enumerate(jitter)])) == 0


def test_a_stall_counts_once_however_long_what_follows_is_behind() -> None:
    assert all_late(heard([0, 20, 40, 121.0, 141, 161, 181])) == 1
    assert all_late(heard([0, 20, 40, 119.0, 139, 159, 179])) == 0
    assert all_late(heard([0, 20, 40, 121.0, 141, 241, 261])) == 2


def test_a_burst_after_a_stall_sets_the_turns_right_again() -> None:
    stalled_then_caught_up = [0, 20, 40, 160, 160, 160, 160, 160, 160, 180]
    assert all_late(heard(stalled_then_caught_up)) == 1


def test_what_creeps_behind_is_late_in_the_end() -> None:
    assert all_late(heard([22.0 * n for n in range(35)])) == 1


def test_a_pause_of_the_sender_or_of_the_agent_is_no_drop_out() -> None:
    assert all_late(heard([0, 20, 900, 920], marked=2)) == 0
    assert late(heard([0, 20, 900, 920]), [True, True, False, False]) == 0


def test_a_late_packet_may_be_overtaken() -> None:
    assert all_late(heard([0, 20, 60, 65, 80], [0, 1, 3, 2, 4])) == 0
    assert lost(heard([0, 20, 60, 65, 80], [0, 1, 3, 2, 4]), [True] * 5) == 0


def test_lost_packets_count_where_the_agent_speaks() -> None:
    rtp = heard([0, 20, 80, 100, 160], [65534, 65535, 2, 3, 6])
    assert numbered(rtp.sequences) == [65534, 65535, 65538, 65539, 65542]
    assert lost(rtp, [True] * 5) == 4
    assert lost(rtp, [True, True, True, False, False]) == 2
    assert lost(heard([0, 20, 21, 40], [1, 2, 2, 3]), [True] * 4) == 0


def test_the_agent_speaks_around_what_is_audible() -> None:
    sounds = [SILENT] * 10 + [LOUD] * 3 + [SILENT] * 10
    assert [place for place, one in enumerate(speaking(sounds)) if one] == list(range(5, 18))
    assert speaking([]) == []


def test_torn_speech_is_found() -> None:
    whole = [LOUD] * 20
    torn = [*whole[:7], SILENT, SILENT, *whole[7:]]
    assert holes(whole, [False] * 20) == 0
    assert holes(torn, [False] * 22) == 1
    assert holes(torn, [place > 5 for place in range(22)]) == 0  # the caller talked


def test_pauses_between_words_are_no_holes() -> None:
    fading = (np.frombuffer(LOUD, "<i2") * np.linspace(1, 0, FRAME)).astype("<i2").tobytes()
    rising = (np.frombuffer(LOUD, "<i2") * np.linspace(0, 1, FRAME)).astype("<i2").tobytes()
    for before, after in ((fading, LOUD), (LOUD, rising), (fading, rising)):
        assert holes([LOUD, before, SILENT, SILENT, after, LOUD], [False] * 6) == 0


def test_arrivals_are_counted_in_packets_of_twenty_milliseconds() -> None:
    assert FRAME_NS == 20 * MS
