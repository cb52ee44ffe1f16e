"""The arithmetic of the drills."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from bench.drills.engines import answered_after
from bench.drills.servers import QUESTION, heard
from bench.drills.starved import Starved


@pytest.mark.parametrize(
    ("heard_ms", "limit", "expected"),
    [
        ([[0, 900], [1400, 3400]], float("inf"), 400.0),
        ([[0, 900], [1900, 2600], [3000, 6000]], float("inf"), 2000.0),
        ([[900, 2000], [3000, 5000]], float("inf"), 2000.0),
        ([[900, 3000]], float("inf"), 0.0),
        ([[1900, 2600]], float("inf"), float("inf")),
        ([[7000, 9000]], 6500.0, float("inf")),
        ([], float("inf"), float("inf")),
    ],
    ids=["answer", "filler", "cut off", "went on", "filler only", "after the next question", "silence"],
)
def test_a_filler_is_no_answer(heard_ms: list[list[float]], limit: float, expected: float) -> None:
    assert answered_after(heard_ms, 1000.0, limit) == expected


def test_a_server_of_the_drills_hears_that_somebody_spoke() -> None:
    loud = (np.sin(np.arange(8000)) * 8000).astype("<i2").tobytes()
    assert [word.text for word in heard(bytes(8000) + loud, 8000)] == list(QUESTION)
    assert heard(bytes(8000), 8000) == []
    assert heard(bytes(8000) + loud[:1600], 8000) == []


def test_who_stands_in_line_for_a_processor_is_seen() -> None:
    """Two threads of one process that both want the only processor that they may use: each waits half of the time."""
    spin = "import time\nuntil = time.monotonic() + 1.2\nwhile time.monotonic() < until: sum(range(10_000))"
    one = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-c", spin]
    with subprocess.Popen(one) as first, subprocess.Popen(one) as second:
        watch = Starved(first.pid)
        begin = time.clock_gettime_ns(time.CLOCK_REALTIME)
        time.sleep(1.0)
        end = time.clock_gettime_ns(time.CLOCK_REALTIME)
        watch.end()
        assert watch.ms(begin, end) > 150
        assert watch.ms(begin - 10**10, begin - 10**10) < watch.ms(begin, end)
        assert (first.wait(), second.wait()) == (0, 0)
