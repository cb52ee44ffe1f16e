"""20 simultaneous calls through a real Asterisk: caller -> PJSIP -> Stasis -> daemon."""

from itertools import cycle, islice

from bench.daemon import DaemonProcess
from bench.report import Row, spread, within
from bench.speech import questions
from bench.wire import Plan, PlanItem, place
from tests.asterisk.install import why_not
from tests.asterisk.pbx import Pbx

SUITE = "sid"
"""Debian sid has Asterisk 22."""

AT_ONCE = 20
NUMBER = "4951112233"


def behind(pbx: Pbx) -> dict[str, object]:
    """Settings of a daemon whose only line is this Asterisk."""
    return {"SIP__ENABLED": "false", **beside(pbx)}


def beside(pbx: Pbx) -> dict[str, object]:
    """Settings of a daemon with a SIP line and this Asterisk."""
    return {
        "ASTERISK__URL": pbx.url,
        "ASTERISK__USERNAME": pbx.username,
        "ASTERISK__PASSWORD": pbx.password,
    }


def caller_uri(pbx: Pbx) -> str:
    """What a phone rings to come to the daemon through Asterisk."""
    return f"sip:{NUMBER}@127.0.0.1:{pbx.sip_port}"


def asterisk() -> list[Row]:
    """All answered, none in error, replies in time, no channel or bridge left."""
    calls = [[PlanItem(question)] for question in islice(cycle(questions()), AT_ONCE)]
    if why_not(SUITE):
        raise RuntimeError(f"Asterisk 22: {why_not(SUITE)}")
    with Pbx(SUITE) as pbx:
        with DaemonProcess(behind(pbx)) as daemon:
            daemon.wait_for(lambda: daemon.health()["lines"].get("asterisk") == "up", 15, "connected to Asterisk")
            plan = Plan(caller_uri(pbx), calls, apart_ms=20)
            reports = place(plan)
            daemon.wait_for(lambda: daemon.health().get("calls") == 0, 15, "free of calls")
            trouble = daemon.trouble
        left = pbx.channels() + pbx.bridges()
    answered = sum(report.status == 200 for report in reports)
    replies = [turn["reply_ms"] for report in reports for turn in report.turns if turn["reply_ms"] is not None]
    met = answered == AT_ONCE == len(replies) and not trouble and not left and within(replies, 0.95, 1500)
    measured = f"{answered} answered, {len(trouble)} errors, {left} channels or bridges left; reply {spread(replies)}"
    bar = "all, no error, reply p95 <= 1.5 s"
    return [Row("asterisk20", "20 calls through Asterisk 22", bar, measured, len(replies), met)]
