"""A far side of known habits for the test phone: answers, greets, replies after a known time, can be interrupted.

Plain sockets and a thread, no SIP stack of ours: what the phone measures can be compared with what this one did.
"""

import selectors
import threading

from audio.level import dbfs, tone
from bench import sip_text
from bench.rtp_wire import FRAME_NS, RtpIn, RtpOut, now_ns, open_socket, receive
from telephony.phone_script import FRAME, RATE

GREETING_MS, REPLY_MS = 600, 3000
LOUD_DBFS = -45.0


class Parrot:
    """One call at a time on a free loopback port; ``reply_ms`` of quiet after speech until it answers with a tone."""

    def __init__(
        self, reply_ms: int = 300, greet_after_ms: int = 100, stop_after_ms: int = 160, refuse: str = ""
    ) -> None:
        self._reply, self._greet, self._stop = (ms // 20 for ms in (reply_ms, greet_after_ms, stop_after_ms))
        self._refuse = refuse
        self._sip, self._rtp = open_socket("127.0.0.1"), open_socket("127.0.0.1")
        self._far_rtp: tuple[str, int] | None = None
        self._far_sip: tuple[str, int] | None = None
        self._queue = b""
        self._out, self._in = RtpOut(ssrc=7), RtpIn()
        self._speech = self._quiet = self._waiting = 0
        self._wake = 0
        self._ending = threading.Event()
        self.seen: list[str] = []
        """Methods of the requests that came, in order."""
        self.hang_up_after_frames = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def uri(self) -> str:
        return f"sip:parrot@127.0.0.1:{self._sip.getsockname()[1]}"

    def __enter__(self) -> "Parrot":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(5)
        self._sip.close()
        self._rtp.close()

    def _run(self) -> None:
        with selectors.SelectSelector() as selector:
            selector.register(self._sip, selectors.EVENT_READ)
            selector.register(self._rtp, selectors.EVENT_READ)
            while not self._ending.is_set():
                wait = (self._wake - now_ns()) / 1e9 if self._far_rtp else 0.02
                selector.select(max(0.0, wait))
                self._read()
                if self._far_rtp and now_ns() >= self._wake:
                    self._tick(self._far_rtp)

    def _read(self) -> None:
        while (got := self._sip.recvfrom(4096) if self._readable() else None) is not None:
            self._asked(sip_text.read(got[0]), got[1])
        while (packet := receive(self._rtp)) is not None:
            self._in.take(*packet)

    def _readable(self) -> bool:
        with selectors.SelectSelector() as one:
            one.register(self._sip, selectors.EVENT_READ)
            return bool(one.select(0))

    def _asked(self, message: sip_text.Message, source: tuple[str, int]) -> None:
        if message.status:
            return
        self.seen.append(message.method)
        if message.method == "ACK":
            return
        if message.method == "INVITE" and self._refuse:
            self._sip.sendto(sip_text.response(message, self._refuse, tag="p"), source)
            return
        body = sip_text.offer("127.0.0.1", self._rtp.getsockname()[1]) if message.method == "INVITE" else ""
        self._sip.sendto(sip_text.response(message, "200 OK", contact=self.uri, body=body, tag="p"), source)
        if message.method == "INVITE":
            self._far_rtp, self._wake = sip_text.media_address(message.body), now_ns()
            self._queue = bytes(2 * FRAME * self._greet) + tone(440, GREETING_MS, RATE)
        elif message.method == "BYE":
            self._far_rtp = None

    def _tick(self, far: tuple[str, int]) -> None:
        self._listen(self._in.next_frame())
        frame, self._queue = self._queue[: 2 * FRAME], self._queue[2 * FRAME :]
        self._rtp.sendto(self._out.packet(frame.ljust(2 * FRAME, b"\0")), far)
        self._wake += FRAME_NS

    def _listen(self, frame: bytes) -> None:
        loud = dbfs(frame.ljust(2 * FRAME, b"\0")) > LOUD_DBFS
        self._speech = self._speech + 1 if loud else self._speech
        self._quiet = 0 if loud else self._quiet + 1
        if loud and self._queue and self._speech == self._stop:
            self._queue = b""
        if self._speech and self._quiet == self._reply:
            self._speech, self._queue = 0, tone(440, REPLY_MS, RATE)
