"""The signalling of one load call, without a loop: two sockets, a dialog, and what is due when."""

import contextlib
import socket

from bench import sip_text
from bench.rtp_wire import now_ns, open_socket
from telephony.phone_address import target

RESEND_NS = 500_000_000
"""T1 of RFC 3261, 17.1.1.2: an INVITE without any answer is repeated after this, then after twice as long."""

GIVE_UP_NS = 10_000_000_000
"""No final answer to the INVITE, or to the BYE, within this."""


class SipSide:
    """Rings, is answered or refused, hangs up. All times are nanoseconds of ``now_ns``."""

    def __init__(self, uri: str, host: str, user: str, start_ns: int) -> None:
        """``start_ns``: when to ring."""
        self.sip, self.rtp = open_socket(host), open_socket(host)
        far, port = target(uri)
        self._far = (socket.gethostbyname(far), port)
        self._dialog = sip_text.Dialog(uri, f"{host}:{self.sip.getsockname()[1]}", user=user)
        self._sdp = sip_text.offer(host, self.rtp.getsockname()[1])
        self._media: tuple[str, int] | None = None
        self._invite = b""
        self._resend_ns = RESEND_NS
        self.invited = self.answered = self._leaving = 0
        self.wake = start_ns
        """When ``tick`` is due."""
        self.status = 0
        """Final answer to the INVITE; 0: none came."""
        self.retry_after = ""
        """What a refusal said about trying again."""
        self.over = False
        self.ended_by = ""
        """``caller``, ``far side``, or ``nobody`` when an INVITE or the BYE was not answered."""

    @property
    def talking(self) -> bool:
        """Answered, and nobody has said goodbye."""
        return bool(self.answered) and not self._leaving

    def tick(self, now: int) -> None:
        """Do what is due before the answer or after the BYE."""
        if self._leaving:
            self._finish("nobody")
        elif self.invited and now - self.invited > GIVE_UP_NS:
            self._send(self._dialog.cancel())
            self._finish("nobody")
        else:
            self._ring()

    def _ring(self) -> None:
        if self.invited:
            self._resend_ns *= 2
        else:
            self._invite, self.invited = self._dialog.invite(self._sdp), now_ns()
        self._send(self._invite)
        self.wake += self._resend_ns

    def speak(self, packet: bytes) -> None:
        """Send one RTP packet."""
        if self._media is not None:
            with contextlib.suppress(ConnectionRefusedError):  # they hung up, the BYE is on its way
                self.rtp.sendto(packet, self._media)

    def hang_up(self) -> None:
        """Send BYE; ``over`` follows."""
        self._send(self._dialog.bye())
        self._leaving = now_ns()
        self.wake = self._leaving + GIVE_UP_NS

    def take(self, data: bytes, arrived: int) -> None:
        """Take one SIP datagram."""
        if len(data) <= 4 or data[0] & 0xC0 == 0x80:  # keep-alive; RTCP meant for the port below ours
            return
        message = sip_text.read(data)
        if message.headers.get("call-id") != self._dialog.call_id:
            return  # of a call that had this port before; RFC 3261, 12.2.2
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
            self.status, self.retry_after = message.status, message.headers.get("retry-after", "")
            self._finish("far side")
            return
        self._dialog.answered(message)
        self._send(self._dialog.ack())
        if not self.answered:  # else our ACK was lost
            self.status, self.answered = message.status, arrived
            self._media = sip_text.media_address(message.body)
            self.wake = now_ns()

    def _asked(self, message: sip_text.Message) -> None:
        if message.method == "ACK":
            return
        body = self._sdp if message.method == "INVITE" else ""
        self._send(sip_text.response(message, "200 OK", contact=self._dialog.own, body=body))
        if message.method == "BYE":
            self._finish("far side")

    def _send(self, data: bytes) -> None:
        self.sip.sendto(data, self._far)

    def _finish(self, ended_by: str) -> None:
        self.over, self.ended_by = True, ended_by

    def close(self) -> None:
        """Free its sockets."""
        self.sip.close()
        self.rtp.close()
