"""Open admin pages beside calls: how late their news is, and whether callers notice them.

``python -m bench page-live``, or ``python -m bench.page_live [--calls 6] [--pages 10] [--rounds 4]``: the same calls
with and without so many pages that watch, in turn, against the real daemon. The caller is a process of its own.
"""

import argparse
import json
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from http.client import HTTPConnection, HTTPResponse

from bench.daemon import DaemonProcess
from bench.ports import HOST
from bench.report import Row, percentile, spread, within
from bench.speech import questions
from bench.wire import Plan, PlanItem, place

KINDS = ("without", "with")
ORDER = (0, 1, 1, 0)
"""Neither kind is always the first on a machine that warms up."""


class Watcher(threading.Thread):
    """A page that watches: reads the stream and keeps when it was told that a call is over."""

    def __init__(self, daemon: DaemonProcess) -> None:
        super().__init__(daemon=True)
        self._connection = HTTPConnection(HOST, daemon.web_port, timeout=60)
        self._connection.request("GET", "/api/live", headers={"X-API-Key": daemon.web_key})
        self._stream: HTTPResponse = self._connection.getresponse()
        self.ended: dict[str, float] = {}
        """Call -> when its end was told, seconds of the wall clock."""

    def run(self) -> None:
        """Read until ``close``."""
        try:
            for line in self._stream:
                came = time.time()
                if b'"ended":' in line:
                    self.ended[json.loads(line[6:])["id"]] = came
        except (OSError, ValueError, AttributeError):
            return  # closed under our hands

    def close(self) -> None:
        """The page is closed."""
        if self._connection.sock is not None:
            self._connection.sock.shutdown(2)
        self.join(5)
        self._connection.close()


def lags(daemon: DaemonProcess, watchers: list[Watcher]) -> list[float]:
    """How long after the record noted that a call was over each page was told, milliseconds.

    All news of a call takes the same way; of this one the record has the moment.
    """
    rows = daemon.rows("SELECT id, ended_at FROM calls")
    ended = {row["id"]: datetime.fromisoformat(row["ended_at"]).timestamp() for row in rows}
    return [(at - ended[call]) * 1000 for watcher in watchers for call, at in watcher.ended.items()]


def _all_told(watchers: list[Watcher], calls: int) -> bool:
    return all(len(watcher.ended) == calls for watcher in watchers)


def compare(calls: int, pages: int, rounds: int) -> tuple[dict[str, list[float]], list[float]]:
    """Replies as the caller hears them of either kind, and the lags, milliseconds."""
    plays = [PlanItem(path) for path in questions()[:3]]
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    late: list[float] = []
    with DaemonProcess() as daemon:
        place(Plan(daemon.uri, [plays[:1]]))
        for number in range(rounds * 2):
            watched = ORDER[number % 4]
            with ExitStack() as stack:
                watchers = [Watcher(daemon) for _ in range(pages * watched)]
                for watcher in watchers:
                    watcher.start()
                    stack.callback(watcher.close)
                reports = place(Plan(daemon.uri, [plays] * calls, apart_ms=130))
                daemon.wait_for_records(10)
                daemon.wait_for(partial(_all_told, watchers, calls), 5, "told of every end")
                late += lags(daemon, watchers)
            turns = [turn for report in reports for turn in report.turns]
            times[KINDS[watched]] += [turn["reply_ms"] for turn in turns if turn["reply_ms"] is not None]
    return times, late


def page_live(calls: int = 6, pages: int = 10, rounds: int = 4) -> list[Row]:
    """What ten open pages cost a caller, and how late they are."""
    times, late = compare(calls, pages, rounds)
    p95 = {kind: percentile(found, 0.95) for kind, found in times.items()}
    halves = {kind: percentile(found, 0.5) for kind, found in times.items()}
    apart = (p95["with"] / p95["without"] - 1) * 100
    measured = ", ".join(f"{kind} p50 {halves[kind]:.0f}, p95 {p95[kind]:.0f} ms" for kind in KINDS)
    what = f"reply without and with {pages} open pages, {calls} calls at once"
    replies = sum(map(len, times.values()))
    return [
        Row("page-live", what, "p95 at most 5 % longer", f"{measured}: {apart:+.1f} %", replies, apart <= 5),
        Row(
            "page-lag", "event of a call -> told to a page", "p95 <= 150 ms", spread(late), len(late),
            within(late, 0.95, 150),
        ),
    ]  # fmt: skip


def main() -> None:
    """See the head of this file."""
    arguments = argparse.ArgumentParser(prog="python -m bench.page_live")
    for name, value in (("calls", 6), ("pages", 10), ("rounds", 4)):
        arguments.add_argument(f"--{name}", type=int, default=value)
    given = arguments.parse_args()
    for row in page_live(given.calls, given.pages, given.rounds):
        print(row.markdown())


if __name__ == "__main__":
    main()
