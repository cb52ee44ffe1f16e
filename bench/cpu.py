"""40 calls at once behind a real Asterisk 22: how quick the replies are, and what a call costs in which thread."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import psutil

from agent.compiled import PLACE, digest
from bench.asterisk import SUITE, behind, caller_uri
from bench.crowd import CallerReport, CrowdPlan, CrowdReport
from bench.daemon import ROOT, DaemonProcess
from bench.report import Row, percentile, spread, within
from bench.speech import questions
from bench.threads import MAIN, NamedDaemon, Sample, between, look, of, others, slowness, spelled
from tests.asterisk.install import why_not
from tests.asterisk.pbx import Pbx

AT_ONCE = 40
TALK_S = 75.0
"""Length of a call in which the caller talks, seconds."""
LISTEN_S = 40.0
"""Length of a call in which nobody talks after the greeting, seconds."""
IDLE_S = 8.0
SETTLED_NS = 4_000_000_000
"""What is left out after the last answer while calls are being set up, nanoseconds."""
GREETED_NS = 10_000_000_000
"""The same until the last greeting is over."""
EVERY_S = 0.5
"""Between two looks at the CPU, seconds."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One crowd at the daemon's door."""

    crowd: CrowdReport
    idle: dict[str, float]
    """Shares of a core without calls, see ``bench.threads.between``."""
    busy: dict[str, float]
    """The same while all calls were there."""
    trouble: list[str]
    left: int
    """Channels and bridges that stayed in Asterisk."""
    stages: dict[str, list[int]]
    """What the call log says of the replies: milliseconds of audio since the end of speech, a list for each stage."""
    between_ns: tuple[int, int]
    """When all calls were there, the kernel's real-time clock, nanoseconds."""
    slowness: float
    """See ``bench.threads.slowness``."""

    @property
    def turns(self) -> list[dict[str, Any]]:
        """The turns of all calls."""
        return [turn for call in self.crowd.calls for turn in call.turns]

    @property
    def replies(self) -> list[float]:
        """End of speech -> answer heard, of turns into which the agent did not speak, milliseconds."""
        return [turn["reply_ms"] for turn in self.turns if turn["reply_ms"] is not None and not turn["cut_in"]]

    @property
    def answered(self) -> int:
        """Calls."""
        return sum(call.status == 200 for call in self.crowd.calls)

    def loop_of_a_call(self) -> float:
        """Share of a core that the event loop takes for each call."""
        return (of(self.busy, "daemon", MAIN) - of(self.idle, "daemon", MAIN)) / len(self.crowd.calls)


def asterisk40() -> list[Row]:
    """40 calls that talk half of the time."""
    seen = _talking_crowd()
    calls = seen.crowd.calls
    torn = sum(call.late + call.lost + call.holes for call in calls)
    silent = sum(turn["reply_ms"] is None for turn in seen.turns)
    met = seen.answered == AT_ONCE and not torn and not silent and not seen.trouble and not seen.left
    met = met and within(seen.replies, 0.95, 800)
    measured = (
        f"{seen.answered} answered, {torn} drop-outs, {silent} turns without a reply; reply {spread(seen.replies)}"
    )
    bar = "all, reply p95 <= 800 ms, no drop-outs"
    what = f"40 calls through Asterisk 22, callers talk {_talking(calls):.0%} of the time"
    return [Row("asterisk40", what, bar, measured, len(seen.replies), met)]


def cpu() -> list[Row]:
    """A call in which both talk, and one in which nobody does."""
    quiet = hold_crowd([], LISTEN_S, GREETED_NS, TURNS__REPROMPT_S=120)
    _explain("cpu-silent", quiet)
    return [_cost("cpu-call", _talking_crowd(), 0.003), _cost("cpu-silent", quiet, 0.0005)]


@cache
def _talking_crowd() -> Measured:
    """Both rows of it come from one crowd."""
    seen = hold_crowd(questions(), TALK_S)
    _explain("asterisk40", seen)
    return seen


def _cost(name: str, seen: Measured, bar: float) -> Row:
    took = seen.loop_of_a_call()
    what = {
        "cpu-call": "daemon's CPU per call, listening and playing, 40 calls, WebSocket media",
        "cpu-silent": "daemon's CPU per call, silent caller, 40 calls, WebSocket media",
    }[name]
    engines = of(seen.busy, "daemon") - of(seen.busy, "daemon", MAIN)
    made = "compiled" if (PLACE / digest()).is_dir() else "from source"
    measured = (
        f"{took:.3%} of a core, {made}; all other threads (recogniser, voice, record) {engines / AT_ONCE:.3%}; "
        f"a fixed loop took {seen.slowness:.2f} times its best meanwhile"
    )
    return Row(name, what, f"<= {bar:.2%} of a core, engines excluded", measured, AT_ONCE, took <= bar)


