"""A restart by SIGUSR1 with calls up, Asterisk and SIP: none is lost, and how long nobody speaks or listens.

``python -m bench.drills.restart [TIMES]`` prints the rows. The gap is counted as each caller meets it: from the end of
the old process, until which it serves, to the first word of the next one (Asterisk itself sends silence meanwhile).
"""

import sys

from bench.asterisk import SUITE, beside, caller_uri
from bench.drills.kill import compiled
from bench.live_caller import LiveCall, LiveCallers, wait_for
from bench.report import HEAD, Row, percentile
from bench.supervisor import Supervised
from tests.asterisk.install import why_not
from tests.asterisk.pbx import Pbx

CALLS = 10
GAP_S = 1.5
"""The bar."""


def run(times: int) -> list[Row]:
    """Restart so many times, each with ten calls on each kind of line; raises ``RuntimeError`` without Asterisk."""
    if why_not(SUITE):
        raise RuntimeError(f"Asterisk 22: {why_not(SUITE)}")
    rows = []
    compiled()
    with Pbx(SUITE) as pbx, Supervised(beside(pbx)) as daemon:
        for line, uri in (("asterisk", caller_uri(pbx)), ("sip", daemon.uri)):
            rows.append(_row(line, [_restart(daemon, uri) for _ in range(times)]))
        pbx.emptied(5)
    return rows


def _restart(daemon: Supervised, uri: str) -> tuple[int, list[float]]:
    """How many calls went on, and how long each was without sound, seconds."""
    daemon.wait_for(lambda: daemon.health().get("lines", {}).get("asterisk") == "up", 15, "connected to Asterisk")
    with LiveCallers(uri, CALLS) as callers:
        wait_for(lambda: all(call.quiet_for() > 0.9 for call in callers.calls), 20, "greeted")
        ended = daemon.restart()
        wait_for(lambda: all(call.speech_after(ended) is not None for call in callers.calls), 15, "spoken to again")
        gaps = [_gap(call, ended) for call in callers.calls]
        went_on = sum(call.side.talking for call in callers.calls)
    daemon.wait_for_records(10)
    return went_on, gaps


def _gap(call: LiveCall, ended: float) -> float:
    """Seconds from the end of the old process to the first word after it."""
    return (call.speech_after(ended) or ended) - ended


def _row(line: str, runs: list[tuple[int, list[float]]]) -> Row:
    gaps = [gap for _, each in runs for gap in each]
    lost = CALLS * len(runs) - sum(went_on for went_on, _ in runs)
    measured = f"{lost} lost; p50 {percentile(gaps, 0.5):.2f}, worst {max(gaps):.2f} s"
    what = f"restart by SIGUSR1, {CALLS} calls, {line}: from the old process's end to the agent's next word"
    return Row(
        f"restart-{line}", what, f"none lost, <= {GAP_S} s", measured, len(gaps), not lost and max(gaps) <= GAP_S
    )


if __name__ == "__main__":
    print("\n".join((*HEAD, *(row.markdown() for row in run(int((sys.argv[1:2] or ["1"])[0]))))))
