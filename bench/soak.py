"""200 calls one after another: nothing of them may stay."""

from dataclasses import dataclass

import psutil

from bench.daemon import DaemonProcess
from bench.report import Row
from bench.speech import interruption
from bench.wire import Plan, PlanItem, place

CALLS, BEFORE = 200, 50
GROWTH = 0.05
"""RSS may grow by this share between the 50th and the last call."""


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
    """Look once all calls are gone."""
    daemon.wait_for(lambda: daemon.health().get("calls") == 0, 15, "free of calls")
    process = psutil.Process(daemon.pid)
    return Holdings(
        rss=process.memory_info().rss,
        files=process.num_fds(),
        sockets=len(process.net_connections(kind="inet")),
        threads=process.num_threads(),
        tasks=int(daemon.health().get("tasks", -1)),
    )


def calls_one_after_another(uri: str, count: int) -> int:
    """Each speaks into the greeting and hangs up; return how many were answered."""
    script = [PlanItem(interruption(), interrupt_after_s=0.2)]
    plan = Plan(uri, [script for _ in range(count)], apart_ms=2700, hangup_after_s=2.5)
    return sum(report.status == 200 for report in place(plan, timeout_s=60 + 3 * count))


def soak() -> list[Row]:
    """Descriptors, sockets and tasks after 50 calls against those after 200."""
    with DaemonProcess() as daemon:
        answered = calls_one_after_another(daemon.uri, BEFORE)
        early = holdings(daemon)
        answered += calls_one_after_another(daemon.uri, CALLS - BEFORE)
        late = holdings(daemon)
        trouble = daemon.trouble
    growth = late.rss / early.rss - 1
    kept = late.files > early.files or late.sockets > early.sockets or late.tasks > early.tasks
    measured = f"{answered} answered; after 50: {early}; after 200: {late}; RSS {growth:+.1%}"
    met = answered == CALLS and not kept and growth <= GROWTH and not trouble
    return [Row("soak", "200 calls, SIP: what is left", "nothing; RSS <= +5 %", measured, CALLS, met)]
