"""One script over SIP and RTP, in real time: two sockets, a dialog, a caller who listens."""

import contextlib
import secrets
import socket

import numpy as np

from bench import sip_text
from bench.rtp_wire import FRAME_NS, RtpIn, RtpOut, now_ns, open_socket
from bench.turns.caller import Caller
from bench.turns.observation import Observation
from bench.turns.scripts import Script
from bench.wire import GIVE_UP_NS, RESEND_NS
from telephony.phone_address import target
from telephony.phone_script import FRAME, RATE

HOST = "127.0.0.1"
LATE_NS = 15_000_000
"""A frame that leaves so much too late is counted: then we are slow, and the figures are not to be trusted."""


class Leg:
    """A call in progress. ``wake`` is the next time it wants ``tick``, nanoseconds of ``now_ns``."""

    def __init__(self, uri: str, script: Script, caller: Caller, user: str) -> None:
        self.script, self.user = script, user
        self._caller = caller
        self.sip, self.rtp = open_socket(HOST), open_socket(HOST)
        host, port = target(uri)
        self._far = (socket.gethostbyname(host), port)
        self._dialog = sip_text.Dialog(uri, f"{HOST}:{self.sip.getsockname()[1]}", user=user)
        self._sdp = sip_text.offer(HOST, self.rtp.getsockname()[1])
        self._media: tuple[str, int] | None = None
        self._out, self._in = RtpOut(secrets.randbits(32)), RtpIn()
        self._dice = np.random.default_rng(script.seed)
        self._spoken: list[int] = []
        self._sent: list[bytes] = []
        self._invite = b""
        self._invited = self._answered = self._leaving = 0
        self._resend_ns = RESEND_NS
        self.fault = ""
        self.late = 0
        """Frames that left too late."""
        self.over = False
        self.wake = now_ns()

    def tick(self, now: int) -> None:
        """Do what is due at ``wake`` and set the next one."""
        if self._leaving:
            self._finish("" if self._caller.done else "the BYE was not answered")
        elif self._answered:
            self._speak(now)
        elif self._invited and now - self._invited > GIVE_UP_NS:
            self._send(self._dialog.cancel())
            self._finish("no answer to the INVITE")
        else:
            self._ring()

    def _ring(self) -> None:
        if self._invited:
            self._resend_ns *= 2
        else:
            self._invite, self._invited = self._dialog.invite(self._sdp), now_ns()
        self._send(self._invite)
        self.wake += self._resend_ns

    def _speak(self, now: int) -> None:
        self.late += now - self.wake > LATE_NS
        frame = self._caller.step(self._in.next_frame())
        packet = self._out.packet(frame)
        self._spoken.append(now_ns() - FRAME_NS)  # a live caller would have said it while the packet filled
        self._sent.append(frame)
        if self._media is not None and self._dice.random() >= self.script.loss:
            with contextlib.suppress(ConnectionRefusedError):  # they hung up, the BYE is on its way
                self.rtp.sendto(packet, self._media)
        self.wake += FRAME_NS
        if self._caller.done:
            self._send(self._dialog.bye())
            self._leaving = now_ns()
            self.wake = self._leaving + GIVE_UP_NS

    def on_sip(self, data: bytes, arrived: int) -> None:
        """Take one SIP datagram."""
        if len(data) <= 4 or data[0] & 0xC0 == 0x80:  # keep-alive; RTCP meant for the port below ours
            return
        message = sip_text.read(data)
        if not message.status:
            self._asked(message)
        elif message.method == "INVITE" and message.status >= 200:
            self._decided(message, arrived)
        elif message.method == "INVITE":
            self._resend_ns = GIVE_UP_NS
        elif message.method == "BYE" and message.status >= 200:
            self._finish("")

    def _decided(self, message: sip_text.Message, arrived: int) -> None:
        if message.status >= 300:
            self._send(self._dialog.ack(message))
            self._finish(f"refused with {message.status}")
            return
        self._dialog.answered(message)
        self._send(self._dialog.ack())
        if not self._answered:
            self._answered = arrived
            self._media = sip_text.media_address(message.body)
            self.wake = now_ns()

    def _asked(self, message: sip_text.Message) -> None:
        if message.method == "ACK":
            return
        body = self._sdp if message.method == "INVITE" else ""
        self._send(sip_text.response(message, "200 OK", contact=self._dialog.own, body=body))
        if message.method == "BYE":
            self._finish("the daemon hung up")

    def on_rtp(self, data: bytes, arrived: int) -> None:
        """Take one RTP datagram."""
        if not self._leaving:
            self._in.take(data, arrived)

    def _send(self, data: bytes) -> None:
        self.sip.sendto(data, self._far)

    def _finish(self, fault: str) -> None:
        self.over, self.fault = True, fault

    def close(self) -> Observation:
        """The call is over: free its sockets, tell what was seen; packets in the order of their numbers."""
        self.sip.close()
        self.rtp.close()
        heard = [np.frombuffer(sound, dtype="<i2") for sound in self._in.sounds]
        whole = [place for place, sound in enumerate(heard) if sound.size == FRAME]
        return Observation(
            self.script,
            _samples([self._in.arrivals[place] for place in whole], self._answered),
            _rows([heard[place] for place in whole]),
            _samples(self._spoken, self._answered),
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
