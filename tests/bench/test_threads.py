"""Who took the CPU, by thread."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bench.threads import MACHINE, MAIN, Sample, between, look, of, others, slowness, spelled

S = 1_000_000_000


def samples() -> list[Sample]:
    took = {"d/main/1": 5 * S, "d/vosk_0/2": 1 * S, "a/asterisk/9": 0, MACHINE: 100 * S}
    more = {"d/main/1": 6 * S, "d/vosk_0/2": 2 * S, "d/vosk_1/3": 1 * S, "a/asterisk/9": 2 * S, MACHINE: 120 * S}
    return [Sample(0, {}), Sample(10 * S, took), Sample(20 * S, more), Sample(99 * S, {})]


def test_shares_are_of_one_core_and_by_name() -> None:
    shares = between(samples(), 5 * S, 25 * S)

    assert of(shares, "d", MAIN) == pytest.approx(0.1)
    assert of(shares, "d", "vosk") == pytest.approx(0.2)
    assert of(shares, "d") == pytest.approx(0.3)
    assert of(shares, "a") == pytest.approx(0.2)
    assert others(shares) == pytest.approx(1.5)
    assert spelled(shares) == "a/asterisk 20.0%, d/main 10.0%, d/vosk_0 10.0%, d/vosk_1 10.0%"


def test_one_sample_measures_nothing() -> None:
    with pytest.raises(ValueError, match="shorter than two samples"):
        between(samples(), 15 * S, 25 * S)


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs Linux's schedstat")
def test_a_thread_that_works_is_seen_and_one_that_waits_is_not() -> None:
    stop, told = threading.Event(), []

    def work() -> None:
        told.append(threading.get_native_id())
        while not stop.is_set():
            sum(range(1000))

    worker = threading.Thread(target=work)
    begun = look({"own": os.getpid()})
    worker.start()
    ended = begun
    while not told or ended.took_ns.get(_key(ended, told[0]), 0) < S // 10:
        ended = look({"own": os.getpid()})
    stop.set()
    worker.join()

    assert ended.took_ns[_key(ended, told[0])] >= S // 10
    assert MAIN in {key.split("/")[1] for key in ended.took_ns}


def _key(sample: Sample, thread: int) -> str:
    return next((key for key in sample.took_ns if key.endswith(f"/{thread}")), "")


def test_a_process_that_is_gone_is_left_out() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert set(look({"gone": gone.pid}).took_ns) == {MACHINE}


def test_the_daemons_threads_tell_their_names() -> None:
    program = (
        "import threading; from pathlib import Path; from bench.threads import tell_names; tell_names()\n"
        "def show(): print(Path('/proc/thread-self/comm').read_text().strip())\n"
        "one = threading.Thread(target=show, name='vosk_0'); one.start(); one.join()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "vosk_0\n"


def test_a_machine_that_is_slow_at_times_is_told() -> None:
    paces = [Sample(at * S, {}, loop_ns) for at, loop_ns in enumerate((1000, 1500, 2000, 1800, 9000))]

    assert slowness(paces, 1 * S, 3 * S) == pytest.approx(1.8)
    assert look({}).loop_ns > 0
