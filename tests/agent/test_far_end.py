"""What the caller was played, in frames."""

import numpy as np
from hypothesis import given as example
from hypothesis import strategies as st

from agent.far_end import FarEnd
from tests.fakes.line import STEP, read_stamp, stamp

SIZE = 2 * STEP
SILENCE = bytes(SIZE)


def test_a_late_look_leaves_no_hole() -> None:
    far = FarEnd()
    looks = [STEP, STEP, 0, 2 * STEP, STEP, STEP, 0, 0]

    frames = [far.push(stamp(7, samples), SIZE) for samples in looks]

    assert [read_stamp(frame) for frame in frames] == [0, 7, 7, 7, 7, 7, 7, 0]


def test_each_speech_flows_as_late_as_the_first() -> None:
    far = FarEnd()
    looks = [STEP, STEP, STEP, 0, 0, 0, STEP, STEP, 0, 2 * STEP, 0, 0]

    frames = [far.push(stamp(7, samples), SIZE) for samples in looks]

    assert [read_stamp(frame) for frame in frames] == [0, 7, 7, 7, 0, 0, 0, 7, 7, 7, 7, 0]


def test_a_frame_that_the_line_filled_up_is_a_whole_one() -> None:
    far = FarEnd()
    looks = [STEP, STEP // 4, STEP, 0]

    frames = [far.push(stamp(7, samples), SIZE) for samples in looks]

    assert [len(sounding(frame)) for frame in frames] == [0, STEP, STEP // 4, STEP]


def test_a_short_speech_does_not_wait_for_the_next() -> None:
    far = FarEnd()

    assert [read_stamp(far.push(stamp(7, samples), SIZE)) for samples in [STEP, 0, 0, 0]] == [0, 0, 7, 0]


def test_silence_costs_nothing_and_stays_silence() -> None:
    far = FarEnd()

    assert [far.push(b"", SIZE) for _ in range(3)] == [SILENCE] * 3


@example(st.lists(st.integers(0, 3 * STEP), max_size=60))
def test_nothing_is_lost_or_turned_round(looks: list[int]) -> None:
    far, given, out = FarEnd(), b"", b""
    for number, samples in enumerate(looks, 1):
        given += stamp(number, samples)
        frame = far.push(stamp(number, samples), SIZE)
        assert len(frame) == SIZE
        out += frame
    out += far.rest()

    assert sounding(out) == sounding(given)


def sounding(pcm: bytes) -> list[int]:
    samples: list[int] = np.frombuffer(pcm, dtype="<i2").tolist()
    return [sample for sample in samples if sample]
