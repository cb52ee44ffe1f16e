"""Open admin pages beside calls: how late their news is, and whether callers notice them.

``python -m bench.page_live [--calls 8] [--pages 10] [--rounds 2]``: the same calls with and without so many pages that
watch, in turn, against the real daemon.
"""

import argparse
import json
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from http.client import HTTPConnection, HTTPResponse

from bench.daemon import DaemonProcess
from bench.ports import HOST
from bench.report import percentile
from bench.speech import questions
from bench.wire import Plan, PlanItem, run

SQL = "SELECT stages FROM turns WHERE n > 0 AND heard <> ''"


class Watcher(threading.Thread):
    """A page that watches: reads the stream and keeps when each ended call was told."""

    def __init__(self, daemon: DaemonProcess) -> None:
        super().__init__(daemon=True)
        self._connection = HTTPConnection(HOST, daemon.web_port, timeout=60)
        self._connection.request("GET", "/api/live", headers={"X-API-Key": daemon.web_key})
        self._stream: HTTPResponse = self._connection.getresponse()
        self.news = 0
        self.ended: dict[str, float] = {}

    def run(self) -> None:
        """Read until ``close``."""
        try:
            for line in self._stream:
                if line.startswith(b"data: "):
                    self.news += 1
                    told = json.loads(line[6:])
                    if "ended" in told:
                        self.ended[told["id"]] = time.time()
        except (OSError, ValueError, AttributeError):
            return  # closed under our hands

    def close(self) -> None:
        """The page is closed."""
        if self._connection.sock is not None:
            self._connection.sock.shutdown(2)
        self.join(5)
        self._connection.close()


def replies(daemon: DaemonProcess, after: int) -> list[int]:
    """First packets of the replies of calls after the first ``after`` turns, milliseconds."""
    rows = daemon.rows(f"{SQL} ORDER BY rowid LIMIT -1 OFFSET ?", after)
    return [at for row in rows if (at := json.loads(row["stages"]).get("first_packet")) is not None]


def lags(daemon: DaemonProcess, watchers: list[Watcher]) -> list[float]:
    """How long after the journal noted the end of a call each page was told, milliseconds."""
    ended = {
        row["id"]: datetime.fromisoformat(row["ended_at"]) for row in daemon.rows("SELECT id, ended_at FROM calls")
    }
    return [(at - ended[call_id].timestamp()) * 1000 for watcher in watchers for call_id, at in watcher.ended.items()]


def compare(calls: int, pages: int, rounds: int) -> None:
    """Print both distributions."""
    plays = [PlanItem(path) for path in questions()[:3]]
    times: dict[str, list[int]] = {"no page": [], f"{pages} pages": []}
    late: list[float] = []
    with DaemonProcess() as daemon:
        run(Plan(daemon.uri, [plays[:1]]))
        for number in range(rounds * 2):
            kind = list(times)[number % 2]
            before = len(daemon.rows(SQL))
            with ExitStack() as stack:
                watchers = [Watcher(daemon) for _ in range(pages if number % 2 else 0)]
                for watcher in watchers:
                    watcher.start()
                    stack.callback(watcher.close)
                run(Plan(daemon.uri, [plays] * calls, apart_ms=130))
                daemon.wait_for_records(10)
                time.sleep(0.3)
            times[kind] += replies(daemon, before)
            late += lags(daemon, watchers)
            if watchers:
                print(f"  {watchers[0].news} news a page")
    for kind, found in times.items():
        print(
            f"{kind:9} replies {len(found):4}  p50 {percentile(found, 0.5):.0f}  p95 {percentile(found, 0.95):.0f} ms"
        )
    half, most = percentile(late, 0.5), percentile(late, 0.95)
    print(f"the end of a call reaches a page after p50 {half:.1f}, p95 {most:.1f} ms ({len(late)} samples)")


def main() -> None:
    """See the head of this file."""
    arguments = argparse.ArgumentParser(prog="python -m bench.page_live")
    for name, value in (("calls", 8), ("pages", 10), ("rounds", 2)):
        arguments.add_argument(f"--{name}", type=int, default=value)
    given = arguments.parse_args()
    compare(given.calls, given.pages, given.rounds)


if __name__ == "__main__":
    main()
