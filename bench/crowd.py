"""Many callers in one thread at the least cost, so that a small machine's cores are left to those who are measured.

``python -m bench.crowd`` reads a ``CrowdPlan`` as JSON on standard input and prints a ``CrowdReport``. All callers
share one SIP and one RTP socket; what they say was encoded before the first call, what they hear is only kept, with
the kernel's time of arrival, and worked out after the last. Times mean the same as in ``bench.wire``.
"""

import json
import secrets
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiortp.codecs import get_codec

from bench import sip_text
from bench.crowd_talk import SILENCE, Talk, line_noise, phrase
from bench.dropouts import holes, late, lost, speaking
from bench.report import percentile
from bench.rtp_wire import FRAME_NS, PCMA, RtpIn, now_ns, open_socket, track
from telephony.phone_address import target
from telephony.phone_report import Track, TurnFigures, measure
from telephony.phone_script import FRAME, RATE, Cue, Kind

SLOTS = 5
"""Groups of callers within 20 ms: one wakes every 4 ms."""
RESEND_NS = 500_000_000
"""T1 of RFC 3261."""
GIVE_UP_NS = 10_000_000_000
OVERLAP_MS = 300
"""The agent's last words may reach into the beginning of a turn for so long."""

_HEADER = struct.Struct("!BBHII")
_TIMESPEC = struct.Struct("ll")


@dataclass(frozen=True, slots=True)
class CrowdPlan:
    """What to do."""

    uri: str
    callers: int
    """Calls at once."""
    seconds: float
    """Each leaves so long after its answer, when the reply under way was heard."""
    wavs: list[str]
    """Phrases that the callers say, each beginning elsewhere in the list; none: they only listen."""
    apart_ms: float = 100.0
    """Time between two INVITEs, milliseconds."""
    host: str = "127.0.0.1"


@dataclass(slots=True)
class CallerReport:
    """One call; times in milliseconds or seconds as their names say."""

    status: int = 0
    """Final answer to the INVITE; 0: none came."""
    answer_ms: float | None = None
    greeting_ms: float | None = None
    turns: list[dict[str, Any]] = field(default_factory=list)
    """``telephony.phone_report.TurnFigures`` of each turn, and whether the agent spoke into it as ``cut_in``."""
    late: int = 0
    """See ``bench.dropouts``; likewise the next two."""
    lost: int = 0
    holes: int = 0
    packets: int = 0
    """Heard."""
    talked_s: float = 0.0
    """The caller's speech, seconds."""
    agent_s: float = 0.0
    """The agent's audible speech, seconds."""
    media_s: float = 0.0
    """From the answer to the end, seconds."""
    answered_ns: int = 0
    """The kernel's clock, nanoseconds."""
    left_ns: int = 0
    """The kernel's clock, nanoseconds."""
    ended_by: str = "nobody"


@dataclass(slots=True)
class CrowdReport:
    """All calls."""

    calls: list[CallerReport]
    behind_ms: float
    """How late the callers sent their packets, 99th percentile, milliseconds: their own machine's fault."""


