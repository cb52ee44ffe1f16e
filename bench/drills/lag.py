"""40 calls through Asterisk: how late the event loop runs, by the daemon's own figures."""

import re
import urllib.request

from bench.asterisk import SUITE, behind, caller_uri
from bench.cpu import place_crowd
from bench.crowd import CrowdPlan
from bench.daemon import DaemonProcess
from bench.ports import HOST
from bench.report import Row
from bench.speech import questions
from tests.asterisk.install import why_not
from tests.asterisk.pbx import Pbx

AT_ONCE, TALK_S = 40, 300.0
SHORT_ONES, SHORT_S = 5, 15.0
BAR_S, SHARE = 0.02, 0.999
"""Of the delays so many may be no longer than a frame, seconds."""
_BUCKET = re.compile(r'^allo_event_loop_delay_seconds_bucket{le="([^"]+)"} (\S+)$', re.MULTILINE)


def lag(short: bool) -> list[Row]:
    """Five minutes in which the callers talk half of the time."""
    calls, seconds = (SHORT_ONES, SHORT_S) if short else (AT_ONCE, TALK_S)
    if why_not(SUITE):
        raise RuntimeError(f"Asterisk 22: {why_not(SUITE)}")
    with Pbx(SUITE) as pbx, DaemonProcess({**behind(pbx), "CALLS__MAX": calls}) as daemon:
        daemon.wait_for(lambda: daemon.health()["lines"].get("asterisk") == "up", 15, "connected to Asterisk")
        before = delays(daemon)
        crowd, _ = place_crowd(CrowdPlan(caller_uri(pbx), calls, seconds, questions()), {"daemon": daemon.pid})
        after = delays(daemon)
        trouble = daemon.trouble
    during = {bound: count - before[bound] for bound, count in after.items()}
    answered = sum(call.status == 200 for call in crowd.calls)
    total = int(during[float("inf")])
    inside = during[BAR_S] / max(total, 1)
    measured = (
        f"{answered} answered; p99 {spelled(during, 0.99)}, p99.9 {spelled(during, SHARE)}; {inside:.3%} of all "
        f"within 20 ms; {len(trouble)} errors"
    )
    met = answered == calls and inside >= SHARE and not trouble
    what = f"delays of the event loop under {calls} calls through Asterisk 22, {seconds:.0f} s"
    return [Row("drill-lag", what, "p99.9 <= 20 ms", measured, total, met)]


def delays(daemon: DaemonProcess) -> dict[float, float]:
    """Upper bound of each bucket, seconds, and how many delays were within it."""
    with urllib.request.urlopen(f"http://{HOST}:{daemon.web_port}/metrics", timeout=5) as reply:
        return {float(bound): float(count) for bound, count in _BUCKET.findall(reply.read().decode())}


def spelled(buckets: dict[float, float], share: float) -> str:
    """The bound that this share of all delays keeps."""
    total = buckets[float("inf")]
    bound = min(bound for bound, count in buckets.items() if count >= share * total)
    return "over 1 s" if bound == float("inf") else f"<= {bound * 1000:.0f} ms"
