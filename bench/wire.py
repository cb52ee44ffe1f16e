"""A light load caller: many scripted SIP calls at once from one process, measured packet by packet.

``python -m bench.wire`` reads a ``Plan`` as JSON on standard input and prints a JSON list of ``WireReport``;
it is run as a process of its own, so that the daemon never waits for the caller's Python. Received audio
is placed at the kernel's arrival time of its packet, sent audio 20 ms before its packet left (that is when a live
caller would have spoken it), so every latency includes one whole packet of the caller's own phone.
"""

import json
import secrets
import selectors
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from audio.wav import read_mono
from bench.rtp_wire import FRAME_NS, RtpIn, RtpOut, now_ns, receive, track
from bench.sip_side import SipSide
from telephony.phone_report import Track, measure
from telephony.phone_script import RATE, Cue, Item, Manners, Script

BRIDGED_MS = 300
"""Shorter silences belong to one run of speech."""


@dataclass(frozen=True, slots=True)
class PlanItem:
    """A WAV to play and when; see ``telephony.phone_script.Item``."""

    wav: str
    interrupt_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do."""

    uri: str
    calls: list[list[PlanItem]]
    """The script of each call; all calls are placed at once."""
    apart_ms: float = 0.0
    """Time between two INVITEs, milliseconds."""
    hangup_after_s: float | list[float] | None = None
    """Leave this long after the answer (a list: one for each call); none: after the last answer was heard, seconds."""
    host: str = "127.0.0.1"
    """Our address."""
    user: str = "bench"
    """The callers' numbers begin so; their place in ``calls`` follows."""
    patience_s: float = 10.0
    """Nothing heard for this long: go on, seconds."""
    quiet_ms: int = 700
    """The agent has finished when nothing was heard for this long, milliseconds."""


@dataclass(slots=True)
class WireReport:
    """One call on the wire; times in milliseconds, none where it did not happen."""

    status: int = 0
    """Final answer to the INVITE; 0: none came."""
    retry_after: str = ""
    """What a refusal said about trying again."""
    answer_ms: float | None = None
    answered_ns: int = 0
    """When the 200 came, the kernel's clock, nanoseconds."""
    greeting_ms: float | None = None
    """200 -> first audible sample."""
    turns: list[dict[str, Any]] = field(default_factory=list)
    asked_ms: list[list[float]] = field(default_factory=list)
    """From when to when the caller spoke in each turn, since the answer."""
    heard_ms: list[list[float]] = field(default_factory=list)
    """From when to when the agent was audible, since the answer; silences up to 300 ms are bridged."""
    gaps_ms: list[float] = field(default_factory=list)
    lost: int = 0
    packets: int = 0
    ended_by: str = ""
    """``caller``, ``far side``, or ``nobody`` when the BYE was not answered."""


