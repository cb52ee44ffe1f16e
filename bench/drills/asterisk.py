"""Asterisk is killed in mid-call and comes back, again and again."""

import random
import time
from dataclasses import dataclass, field

from bench.asterisk import SUITE, behind, caller_uri
from bench.daemon import DaemonProcess
from bench.drills.common import Caller, Holdings, holdings, say, seconds, settled, wait_for
from bench.report import Row
from bench.wire import Plan, WireReport, run
from tests.asterisk.install import why_not
from tests.asterisk.pbx import Pbx

TIMES, SHORT = 100, 3
NOTICED_S, ANSWERED_S = 5.0, 2.0
"""Bars: a lost Asterisk is noticed; after it is back the next call is answered, seconds."""
AWAY_S = 6.0
"""Asterisk stays away for this long at most, seconds."""
SEED = 8


@dataclass(slots=True)
class _Seen:
    """What all rounds showed, seconds."""

    noticed: list[float] = field(default_factory=list)
    """Kill -> the line counts as down."""
    closed: list[float] = field(default_factory=list)
    """Kill -> the call's record is closed."""
    back: list[float] = field(default_factory=list)
    """Asterisk is up -> connected."""
    answered: list[float] = field(default_factory=list)
    """Asterisk is up -> the next caller is answered by us."""
    left: int = 0
    """Channels and bridges."""
    causes: dict[str, int] = field(default_factory=dict)
    """How the records of the cut calls say that they ended."""


def asterisk(short: bool) -> list[Row]:
    """``TIMES`` kills at random moments of a call."""
    return drill(SHORT if short else TIMES)


def drill(times: int, slack: float = 1.0) -> list[Row]:
    """So many kills; raises ``RuntimeError`` where there is no Asterisk. ``slack``: by so much times may be longer."""
    if why_not(SUITE):
        raise RuntimeError(f"Asterisk 22: {why_not(SUITE)}")
    chance, seen = random.Random(SEED), _Seen()
    with Pbx(SUITE) as pbx, DaemonProcess(behind(pbx)) as daemon:
        _up(daemon, 15)
        before = holdings(daemon)
        for number in range(times):
            _round(pbx, daemon, chance, seen)
            if number % 10 == 9:
                say(f"asterisk: {number + 1} of {times}: {holdings(daemon)}, noticed {seconds(seen.noticed)}")
        daemon.wait_for_records()
        after, trouble = settled(daemon, before), daemon.trouble
    return [_what_is_left(seen, before, after, trouble), _how_soon(seen, slack)]


def _round(pbx: Pbx, daemon: DaemonProcess, chance: random.Random, seen: _Seen) -> None:
    known = len(daemon.rows("SELECT 1 FROM calls"))
    talked_s = chance.uniform(0.0, 2.0)
    Caller(Plan(caller_uri(pbx), [[]], hangup_after_s=talked_s + 1))
    if wait_for(lambda: len(daemon.rows("SELECT 1 FROM calls")) > known, 5) == float("inf"):
        raise RuntimeError(f"a call did not come in:\n{daemon.log[-2000:]}")
    time.sleep(talked_s)
    killed = time.monotonic()
    pbx.stop()
    seen.noticed.append(wait_for(lambda: not _connected(daemon), 10))
    wait_for(lambda: not daemon.rows("SELECT 1 FROM calls WHERE ended_at IS NULL"), 10)
    seen.closed.append(time.monotonic() - killed)
    (call,) = daemon.rows("SELECT status, cause FROM calls ORDER BY started_at DESC LIMIT 1")
    how = f"{call['status']} {call['cause']}"
    seen.causes[how] = seen.causes.get(how, 0) + 1
    time.sleep(chance.uniform(0.0, AWAY_S))
    pbx.start()
    _call_again(pbx, daemon, seen)


def _call_again(pbx: Pbx, daemon: DaemonProcess, seen: _Seen) -> None:
    up = time.monotonic()
    _up(daemon, 15)
    seen.back.append(time.monotonic() - up)
    answered = "SELECT 1 FROM calls WHERE answered_at <> ''"
    known = len(daemon.rows(answered))
    waited = time.monotonic() - up
    (report,) = run(Plan(caller_uri(pbx), [[]], hangup_after_s=0.5))
    ours = wait_for(lambda: len(daemon.rows(answered)) > known, 2) < float("inf")
    seen.answered.append(waited + _answer_s(report) if ours else float("inf"))
    wait_for(lambda: not (pbx.channels() or pbx.bridges()), 5)
    seen.left += pbx.channels() + pbx.bridges()


def _answer_s(report: WireReport) -> float:
    return float("inf") if report.answer_ms is None else report.answer_ms / 1000


def _connected(daemon: DaemonProcess) -> bool:
    return bool(daemon.health().get("lines", {}).get("asterisk") == "up")


def _up(daemon: DaemonProcess, within_s: float) -> None:
    daemon.wait_for(lambda: _connected(daemon), within_s, "connected to Asterisk")


def _what_is_left(seen: _Seen, before: Holdings, after: Holdings, trouble: list[str]) -> Row:
    leaked = any(late > early for late, early in zip(after, before, strict=True))
    told = bool(seen.causes) and "completed caller" not in seen.causes
    measured = (
        f"before: {before}; after: {after}; {seen.left} channels or bridges, {len(trouble)} errors in the log; "
        f"records closed after {seconds(seen.closed)}: {_spelled(seen.causes)}"
    )
    met = not leaked and not seen.left and not trouble and told
    return Row(
        "drill-asterisk", "Asterisk killed in mid-call: what is left", "nothing", measured, len(seen.closed), met
    )


def _how_soon(seen: _Seen, slack: float) -> Row:
    met = max(seen.noticed) <= NOTICED_S * slack and max(seen.answered) <= ANSWERED_S * slack
    figures = f"noticed {seconds(seen.noticed)}; connected {seconds(seen.back)}; answered {seconds(seen.answered)}"
    bar = "noticed <= 5 s; next call answered <= 2 s after it is back"
    return Row("drill-asterisk-time", "the same: how soon", bar, figures, len(seen.noticed), met)


def _spelled(causes: dict[str, int]) -> str:
    return ", ".join(f"{count} {how}" for how, count in sorted(causes.items()))
