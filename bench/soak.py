"""200 calls one after another: nothing of them may stay."""

import contextlib
import time
from dataclasses import dataclass

import psutil

from bench.asterisk import SUITE, beside, caller_uri
from bench.daemon import DaemonProcess
from bench.report import Row
from bench.speech import interruption
from bench.wire import Plan, PlanItem, place
from tests.asterisk.install import why_not
from tests.asterisk.pbx import Pbx

CALLS, BEFORE = 200, 50
GROWTH = 0.05
"""RSS may grow by this share between the 50th and the last call."""

KEPT_ALIVE_S = 20.0
"""Both ends of /health and of ARI close an idle connection before this, seconds."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a daemon without calls holds."""

    rss: int
    files: int
    sockets: int
    threads: int
    tasks: int

    def __str__(self) -> str:
        return (
            f"{self.files} descriptors, {self.sockets} sockets, {self.threads} threads, "
            f"{self.tasks} tasks, {self.rss / 2**20:.0f} MiB"
        )


def holdings(daemon: DaemonProcess) -> Holdings:
    """Look once all calls are gone, and with them the connections of finished HTTP requests."""
    daemon.wait_for(lambda: daemon.health().get("calls") == 0, 15, "free of calls")
    tasks = int(daemon.health().get("tasks", -1))
    time.sleep(KEPT_ALIVE_S)
    process = psutil.Process(daemon.pid)
    return Holdings(
        rss=process.memory_info().rss,
        files=process.num_fds(),
        sockets=len(process.net_connections(kind="inet")),
        threads=process.num_threads(),
        tasks=tasks,
    )


def calls_one_after_another(uri: str, count: int, each_s: float = 2.5) -> int:
    """Each speaks into the greeting and hangs up after ``each_s``; return how many were answered."""
    script = [PlanItem(interruption(), interrupt_after_s=0.2)]
    plan = Plan(uri, [script for _ in range(count)], apart_ms=each_s * 1000 + 200, hangup_after_s=each_s)
    return sum(report.status == 200 for report in place(plan, timeout_s=60 + 3 * count))


def soak() -> list[Row]:
    """What is left after 50 calls against what is left after 200; every second one through Asterisk, where it is."""
    with contextlib.ExitStack() as stack:
        pbx = None if why_not(SUITE) else stack.enter_context(Pbx(SUITE))
        daemon = stack.enter_context(DaemonProcess(beside(pbx) if pbx else None))
        if pbx:
            daemon.wait_for(lambda: daemon.health()["lines"].get("asterisk") == "up", 15, "connected to Asterisk")
        uris = [daemon.uri] + ([caller_uri(pbx)] if pbx else [])
        answered = sum(calls_one_after_another(uri, BEFORE // len(uris)) for uri in uris)
        early = holdings(daemon)
        answered += sum(calls_one_after_another(uri, (CALLS - BEFORE) // len(uris)) for uri in uris)
        late = holdings(daemon)
        left = f"{pbx.channels()} channels, {pbx.bridges()} bridges" if pbx else "no Asterisk here"
        trouble = daemon.trouble
    growth = late.rss / early.rss - 1
    kept = late.files > early.files or late.sockets > early.sockets or late.tasks > early.tasks
    measured = f"{answered} answered; after 50: {early}; after 200: {late}, {left}; RSS {growth:+.1%}"
    met = answered == CALLS and not kept and growth <= GROWTH and not trouble and left == "0 channels, 0 bridges"
    what = "200 calls, SIP and Asterisk: what is left"
    return [Row("soak", what, "nothing; RSS <= +5 %", measured, CALLS, met)]