class WireCall:
    """One call: its signalling, its script and what was heard."""

    def __init__(self, plan: Plan, number: int, items: Sequence[Item], start_ns: int) -> None:
        leave = plan.hangup_after_s
        leave_s = leave[number] if isinstance(leave, list) else leave
        manners = Manners(hangup_after_s=leave_s, patience_s=plan.patience_s, quiet_ms=plan.quiet_ms)
        self._script = Script(items, manners)
        self.side = SipSide(plan.uri, plan.host, f"{plan.user}{number}", start_ns)
        self._out, self.heard = RtpOut(secrets.randbits(32)), RtpIn()
        self._sent_at: list[int] = []
        self._sent: list[bytes] = []
        self.report = WireReport()

    def tick(self, now: int) -> None:
        """Do what is due at ``side.wake`` and set the next one."""
        if self.side.talking:
            self._speak()
        else:
            self.side.tick(now)

    def _speak(self) -> None:
        frame = self._script.step(self.heard.next_frame()) if self._sent else self._script.first()
        self._sent_at.append(now_ns())
        self._sent.append(frame)
        self.side.speak(self._out.packet(frame))
        self.side.wake += FRAME_NS
        if self._script.done:
            self.side.hang_up()

    def on_rtp(self, data: bytes, arrived: int) -> None:
        """Take one RTP datagram."""
        if self.side.talking or not self.side.answered:
            self.heard.take(data, arrived)

    def close(self, selector: selectors.BaseSelector) -> None:
        """The call is over: free its sockets and work its figures out."""
        for port in (self.side.sip, self.side.rtp):
            selector.unregister(port)
        self.side.close()
        self.report.status, self.report.retry_after = self.side.status, self.side.retry_after
        self.report.ended_by = self.side.ended_by
        if self.side.answered:
            self._measure(self.side.answered)

    def _measure(self, answered: int) -> None:
        report, heard = self.report, self.heard
        said = track(self._sent_at, self._sent, answered, shift_ns=-FRAME_NS)
        got = track(heard.arrivals, heard.sounds, answered)
        offset = (self._sent_at[0] - FRAME_NS - answered) * RATE // 1_000_000_000 if self._sent_at else 0
        cues = [cue.moved(offset) for cue in self._script.cues]
        report.greeting_ms, turns = measure(said, got, cues)
        report.turns = [asdict(turn) for turn in turns]
        spoken, sounds = Track(said), Track(got)
        report.asked_ms = [_sounding(spoken, cue) for cue in cues]
        report.heard_ms = [list(run) for run in sounds.runs(BRIDGED_MS)]
        report.answer_ms, report.answered_ns = (answered - self.side.invited) / 1e6, answered
        report.gaps_ms, report.lost, report.packets = heard.gaps_ms(), heard.lost(), len(heard.arrivals)


def _sounding(spoken: Track, cue: Cue) -> list[float]:
    """Of a cue, what is audible, milliseconds."""
    first, last = spoken.first_audible(cue.start, cue.end), spoken.last_audible(cue.start, cue.end)
    return [(place if place is not None else cue.end) * 1000 / RATE for place in (first, last)]


def run(plan: Plan) -> list[WireReport]:
    """Place all calls of the plan, wait until the last has ended."""
    sounds = {item.wav: read_mono(Path(item.wav), RATE) for items in plan.calls for item in items}
    start = now_ns()
    calls = []
    for number, items in enumerate(plan.calls):
        script = [Item(Path(i.wav).name, sounds[i.wav], interrupt_after_s=i.interrupt_after_s) for i in items]
        calls.append(WireCall(plan, number, script, start + int(number * plan.apart_ms * 1e6)))
    with selectors.SelectSelector() as selector:  # its timeout is finer than epoll's whole milliseconds
        for call in calls:
            selector.register(call.side.sip, selectors.EVENT_READ, (call, call.side.take))
            selector.register(call.side.rtp, selectors.EVENT_READ, (call, call.on_rtp))
        _loop(selector, calls)
    return [call.report for call in calls]


def _loop(selector: selectors.BaseSelector, calls: list[WireCall]) -> None:
    live = list(calls)
    while live:
        now = now_ns()
        for call in live:
            if call.side.wake <= now and not call.side.over:
                call.tick(now)
        wait_ns = min(call.side.wake for call in live) - now_ns()
        for key, _ in selector.select(max(0, wait_ns) / 1e9):
            _drain(key.fileobj, *key.data)
        for call in [call for call in live if call.side.over]:
            live.remove(call)
            call.close(selector)


def _drain(port: Any, call: WireCall, take: Callable[[bytes, int], None]) -> None:
    while not call.side.over:
        got = receive(port)
        if got is None:
            return
        take(*got)


def main() -> int:
    """Plan as JSON in, reports as JSON out."""
    given = json.load(sys.stdin)
    given["calls"] = [[PlanItem(**item) for item in items] for items in given["calls"]]
    reports = run(Plan(**given))
    json.dump([asdict(report) for report in reports], sys.stdout)
    return 0


def place(plan: Plan, timeout_s: float = 300.0) -> list[WireReport]:
    """Run a plan in a process of its own; raises ``RuntimeError`` with its last words when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.wire"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the load caller failed: {done.stderr[-1000:]}")
    return [WireReport(**report) for report in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main())