class Caller:
    """One call: its dialog, its talk, its packets."""

    def __init__(self, plan: CrowdPlan, talk: Talk, ports: tuple[int, int], number: int, start_ns: int) -> None:
        self.dialog = sip_text.Dialog(plan.uri, f"{plan.host}:{ports[0]}", user=f"crowd{number}")
        self._sdp = sip_text.offer(plan.host, ports[1])
        self.talk = talk
        self.media: tuple[str, int] | None = None
        self.report = CallerReport()
        self.raw: list[tuple[bytes, int]] = []
        self.over = False
        self._sent_at: list[int] = []
        self._ssrc, self._invite, self._invited, self._heard_of = secrets.randbits(32), b"", 0, False
        self._wake, self._leaving = start_ns, 0

    def signalling(self, now: int) -> bytes:
        """What to send over SIP now; usually nothing."""
        if self.over or now < self._wake:
            return b""
        if self._leaving or (self._invited and now - self._invited > GIVE_UP_NS):
            self.over = True
            return b"" if self._leaving else self.dialog.cancel()
        self._wake = now + (GIVE_UP_NS if self._heard_of else RESEND_NS)
        if not self._invited:
            self._invited, self._invite = now, self.dialog.invite(self._sdp)
        return self._invite

    def packet(self, now: int) -> bytes:
        """The next RTP packet of the call."""
        frame = self.talk.next_frame()
        number = len(self._sent_at)
        self._sent_at.append(now)
        head = 0x80 if number == 0 else 0
        return _HEADER.pack(0x80, PCMA | head, number & 0xFFFF, number * FRAME & 0xFFFFFFFF, self._ssrc) + frame

    def leave(self, now: int) -> bytes:
        """The BYE."""
        self._leaving = self.report.left_ns = now
        self._wake = now + GIVE_UP_NS
        self.report.ended_by = "caller"
        return self.dialog.bye()

    @property
    def talking(self) -> bool:
        """Audio flows."""
        return self.media is not None and not self._leaving and not self.over

    def hear_sip(self, message: sip_text.Message, now: int) -> bytes:
        """Take a message of this dialog; the answer to it."""
        if not message.status:
            return self._asked(message, now)
        self._heard_of = True
        if message.method == "BYE":
            self.over = True
        elif message.method == "INVITE" and message.status >= 300:
            self.report.status, self.over = message.status, True
            return self.dialog.ack(message)
        elif message.method == "INVITE" and message.status >= 200:
            self.dialog.answered(message)
            if self.media is None:
                self.media = sip_text.media_address(message.body)
                self.report.status, self.report.answered_ns = message.status, now
                self._wake = now + 10**15
            return self.dialog.ack()
        return b""

    def _asked(self, message: sip_text.Message, now: int) -> bytes:
        if message.method == "ACK":
            return b""
        if message.method == "BYE":
            self.over = True
            self.report.left_ns = self.report.left_ns or now
            self.report.ended_by = "far side"
        body = self._sdp if message.method == "INVITE" else ""
        return sip_text.response(message, "200 OK", contact=self.dialog.own, body=body)

    def finish(self, known: dict[bytes, bytes]) -> CallerReport:
        """Work the call out; ``known`` gives the PCM16 of every frame that may have been sent."""
        report, heard = self.report, RtpIn()
        for data, at in self.raw:
            heard.take(data, at)
        if not self._sent_at:
            return report
        origin = report.answered_ns
        said = track(self._sent_at, [known[frame] for frame in self.talk.sent], origin, shift_ns=-FRAME_NS)
        got = track(heard.arrivals, heard.sounds, origin)
        offset = (self._sent_at[0] - FRAME_NS - origin) * RATE // 1_000_000_000
        cues = [
            Cue("+".join(one.name for one in phrases), Kind.SAY, start * FRAME, end * FRAME).moved(offset)
            for start, end, phrases in self.talk.turns
        ]
        report.answer_ms = (origin - self._invited) / 1e6
        report.greeting_ms, turns = measure(said, got, cues)
        self._note(report, turns, Track(got), cues)
        spoken = speaking(heard.sounds)
        talked = [_within(at, origin, cues, 0.1) for at in (0, *heard.arrivals)]  # where the wait for each began
        report.late = late(heard, [one and not two for one, two in zip(spoken, talked, strict=False)])
        report.lost = lost(heard, spoken)
        report.holes = holes(heard.sounds, [_within(at, origin, cues, 1.0) for at in heard.arrivals])
        report.packets, report.agent_s = len(heard.arrivals), round(sum(spoken) / 50, 2)
        return report

    def _note(self, report: CallerReport, turns: tuple[TurnFigures, ...], got: Track, cues: list[Cue]) -> None:
        allowed = OVERLAP_MS * RATE // 1000
        report.turns = [
            {**asdict(turn), "cut_in": got.first_audible(cue.start + allowed, cue.end) is not None}
            for turn, cue in zip(turns, cues, strict=True)
        ]
        report.talked_s = round(sum(end - start for start, end, _ in self.talk.turns) / 50, 2)
        report.media_s = round((report.left_ns - report.answered_ns) / 1e9, 2)


