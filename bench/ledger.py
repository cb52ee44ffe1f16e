"""Where the event loop's time goes: ``python -m bench.ledger [SECONDS]`` holds 40 calls and prints it, part by part.

The daemon is stopped for a look at what it does after every 4 ms of CPU of its event loop's thread (a timer on that
thread's own clock, so neither sleep nor other programs count), while all calls are there. A look falls to the deepest
function of the house that is under way: what it lets the C library, numpy or the kernel do is its own.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import gettempdir
from types import FrameType

from bench.cpu import GREETED_NS, LISTEN_S, SETTLED_NS, TALK_S, hold_crowd
from bench.daemon import ROOT
from bench.speech import questions
from bench.threads import NamedDaemon, tell_names

EVERY_NS = 4_000_000
"""CPU of the thread between two looks, nanoseconds."""
KEPT_S = 1.0
"""Seconds between two notes of what was seen."""
WHERE = "BENCH_LEDGER"
"""Environment: the file of the notes."""
ROOMS = ("agent", "audio", "telephony", "kb", "gateways")
_THREAD_CPU = 3  # CLOCK_THREAD_CPUTIME_ID


class _Signal(ctypes.Structure):
    """``struct sigevent`` of Linux, 64 bytes."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 48),
    )


class _Every(ctypes.Structure):
    """``struct itimerspec``."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("interval_s", "interval_ns", "first_s", "first_ns"))


class Looks:
    """Counts what the thread that made it is doing; notes it in a file, a line every second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Counter[str] = Counter()
        self._noted = time.monotonic()

    def begin(self) -> None:
        """Look from now on; raises ``OSError``."""
        signal.signal(signal.SIGPROF, self._look)
        libc = ctypes.CDLL(None, use_errno=True)
        what, timer = _Signal(signo=signal.SIGPROF, notify=0), ctypes.c_void_p()
        every = _Every(0, EVERY_NS, 0, EVERY_NS)
        made = libc.timer_create(_THREAD_CPU, ctypes.byref(what), ctypes.byref(timer))
        if made or libc.timer_settime(timer, 0, ctypes.byref(every), None):
            raise OSError(ctypes.get_errno(), "no timer on the thread's clock")

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        self._seen[_stack(frame)] += 1
        now = time.monotonic()
        if now - self._noted >= KEPT_S:
            self._noted = now
            with self._path.open("a", encoding="utf-8") as notes:
                notes.write(json.dumps([time.time_ns(), self._seen]) + "\n")
            self._seen.clear()


def _stack(frame: FrameType | None) -> str:
    """Functions of the house that are under way, the deepest first; else the deepest of any."""
    names, deepest = [], ""
    while frame is not None:
        code = frame.f_code
        place = code.co_filename.removeprefix(f"{ROOT}{os.sep}")
        deepest = deepest or f"{Path(place).name}:{code.co_qualname}"
        if place.split(os.sep)[0] in ROOMS:
            names.append(f"{place}:{code.co_qualname}")
        frame = frame.f_back
    return ";".join(names) or deepest


class LedgerDaemon(NamedDaemon):
    """The daemon that is looked at."""

    program = "bench.ledger"


def _told(path: Path, begin_ns: int, end_ns: int) -> Counter[str]:
    """What was seen within the time."""
    told = Counter[str]()
    for line in path.read_text(encoding="utf-8").splitlines():
        at, seen = json.loads(line)
        if begin_ns <= at <= end_ns:
            told.update(seen)
    return told


def _print(told: Counter[str], of_a_call: float) -> None:
    """Files, functions and what they call, by their part of what the kernel says a call takes of a core.

    Looks that fall together count once, so there are fewer of them than time; what they fall on is a fair draw.
    """
    looks = told.total()
    print(f"event loop: {of_a_call:.3%} of a core for each call; {looks} looks")
    files, functions, under = Counter[str](), Counter[str](), Counter[str]()
    for stack, count in told.items():
        names = stack.split(";")
        files[names[0].partition(":")[0]] += count
        functions[names[0]] += count
        under.update(dict.fromkeys(names, count))
    for what, sums, most in (("file", files, 45), ("function", functions, 45), ("function and its calls", under, 90)):
        print(f"\nby {what}:")
        for name, count in sums.most_common(most):
            print(f"  {count / looks:6.1%} {count / looks * of_a_call:8.4%}  {name}")


def main(wanted: str) -> None:
    """Hold a crowd that is ``talk``ing or ``silent`` and print the ledger."""
    path = Path(gettempdir(), f"allo-ledger-{os.getpid()}")
    os.environ[WHERE] = str(path)
    try:
        if wanted == "silent":
            seen = hold_crowd([], LISTEN_S, GREETED_NS, daemon=LedgerDaemon, TURNS__REPROMPT_S=120)
        else:
            seen = hold_crowd(questions(), TALK_S, SETTLED_NS, daemon=LedgerDaemon)
        _print(_told(path, *seen.between_ns), seen.loop_of_a_call())
    finally:
        path.unlink(missing_ok=True)


def serve() -> int:
    """The ``allo`` command, looked at."""
    from agent.commands.main import main as allo  # noqa: PLC0415 - the printing side needs no daemon's parts

    tell_names()
    Looks(Path(os.environ[WHERE])).begin()
    return allo()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        sys.exit(serve())
    main(sys.argv[1] if len(sys.argv) > 1 else "talk")