def hold_crowd(
    wavs: list[str],
    seconds: float,
    settled_ns: int = SETTLED_NS,
    *,
    daemon: type[NamedDaemon] = NamedDaemon,
    **settings: object,
) -> Measured:
    """Let ``AT_ONCE`` callers talk through Asterisk; raises ``RuntimeError`` where that can't be.

    The CPU is measured from ``settled_ns`` after the last answer to the first farewell.
    """
    if why_not(SUITE):
        raise RuntimeError(f"Asterisk 22: {why_not(SUITE)}")
    with Pbx(SUITE) as pbx:
        with daemon({**behind(pbx), "CALLS__MAX": AT_ONCE, **settings}) as house:
            house.wait_for(lambda: house.health()["lines"].get("asterisk") == "up", 15, "connected to Asterisk")
            watched = {"daemon": house.pid, "asterisk": _asterisk()}
            idle = [look(watched)]
            time.sleep(IDLE_S)
            idle.append(look(watched))
            plan = CrowdPlan(caller_uri(pbx), AT_ONCE, seconds, wavs)
            crowd, samples = place_crowd(plan, watched)
            house.wait_for(lambda: house.health().get("calls") == 0, 15, "free of calls")
            trouble, stages = house.trouble, _stages(house)
        left = pbx.channels() + pbx.bridges()
    if not any(call.status == 200 for call in crowd.calls):
        raise RuntimeError("no call was answered")
    begin = max(call.answered_ns for call in crowd.calls) + settled_ns
    end = min(call.left_ns for call in crowd.calls if call.status == 200)
    quiet = between(idle, 0, idle[-1].at_ns)
    if end - begin < 2 * EVERY_S * 1e9:
        raise RuntimeError("the calls did not overlap long enough to measure the CPU")
    busy, slow = between(samples, begin, end), slowness(idle + samples, begin, end)
    return Measured(crowd, quiet, busy, trouble, left, stages, (begin, end), slow)


def _stages(daemon: DaemonProcess) -> dict[str, list[int]]:
    told: dict[str, list[int]] = {}
    for row in daemon.rows("SELECT stages FROM turns WHERE n > 0"):
        for stage, at in json.loads(row["stages"]).items():
            told.setdefault(stage, []).append(at)
    return told


def _asterisk() -> int:
    """The one that this process has started."""
    (found,) = [child.pid for child in psutil.Process().children(recursive=True) if child.name() == "asterisk"]
    return int(found)


@contextmanager
def _callers(plan: CrowdPlan) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.crowd"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def place_crowd(plan: CrowdPlan, watched: dict[str, int]) -> tuple[CrowdReport, list[Sample]]:
    """Hold the calls in a process of its own and watch who takes the CPU meanwhile."""
    samples: list[Sample] = []
    with _callers(plan) as process:
        everyone = {**watched, "callers": process.pid}
        assert process.stdin is not None
        process.stdin.write(json.dumps(asdict(plan)))
        process.stdin.close()
        process.stdin = None
        deadline = time.monotonic() + plan.seconds * 2 + 120
        said = ""
        while time.monotonic() < deadline:
            samples.append(look(everyone))
            try:
                said, complaint = process.communicate(timeout=EVERY_S)
                break
            except subprocess.TimeoutExpired:
                continue
        if process.returncode != 0:
            raise RuntimeError(f"the callers failed: {complaint[-1000:] if process.returncode else 'they never ended'}")
    report = json.loads(said)
    return CrowdReport([CallerReport(**call) for call in report["calls"]], report["behind_ms"]), samples


def _talking(calls: list[CallerReport]) -> float:
    """Share of the time in which callers talk."""
    return sum(call.talked_s for call in calls) / max(1.0, sum(call.media_s for call in calls))


def _explain(name: str, seen: Measured) -> None:
    """Where the time and the CPU went, on standard error."""
    calls = seen.crowd.calls
    agent = sum(call.agent_s for call in calls) / max(1.0, sum(call.media_s for call in calls))
    answers = [call.answer_ms for call in calls if call.answer_ms is not None]
    lines = [
        f"callers talk {_talking(calls):.0%}, agent {agent:.0%} of the time; {len(seen.turns)} turns, "
        f"{sum(turn['cut_in'] for turn in seen.turns)} spoken into; answered in {spread(answers)}",
        f"late {sum(call.late for call in calls)}, lost {sum(call.lost for call in calls)}, "
        f"holes {sum(call.holes for call in calls)}, packets {sum(call.packets for call in calls)}; "
        f"callers sent {seen.crowd.behind_ms} ms late (p99)",
        f"idle: {spelled(seen.idle)}",
        f"busy: {spelled(seen.busy)}",
        f"other processes of this machine: {others(seen.busy):.1%} of a core; "
        f"a fixed loop took {seen.slowness:.2f} times its best",
        f"event loop per call {seen.loop_of_a_call():.3%}; trouble: {seen.trouble[:3]}; left in Asterisk: {seen.left}",
    ]
    if seen.replies:
        spread_of = [round(percentile(seen.replies, share)) for share in (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)]
        lines += [f"{stage} {spread(times)}" for stage, times in seen.stages.items() if stage != "speech_end"]
        lines.append(f"replies at 10 25 50 75 90 95 99 %: {spread_of} ms")
    print("\n".join(f"  {name}: {line}" for line in lines), file=sys.stderr, flush=True)
