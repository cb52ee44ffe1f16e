"""How much CPU each thread of a process took, from /proc; and a daemon whose threads bear their names there.

Python gives its threads names that the system does not know before 3.14: ``python -m bench.threads serve`` is
``allo serve`` with these names told to the system, so that its threads can be told apart from outside.
"""

import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.daemon import DaemonProcess

MAIN = "main"
"""The thread of the event loop."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the threads of some processes had taken by one moment."""

    at_ns: int
    """The kernel's clock, nanoseconds."""
    took_ns: dict[str, int]
    """CPU time of each thread, nanoseconds; the key is ``process/thread/number``."""
    loop_ns: int = 0
    """CPU time of ``fixed_loop`` then: whoever lends us processors lends them slower at times."""


MACHINE = "machine/all/0"
"""Key of what all processes of the machine took together."""


def look(processes: dict[str, int]) -> Sample:
    """The threads of ``processes`` (a name for each process id) now; processes that are gone are left out."""
    took = {MACHINE: _machine_ns()}
    for name, pid in processes.items():
        for task in Path(f"/proc/{pid}/task").glob("*"):
            try:
                known = (task / "comm").read_text(encoding="utf-8").strip() if int(task.name) != pid else MAIN
                took[f"{name}/{known}/{task.name}"] = int((task / "schedstat").read_text(encoding="ascii").split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return Sample(time.clock_gettime_ns(time.CLOCK_REALTIME), took, fixed_loop())


def fixed_loop() -> int:
    """CPU time of a fixed piece of work, some 1 ms, nanoseconds."""
    began, total = time.thread_time_ns(), 0
    for number in range(25_000):
        total += number
    return time.thread_time_ns() - began


def slowness(samples: Iterable[Sample], begin_ns: int, end_ns: int) -> float:
    """How many times longer than at its quickest the machine took for a fixed loop within a time, median."""
    known = list(samples)
    return median(one.loop_ns for one in known if begin_ns <= one.at_ns <= end_ns) / min(one.loop_ns for one in known)


def _machine_ns() -> int:
    """user, nice, system, irq, softirq of proc(5), which counts hundredths of a second."""
    ticks = Path("/proc/stat").read_text(encoding="ascii").split("\n", maxsplit=1)[0].split()
    return sum(int(ticks[place]) for place in (1, 2, 3, 6, 7)) * 10_000_000


def between(samples: Iterable[Sample], begin_ns: int, end_ns: int) -> dict[str, float]:
    """Share of one core that each thread took, by ``process/thread``; threads of one name together.

    The first and the last sample within the time count; raises ``ValueError`` when there are no two.
    """
    inside = [sample for sample in samples if begin_ns <= sample.at_ns <= end_ns]
    if len(inside) < 2:
        raise ValueError("the measurement is shorter than two samples")
    first, last = inside[0], inside[-1]
    shares: dict[str, float] = {}
    for key, took in last.took_ns.items():
        name = key.rpartition("/")[0]
        used = took - first.took_ns.get(key, 0)
        shares[name] = shares.get(name, 0.0) + used / (last.at_ns - first.at_ns)
    return shares


def of(shares: dict[str, float], process: str, *threads: str) -> float:
    """Share of one core of a process, or of its threads whose names begin with one of ``threads``."""
    names = [f"{process}/{thread}" for thread in threads] or [f"{process}/"]
    return sum(share for key, share in shares.items() if key.startswith(tuple(names)))


def others(shares: dict[str, float]) -> float:
    """Cores taken by processes that were not watched: above a few percent the figures are not to be trusted."""
    watched = sum(share for key, share in shares.items() if not key.startswith("machine/"))
    return max(0.0, of(shares, "machine") - watched)


def spelled(shares: dict[str, float]) -> str:
    """Threads that took at least 0.1 % of a core, most first."""
    most = sorted(
        ((key, share) for key, share in shares.items() if not key.startswith("machine/")), key=lambda item: -item[1]
    )
    return ", ".join(f"{name} {share:.1%}" for name, share in most if share >= 0.001)


class NamedDaemon(DaemonProcess):
    """The daemon with named threads."""

    program = "bench.threads"


def tell_names() -> None:
    """Let the system know every thread by its name from now on."""
    run = threading.Thread.run

    def named(self: threading.Thread) -> None:
        Path("/proc/thread-self/comm").write_text(self.name[:15], encoding="utf-8")
        run(self)

    threading.Thread.run = named  # type: ignore[method-assign]


def main() -> int:
    """The ``allo`` command."""
    from agent.__main__ import main as allo  # noqa: PLC0415 - the other users of this module need no daemon's parts

    tell_names()
    return allo()


if __name__ == "__main__":
    sys.exit(main())
