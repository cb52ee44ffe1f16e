"""Thousands of calls in a row, then many at once for a long time: nothing of them may stay."""

import contextlib
from dataclasses import replace

from bench.asterisk import SUITE, beside, caller_uri
from bench.cpu import place_crowd
from bench.crowd import CrowdPlan
from bench.daemon import DaemonProcess
from bench.drills.common import say
from bench.drills.starved import waited_ns
from bench.report import Row
from bench.soak import GROWTH, Holdings, calls_one_after_another, holdings
from bench.speech import questions
from tests.asterisk.install import why_not
from tests.asterisk.pbx import Pbx

IN_A_ROW, AT_ONCE, ROUNDS, ROUND_S = 2000, 30, 20, 60.0
"""Calls one after another; calls at once, in so many rounds of so many seconds."""
SHORT_ROW, SHORT_AT_ONCE, SHORT_ROUND_S = 60, 10, 10.0
EACH_S = 1.0
"""Each call in a row lasts so long, seconds: answered, greeted, spoken to once, gone."""
BATCH = 100
"""Calls that one load caller places."""


def long(short: bool) -> list[Row]:
    """Half of the calls in a row come over SIP, half through Asterisk, where it is; those at once over SIP."""
    row, at_once = (SHORT_ROW, SHORT_AT_ONCE) if short else (IN_A_ROW, AT_ONCE)
    rounds, round_s = (1, SHORT_ROUND_S) if short else (ROUNDS, ROUND_S)
    with contextlib.ExitStack() as stack:
        pbx = None if why_not(SUITE) else stack.enter_context(Pbx(SUITE))
        daemon = stack.enter_context(DaemonProcess({**(beside(pbx) if pbx else {}), "CALLS__MAX": AT_ONCE}))
        if pbx:
            daemon.wait_for(lambda: daemon.health()["lines"].get("asterisk") == "up", 15, "connected to Asterisk")
        uris = [daemon.uri] + ([caller_uri(pbx)] if pbx else [])
        answered = _in_a_row(uris, max(20, row // 20)) + _crowd(daemon, at_once, round_s)
        early = holdings(daemon)
        answered += _in_a_row(uris, row)
        between = _rested(daemon, early)
        for number in range(rounds):
            answered += _crowd(daemon, at_once, round_s)
            say(f"long: round {number + 1} of {rounds}")
        late = _rested(daemon, early)
        left = pbx.channels() + pbx.bridges() if pbx else 0
        trouble, waited = daemon.trouble, max(waited_ns(daemon.pid).values()) / 1e9
        say("\n".join(trouble[:20]))
    placed = max(20, row // 20) + row + at_once * (rounds + 1)
    what = f"{row} calls in a row of {EACH_S:.0f} s each, then {at_once} at once for {rounds * round_s:.0f} s"
    told = _row((early, between, late), (answered, placed), left, trouble, what)
    kept = f"{told.measured}; the machine let a thread of the daemon wait {waited:.0f} s for a processor in all"
    return [replace(told, measured=kept)]


def _rested(daemon: DaemonProcess, early: Holdings) -> Holdings:
    """What is left; looked at again where it is more: once a minute Asterisk is asked what it holds."""
    left = holdings(daemon)
    for _ in range(2):
        if left.files <= early.files and left.sockets <= early.sockets and left.tasks <= early.tasks:
            break
        left = holdings(daemon)
    return left


def _in_a_row(uris: list[str], count: int) -> int:
    answered = done = 0
    while done < count:
        some = min(BATCH, count - done)
        answered += calls_one_after_another(uris[(done // BATCH) % len(uris)], some, EACH_S)
        done += some
        say(f"long: {done} of {count} in a row, {answered} answered")
    return answered


def _crowd(daemon: DaemonProcess, at_once: int, seconds: float) -> int:
    crowd, _ = place_crowd(CrowdPlan(daemon.uri, at_once, seconds, questions()), {"daemon": daemon.pid})
    return sum(call.status == 200 for call in crowd.calls)


def _row(
    seen: tuple[Holdings, Holdings, Holdings], calls: tuple[int, int], left: int, trouble: list[str], what: str
) -> Row:
    early, between, late = seen
    growth = max(late.rss, between.rss) / early.rss - 1
    kept = any(
        getattr(then, name) > getattr(early, name) for then in (between, late) for name in ("files", "sockets", "tasks")
    )
    measured = (
        f"{calls[0]} of {calls[1]} answered; warm: {early}; after the row: {between}; at the end: {late}, {left} "
        f"channels or bridges, {len(trouble)} errors; RSS {growth:+.1%}"
    )
    met = calls[0] == calls[1] and not kept and growth <= GROWTH and not trouble and not left
    return Row("drill-long", what, "RSS <= +5 % after warm-up; descriptors and tasks flat", measured, calls[1], met)
