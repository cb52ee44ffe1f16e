"""A light load caller: many scripted SIP calls at once from one process, measured packet by packet.

``python -m bench.wire`` reads a ``Plan`` as JSON on standard input and prints a JSON list of ``WireReport``;
it is run as a process of its own, so that the daemon never waits for the caller's Python. Received audio
is placed at the kernel's arrival time of its packet, sent audio 20 ms before its packet left (that is when a live
caller would have spoken it), so every latency includes one whole packet of the caller's own phone.
"""

import contextlib
import json
import secrets
import selectors
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from audio.wav import read_mono
from bench import sip_text
from bench.rtp_wire import FRAME_NS, RtpIn, RtpOut, now_ns, open_socket, receive, track
from telephony.phone_address import target
from telephony.phone_report import measure
from telephony.phone_script import RATE, Item, Manners, Script

RESEND_NS = 500_000_000
"""T1 of RFC 3261, 17.1.1.2: an INVITE without any answer is repeated after this, then after twice as long."""

GIVE_UP_NS = 10_000_000_000
"""No final answer to the INVITE, or to the BYE, within this."""


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


@dataclass(slots=True)
class WireReport:
    """One call on the wire; times in milliseconds, none where it did not happen."""

    status: int = 0
    """Final answer to the INVITE; 0: none came."""
    retry_after: str = ""
    """What a refusal said about trying again."""
    answer_ms: float | None = None
    greeting_ms: float | None = None
    """200 -> first audible sample."""
    turns: list[dict[str, Any]] = field(default_factory=list)
    gaps_ms: list[float] = field(default_factory=list)
    lost: int = 0
    packets: int = 0
    ended_by: str = ""
    """``caller``, ``far side``, or ``nobody`` when the BYE was not answered."""


