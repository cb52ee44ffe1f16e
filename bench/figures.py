"""The figures of the embedded SIP line, measured on the wire."""

from itertools import cycle, islice

from bench.daemon import DaemonProcess
from bench.report import Row, percentile, spread, within
from bench.speech import interruption, questions
from bench.wire import Plan, PlanItem, WireReport, place

CALLS = 24
"""Samples of each latency."""

AT_ONCE = 20
STARTS = 20


def _checked(reports: list[WireReport], daemon: DaemonProcess) -> list[WireReport]:
    """The reports, when every call was answered and the daemon has no complaint; raises ``RuntimeError``."""
    refused = [report for report in reports if report.status != 200]
    if refused:
        raise RuntimeError(f"{len(refused)} of {len(reports)} calls were not answered ({refused[0].status})")
    if daemon.trouble:
        raise RuntimeError("the daemon's log has errors: " + "; ".join(daemon.trouble[:3]))
    return reports


def answer_and_greeting() -> list[Row]:
    """Short calls one after another: INVITE -> 200, 200 -> first audible sample."""
    with DaemonProcess() as daemon:
        plan = Plan(daemon.uri, [[] for _ in range(CALLS)], apart_ms=2000, hangup_after_s=1.5)
        reports = _checked(place(plan), daemon)
    answered = [report.answer_ms for report in reports if report.answer_ms is not None]
    greeted = [report.greeting_ms for report in reports if report.greeting_ms is not None]
    return [
        Row("answer", "INVITE -> 200 OK, SIP", "p95 <= 50 ms", spread(answered), len(answered), _all(answered, 50)),
        Row("greeting", "200 OK -> greeting heard", "p95 <= 120 ms", spread(greeted), len(greeted), _all(greeted, 120)),
    ]


def _all(values: list[float], bar_ms: float) -> bool:
    return len(values) == CALLS and within(values, 0.95, bar_ms)


def reply_and_barge_in() -> list[Row]:
    """A question, and an interruption one second into its answer; a new call every 8 s."""
    calls = [
        [PlanItem(question), PlanItem(interruption(), interrupt_after_s=1.0)]
        for question in islice(cycle(questions()), CALLS)
    ]
    with DaemonProcess() as daemon:
        reports = _checked(place(Plan(daemon.uri, calls, apart_ms=8000), timeout_s=600), daemon)
    turns = [turn for report in reports for turn in report.turns]
    replies = [turn["reply_ms"] for turn in turns if turn["kind"] == "say" and turn["reply_ms"] is not None]
    stops = [turn["stop_ms"] for turn in turns if turn["kind"] == "interrupt" and turn["stop_ms"] is not None]
    fast = within(replies, 0.5, 700) and within(replies, 0.95, 1000) and len(replies) >= CALLS
    quiet = within(stops, 0.5, 250) and len(stops) >= 20
    return [
        Row(
            "reply", "end of speech -> answer heard", "p50 <= 700, p95 <= 1000 ms", spread(replies), len(replies), fast
        ),
        Row("barge-in", "caller's onset -> bot silent", "p50 <= 250 ms", spread(stops), len(stops), quiet),
    ]


def pacing() -> list[Row]:
    """20 calls at once, each with a question: what our RTP looks like on the wire."""
    calls = [[PlanItem(question)] for question in islice(cycle(questions()), AT_ONCE)]
    with DaemonProcess() as daemon:
        plan = Plan(daemon.uri, calls, apart_ms=37, hangup_after_s=20)
        reports = _checked(place(plan), daemon)
    gaps = [gap for report in reports for gap in report.gaps_ms]
    lost = sum(report.lost for report in reports)
    replies = [turn["reply_ms"] for report in reports for turn in report.turns if turn["reply_ms"] is not None]
    p99 = percentile(gaps, 0.99)
    measured = f"p50 {percentile(gaps, 0.5):.1f}, p99 {p99:.1f}, worst {max(gaps):.1f} ms; {lost} lost"
    met = p99 <= 30 and not lost
    return [
        Row("pacing", "gap between RTP packets, 20 calls", "p99 <= 30 ms, none lost", measured, len(gaps), met),
        Row("reply-20", "reply, 20 calls at once, SIP", "none", spread(replies), len(replies), len(replies) == AT_ONCE),
    ]


def start() -> list[Row]:
    """From the process's birth to ``/health`` saying 200."""
    times = []
    for _ in range(STARTS):
        daemon = DaemonProcess()
        try:
            times.append(daemon.start() * 1000)
            daemon.stop()
        finally:
            daemon.kill()
            daemon.remove()
    return [Row("start", "start -> ready, demo model", "<= 4 s", spread(times), len(times), max(times) <= 4000)]
