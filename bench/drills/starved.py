"""How long the threads of a process stood in line for a processor: a late answer may be the machine's."""

import threading
import time
from collections import deque
from pathlib import Path

EVERY_S = 0.1
"""Between two looks, seconds."""
KEPT = 12_000
"""Looks that are kept, of the last twenty minutes."""


def waited_ns(pid: int) -> dict[int, int]:
    """Of each thread, how long it was ready to run and did not, nanoseconds (schedstat's second figure).

    See Documentation/scheduler/sched-stats.rst of Linux; a process that is gone has no threads.
    """
    waited = {}
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            waited[int(task.name)] = int((task / "schedstat").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError):
            continue
    return waited


class Starved(threading.Thread):
    """Watches one process from now until ``end``."""

    def __init__(self, pid: int) -> None:
        """``pid``: of the process."""
        super().__init__(daemon=True)
        self._pid, self._over = pid, threading.Event()
        self._looks: deque[tuple[int, dict[int, int]]] = deque(maxlen=KEPT)
        self._look()
        self.start()

    def run(self) -> None:
        """See ``threading.Thread``."""
        while not self._over.wait(EVERY_S):
            self._look()

    def end(self) -> None:
        """No more looks."""
        self._over.set()
        self.join()
        self._look()

    def ms(self, begin_ns: int, end_ns: int) -> float:
        """The longest that one thread waited from ``begin_ns`` to ``end_ns`` of the kernel's clock, milliseconds."""
        looks = list(self._looks)
        before = [waited for at, waited in looks if at <= begin_ns][-1:] or [waited for _, waited in looks[:1]]
        after = [waited for at, waited in looks if at >= end_ns][:1] or [waited for _, waited in looks[-1:]]
        return max((ns - before[0].get(thread, 0) for thread, ns in after[0].items()), default=0) / 1e6

    def _look(self) -> None:
        self._looks.append((time.clock_gettime_ns(time.CLOCK_REALTIME), waited_ns(self._pid)))