class WireCall:
    """One call: its two sockets, its dialog and its script. ``wake`` is the next time it wants to be called."""

    def __init__(self, plan: Plan, number: int, items: Sequence[Item], start_ns: int) -> None:
        leave = plan.hangup_after_s
        leave_s = leave[number] if isinstance(leave, list) else leave
        manners = Manners(hangup_after_s=leave_s, patience_s=plan.patience_s)
        self._script = Script(items, manners)
        self.sip, self.rtp = open_socket(plan.host), open_socket(plan.host)
        host, port = target(plan.uri)
        self._far = (socket.gethostbyname(host), port)
        own = f"{plan.host}:{self.sip.getsockname()[1]}"
        self._dialog = sip_text.Dialog(plan.uri, own, user=f"{plan.user}{number}")
        self._sdp = sip_text.offer(plan.host, self.rtp.getsockname()[1])
        self._media: tuple[str, int] | None = None
        self._out, self.heard = RtpOut(secrets.randbits(32)), RtpIn()
        self._sent_at: list[int] = []
        self._sent: list[bytes] = []
        self._invite = b""
        self._invited = self._answered = self._leaving = 0
        self._resend_ns = RESEND_NS
        self.report = WireReport()
        self.over = False
        self.wake = start_ns

    def tick(self, now: int) -> None:
        """Do what is due at ``wake`` and set the next ``wake``."""
        if self._answered and not self._leaving:
            self._speak()
        elif self._leaving:
            self._finish("nobody")
        elif self._invited and now - self._invited > GIVE_UP_NS:
            self._send(self._dialog.cancel())
            self._finish("nobody")
        else:
            self._ring()

    def _ring(self) -> None:
        if not self._invited:
            self._invite = self._dialog.invite(self._sdp)
            self._invited = now_ns()
        else:
            self._resend_ns *= 2
        self._send(self._invite)
        self.wake += self._resend_ns

    def _speak(self) -> None:
        frame = self._script.step(self.heard.next_frame()) if self._sent else self._script.first()
        self._sent_at.append(now_ns())
        self._sent.append(frame)
        packet = self._out.packet(frame)
        if self._media is not None:
            with contextlib.suppress(ConnectionRefusedError):  # they hung up, the BYE is on its way
                self.rtp.sendto(packet, self._media)
        self.wake += FRAME_NS
        if self._script.done:
            self._send(self._dialog.bye())
            self._leaving = now_ns()
            self.wake = self._leaving + GIVE_UP_NS

    def on_sip(self, data: bytes, arrived: int) -> None:
        """Take one SIP datagram."""
        if len(data) <= 4 or data[0] & 0xC0 == 0x80:  # keep-alive; RTCP of a neighbour
            return
        message = sip_text.read(data)
        if not message.status:
            self._asked(message)
        elif message.method == "INVITE" and message.status >= 200:
            self._decided(message, arrived)
        elif message.method == "INVITE":
            self._resend_ns = GIVE_UP_NS
        elif message.method == "BYE" and message.status >= 200:
            self._finish("caller")

    def _decided(self, message: sip_text.Message, arrived: int) -> None:
        if message.status >= 300:
            self._send(self._dialog.ack(message))
            self.report.status = message.status
            self.report.retry_after = message.headers.get("retry-after", "")
            self._finish("far side")
            return
        self._dialog.answered(message)
        self._send(self._dialog.ack())
        if self._answered:  # our ACK was lost
            return
        self.report.status, self._answered = message.status, arrived
        self._media = sip_text.media_address(message.body)
        self.wake = now_ns()

    def _asked(self, message: sip_text.Message) -> None:
        if message.method == "ACK":
            return
        body = self._sdp if message.method == "INVITE" else ""
        self._send(sip_text.response(message, "200 OK", contact=self._dialog.own, body=body))
        if message.method == "BYE":
            self._finish("far side")

    def on_rtp(self, data: bytes, arrived: int) -> None:
        """Take one RTP datagram."""
        if not self._leaving:
            self.heard.take(data, arrived)

    def _send(self, data: bytes) -> None:
        self.sip.sendto(data, self._far)

    def _finish(self, ended_by: str) -> None:
        self.over = True
        self.report.ended_by = ended_by

    def close(self, selector: selectors.BaseSelector) -> None:
        """The call is over: free its sockets and work its figures out."""
        for port in (self.sip, self.rtp):
            selector.unregister(port)
            port.close()
        if self._answered:
            self._measure()

    def _measure(self) -> None:
        report, heard = self.report, self.heard
        said = track(self._sent_at, self._sent, self._answered, shift_ns=-FRAME_NS)
        got = track(heard.arrivals, heard.sounds, self._answered)
        offset = (self._sent_at[0] - FRAME_NS - self._answered) * RATE // 1_000_000_000 if self._sent_at else 0
        cues = [cue.moved(offset) for cue in self._script.cues]
        report.greeting_ms, turns = measure(said, got, cues)
        report.turns = [asdict(turn) for turn in turns]
        report.answer_ms = (self._answered - self._invited) / 1e6
        report.gaps_ms, report.lost, report.packets = heard.gaps_ms(), heard.lost(), len(heard.arrivals)


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
            selector.register(call.sip, selectors.EVENT_READ, (call, call.on_sip))
            selector.register(call.rtp, selectors.EVENT_READ, (call, call.on_rtp))
        _loop(selector, calls)
    return [call.report for call in calls]


def _loop(selector: selectors.BaseSelector, calls: list[WireCall]) -> None:
    live = list(calls)
    while live:
        now = now_ns()
        for call in live:
            if call.wake <= now and not call.over:
                call.tick(now)
        wait_ns = min(call.wake for call in live) - now_ns()
        for key, _ in selector.select(max(0, wait_ns) / 1e9):
            _drain(key.fileobj, *key.data)
        for call in [call for call in live if call.over]:
            live.remove(call)
            call.close(selector)


def _drain(port: Any, call: WireCall, take: Callable[[bytes, int], None]) -> None:
    while not call.over:
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
