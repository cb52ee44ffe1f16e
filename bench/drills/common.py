"""What several drills need: callers beside the drill, what a daemon holds, and patience with a bound."""

import sys
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import psutil

from bench.daemon import DaemonProcess
from bench.wire import Plan, WireReport, run

POLL_S = 0.02
"""Between two looks at something that tells nobody, seconds."""
IDLE_S = 20.0
"""Both ends of an idle HTTP connection close it before this, seconds."""


class Holdings(NamedTuple):
    """What a daemon holds."""

    files: int
    sockets: int
    tasks: int

    def __str__(self) -> str:
        return f"{self.files} descriptors, {self.sockets} sockets, {self.tasks} tasks"


def holdings(daemon: DaemonProcess) -> Holdings:
    """What it holds at this moment."""
    tasks = int(daemon.health().get("tasks", -1))
    process = psutil.Process(daemon.pid)
    return Holdings(process.num_fds(), len(process.net_connections(kind="inet")), tasks)


def settled(daemon: DaemonProcess, before: Holdings, seconds: float = IDLE_S) -> Holdings:
    """What it holds once that is no more than ``before``, else after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        now = holdings(daemon)
        if all(one <= other for one, other in zip(now, before, strict=True)) or time.monotonic() > deadline:
            return now
        time.sleep(0.25)


def wait_for(true: Callable[[], bool], seconds: float) -> float:
    """How long it took until ``true()``, seconds; infinity when it was not within ``seconds``."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            return float("inf")
        time.sleep(POLL_S)
    return time.monotonic() - began


class Caller(threading.Thread):
    """The calls of a plan in a thread of this process, from now on; for a few calls whose times are not measured."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(daemon=True)
        self._plan = plan
        self.reports: list[WireReport] = []
        self.start()

    def run(self) -> None:
        """See ``threading.Thread``."""
        self.reports = run(self._plan)


def say(text: str) -> None:
    """Tell who watches how far it is."""
    print(f"  {text}", file=sys.stderr, flush=True)


def seconds(values: list[float]) -> str:
    """Median and worst."""
    if not values:
        return "no samples"
    ordered = sorted(values)
    return f"p50 {ordered[len(ordered) // 2]:.1f}, worst {ordered[-1]:.1f} s"
