"""Callers who are told what to do while they call: speak now, leave now; and when they last heard somebody.

All run in one thread beside the test or the drill that moves them. Times are seconds of ``time.time``: that of the
kernel's packet timestamps and of files.
"""

import secrets
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np
from aiortp.codecs import get_codec

from audio.frame import SAMPLE_BYTES
from audio.wav import read_mono
from bench.rtp_wire import FRAME_NS, PCMA, RtpOut, now_ns, receive
from bench.sip_side import SipSide
from telephony.phone_script import FRAME, RATE

LOUD = 600
"""A packet with a sample above this is speech."""
SPEECH_PACKETS = 3
"""So many of them in 100 ms: somebody speaks."""
POLL_S = 0.01
_CODEC = get_codec(PCMA)
_SILENCE = bytes(FRAME * SAMPLE_BYTES)


class LiveCall:
    """One call; ``say``, ``leave`` and the questions may be used from any thread."""

    def __init__(self, uri: str, number: int) -> None:
        self.side = SipSide(uri, "127.0.0.1", f"live{number}", now_ns())
        self._out = RtpOut(secrets.randbits(32))
        self._words: deque[bytes] = deque()
        self._leave = False
        self.loud: list[float] = []
        """When each packet with speech came."""
        self.came: list[float] = []
        """When each packet came."""

    def say(self, wav: str) -> None:
        """Speak a recording from now on."""
        pcm = read_mono(Path(wav), RATE)
        size = len(_SILENCE)
        self._words.extend(pcm[at : at + size].ljust(size, b"\0") for at in range(0, len(pcm), size))

    def leave(self) -> None:
        """Hang up."""
        self._leave = True

    @property
    def answered(self) -> bool:
        """Somebody picked up."""
        return bool(self.side.answered)

    @property
    def saying(self) -> bool:
        """The caller speaks."""
        return bool(self._words)

    def speech_after(self, moment: float) -> float | None:
        """When somebody began to be heard after ``moment``; None: not yet."""
        later = [at for at in self.loud if at > moment]
        starts = zip(later, later[SPEECH_PACKETS - 1 :], strict=False)
        return next((first for first, last in starts if last - first < 0.1), None)

    def quiet_for(self) -> float:
        """Seconds since somebody was heard last."""
        return time.time() - self.loud[-1] if self.loud else 0.0

    def tick(self, now: int) -> None:
        """What is due; for the thread alone."""
        if not self.side.talking:
            self.side.tick(now)
            return
        frame = self._words.popleft() if self._words else _SILENCE
        self.side.speak(self._out.packet(frame))
        self.side.wake += FRAME_NS
        if self._leave:
            self.side.hang_up()

    def hear(self, data: bytes, arrived: int) -> None:
        """One RTP datagram; for the thread alone."""
        if len(data) > 12 and data[1] & 0x7F == PCMA:
            self.came.append(arrived / 1e9)
            if np.abs(np.frombuffer(bytes(_CODEC.decode(data[12:])), "<i2")).max() > LOUD:
                self.loud.append(arrived / 1e9)


class LiveCallers:
    """Calls that go on beside the caller's code; use as a context manager, which hangs up what is left."""

    def __init__(self, uri: str, count: int = 1) -> None:
        self.calls = [LiveCall(uri, number) for number in range(count)]
        self._thread = threading.Thread(target=self._run, name="live-callers", daemon=True)
        self._over = False

    def __enter__(self) -> "LiveCallers":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for call in self.calls:
            call.leave()
        deadline = time.monotonic() + 3
        while self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        self._over = True
        self._thread.join()

    def _run(self) -> None:
        live = list(self.calls)
        with selectors.SelectSelector() as selector:
            for call in live:
                selector.register(call.side.sip, selectors.EVENT_READ, call.side.take)
                selector.register(call.side.rtp, selectors.EVENT_READ, call.hear)
            while live and not self._over:
                now = now_ns()
                for call in live:
                    if call.side.wake <= now and not call.side.over:
                        call.tick(now)
                wait_ns = min(call.side.wake for call in live) - now_ns()
                for key, _ in selector.select(max(0, min(wait_ns, FRAME_NS)) / 1e9):
                    while got := receive(key.fileobj):  # type: ignore[arg-type] # ours are sockets
                        key.data(*got)
                live = [call for call in live if not call.side.over]
        for call in self.calls:
            call.side.close()


def wait_for(found: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Poll until ``found``; raises ``RuntimeError`` naming ``what`` did not happen."""
    deadline = time.monotonic() + timeout_s
    while not found():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not {what} within {timeout_s:.0f} s")
        time.sleep(POLL_S)
