"""One script over SIP and RTP, in real time: the signalling, and a caller who listens."""

import secrets

import numpy as np

from bench.rtp_wire import FRAME_NS, RtpIn, RtpOut, now_ns
from bench.sip_side import SipSide
from bench.turns.caller import Caller
from bench.turns.observation import Observation
from bench.turns.scripts import Script
from telephony.phone_script import FRAME, RATE

HOST = "127.0.0.1"
LATE_NS = 15_000_000
"""A frame that leaves so much too late is counted: then we are slow, and the figures are not to be trusted."""


class Leg:
    """A call in progress; ``side.wake`` is the next time it wants ``tick``."""

    def __init__(self, uri: str, script: Script, caller: Caller, user: str) -> None:
        self.script, self.user = script, user
        self._caller = caller
        self.side = SipSide(uri, HOST, user, now_ns())
        self._out, self._in = RtpOut(secrets.randbits(32)), RtpIn()
        self._dice = np.random.default_rng(script.seed)
        self._spoken: list[int] = []
        self._sent: list[bytes] = []
        self.late = 0
        """Frames that left too late."""

    def tick(self, now: int) -> None:
        """Do what is due at ``side.wake`` and set the next one."""
        if self.side.talking:
            self._speak(now)
        else:
            self.side.tick(now)

    @property
    def fault(self) -> str:
        """What went wrong with the call; empty: nothing."""
        side = self.side
        if not side.answered:
            return f"refused with {side.status}" if side.status else "no answer to the INVITE"
        return "the daemon hung up" if side.ended_by == "far side" else ""

    def _speak(self, now: int) -> None:
        self.late += now - self.side.wake > LATE_NS
        frame = self._caller.step(self._in.next_frame())
        packet = self._out.packet(frame)
        self._spoken.append(now_ns() - FRAME_NS)  # a live caller would have said it while the packet filled
        self._sent.append(frame)
        if self._dice.random() >= self.script.loss:
            self.side.speak(packet)
        self.side.wake += FRAME_NS
        if self._caller.done:
            self.side.hang_up()

    def on_rtp(self, data: bytes, arrived: int) -> None:
        """Take one RTP datagram."""
        if self.side.talking or not self.side.answered:
            self._in.take(data, arrived)

    def close(self) -> Observation:
        """The call is over: free its sockets, tell what was seen; packets in the order of their numbers."""
        self.side.close()
        heard = [np.frombuffer(sound, dtype="<i2") for sound in self._in.sounds]
        whole = [place for place, sound in enumerate(heard) if sound.size == FRAME]
        return Observation(
            self.script,
            _samples([self._in.arrivals[place] for place in whole], self.side.answered),
            _rows([heard[place] for place in whole]),
            _samples(self._spoken, self.side.answered),
            _rows([np.frombuffer(frame, dtype="<i2") for frame in self._sent]),
            tuple(played.frame for played in self._caller.played),
            fault=self.fault,
        )


def _samples(times_ns: list[int], origin_ns: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return (np.asarray(times_ns, dtype=np.int64) - origin_ns) * RATE // 1_000_000_000


def _rows(
    frames: list["np.ndarray[tuple[int], np.dtype[np.int16]]"],
) -> "np.ndarray[tuple[int, int], np.dtype[np.int16]]":
    return np.stack(frames) if frames else np.zeros((0, FRAME), dtype="<i2")