class Crowd:
    """All callers and their two sockets."""

    def __init__(self, plan: CrowdPlan) -> None:
        phrases, noise = [phrase(Path(wav)) for wav in plan.wavs], line_noise()
        self._sip, self._rtp = open_socket(plan.host), open_socket(plan.host)
        ports = (int(self._sip.getsockname()[1]), int(self._rtp.getsockname()[1]))
        self._far = target(plan.uri)
        start = now_ns()
        talks = [Talk(phrases, noise, number, plan.seconds) for number in range(plan.callers)]
        self.callers = [
            Caller(plan, talk, ports, number, start + int(number * plan.apart_ms * 1e6))
            for number, talk in enumerate(talks)
        ]
        self._by_dialog = {caller.dialog.call_id: caller for caller in self.callers}
        self._by_port: dict[int, Caller] = {}
        decode = get_codec(PCMA).decode
        self._known = {frame: bytes(decode(frame)) for frame in {*noise, SILENCE}}
        self._known |= {coded: pcm for one in phrases for coded, pcm in zip(one.frames, one.pcm, strict=True)}
        self._behind: list[float] = []

    def hold(self) -> CrowdReport:
        """Place all calls, wait until the last has ended."""
        with self._sip, self._rtp:
            self._wait_for_all()
        calls = [caller.finish(self._known) for caller in self.callers]
        return CrowdReport(calls, round(percentile(self._behind, 0.99), 2))

    def _wait_for_all(self) -> None:
        due, turn = now_ns(), 0
        while any(not caller.over for caller in self.callers):
            wait = due - now_ns()
            if wait > 0:
                time.sleep(wait / 1e9)
            self._hear()
            now = now_ns()
            self._behind.append((now - due) / 1e6)
            for caller in self.callers[turn % SLOTS :: SLOTS]:
                self._speak(caller, now)
            due += FRAME_NS // SLOTS
            turn += 1

    def _speak(self, caller: Caller, now: int) -> None:
        if caller.talking and caller.media is not None:
            if caller.talk.done:
                self._sip.sendto(caller.leave(now), self._far)
            else:
                self._rtp.sendto(caller.packet(now), caller.media)
        elif said := caller.signalling(now):
            self._sip.sendto(said, self._far)

    def _hear(self) -> None:
        while got := _receive(self._rtp):
            data, at, port = got
            caller = self._by_port.get(port)
            if caller is not None:
                caller.raw.append((data, at))
                caller.talk.hear(data[12:])
        while got := _receive(self._sip):
            data, at, _ = got
            if len(data) > 4:
                self._hear_sip(sip_text.read(data), at)

    def _hear_sip(self, message: sip_text.Message, at: int) -> None:
        caller = self._by_dialog.get(message.headers.get("call-id", ""))
        if caller is None:
            return
        if answer := caller.hear_sip(message, at):
            self._sip.sendto(answer, self._far)
        if caller.media is not None:
            self._by_port[caller.media[1]] = caller


def _within(at_ns: int, origin_ns: int, cues: list[Cue], after_s: float) -> bool:
    """Whether the caller talks, or did so less than ``after_s`` ago: then the agent may well pause."""
    place = (at_ns - origin_ns) * RATE // 1_000_000_000
    return any(cue.start <= place < cue.end + after_s * RATE for cue in cues)


def _receive(port: socket.socket) -> tuple[bytes, int, int] | None:
    """A datagram, the kernel's time of its arrival and the port it came from; none: there is no more."""
    try:
        data, extra, _flags, source = port.recvmsg(4096, 64)
    except (BlockingIOError, ConnectionRefusedError):
        return None
    seconds, nanoseconds = _TIMESPEC.unpack_from(extra[0][2])
    return data, seconds * 1_000_000_000 + nanoseconds, source[1]


def main() -> int:
    """Plan as JSON in, report as JSON out."""
    report = Crowd(CrowdPlan(**json.load(sys.stdin))).hold()
    json.dump(asdict(report), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
