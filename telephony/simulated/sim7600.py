"""A SIM7600G-H on pseudo-terminals, with the network and the caller behind it.

Written from SIMCom's AT manual and from field reports, not from our driver, and shares no code with it. It lives on a
thread of its own with a clock of its own: 20 ms of audio each way, whoever listens.
"""

import heapq
import itertools
import os
import random
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from telephony.simulated.answers import Answers
from telephony.simulated.messages import deliver
from telephony.simulated.profile import Profile
from telephony.simulated.wires import Wire

FRAME_S = 0.02
UPLINK_FRAMES = 16
"""What the modem keeps of the audio it was given, frames; the rest waits in the port."""


@dataclass(frozen=True, slots=True)
class Dry:
    """A frame of the agent that was missing when the modem wanted to play it."""

    frame: int
    """Which one since audio was switched on, from 0."""
    dry_ms: float
    """So long nothing had come, milliseconds: the other side was late by that, less what it is ahead."""
    late_ms: float
    """So late was the modem's own thread in that time at most, milliseconds: the machine was busy."""


class Sim7600(threading.Thread):
    """Start it, ring it, talk to it, ``stop`` it. All methods may be called from any thread."""

    def __init__(self, folder: Path, profile: Profile | None = None, seed: int = 7600) -> None:
        super().__init__(name="modem", daemon=True)
        folder.mkdir(parents=True, exist_ok=True)
        self.at, self.pcm = Wire(folder / "ttyUSB2"), Wire(folder / "ttyUSB4")
        self.profile = profile or Profile()
        self.chance = random.Random(seed)  # noqa: S311 - moods, not secrets
        self.modem = Answers(self)
        self.changed = threading.Condition()
        self.heard = bytearray()
        """What the caller heard in the last call, PCM16, from the moment that audio was switched on."""
        self.speech = bytearray()
        self.speaks: Callable[[bytes], bytes] | None = None
        """A caller by himself: the frame that he hears -> the frame that he says next."""
        self.muted = False
        """The audio port gives nothing although it is on."""
        self.down_lost = self.underruns = self.slips = self.down_frames = 0
        """Frames that nobody read; that were missing when due; that the machine was too slow for; given."""
        self.dry: list[Dry] = []
        """The missing ones, one by one."""
        self._fed_at = 0.0
        self._late: deque[float] = deque(maxlen=4)
        self.faults: dict[str, str] = {}
        """Step -> what goes wrong there, once; see ``Answers``."""
        self._todo: deque[Callable[[], None]] = deque()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wake_out, self._wake_in = os.pipe()
        self._uplink = bytearray()
        self._fed = False
        self._next_frame = 0.0
        self._spoken_until = 0.0
        self._ending = False
        for wire in (self.at, self.pcm):
            wire.plug()

    # ------------------------------------------------------------ what the world does

    def ring(self, number: str = "+79161234567") -> None:
        """Somebody calls."""
        self.do(lambda: self.modem.incoming(number))

    def say(self, pcm: bytes) -> None:
        """The caller speaks, PCM16 at the modem's rate, from the next frame on."""
        self.do(lambda: self.speech.extend(pcm))

    def press(self, digit: str) -> None:
        """The caller presses a key."""
        self.do(lambda: self.modem.unasked(f"+RXDTMF: {digit}"))

    def text(self, text: str, number: str = "+79161234567") -> None:
        """Somebody sends a message; a long one comes in parts."""
        for pdu in deliver(number, text):
            self.do(lambda pdu=pdu: self.modem.message(pdu))  # type: ignore[misc]

    def hang_up(self) -> None:
        """The caller leaves, or the network drops the call."""
        self.do(self.modem.far_end_left)

    def give(self, data: bytes) -> None:
        """Bytes on the audio port beside the 20 ms frames."""
        self.pcm.write(data)

    def talking(self) -> bool:
        """Whether audio runs."""
        return self._next_frame > 0

    def unplug(self) -> None:
        """USB is pulled."""
        self.do(self.gone)

    def plug(self) -> None:
        """USB is back and the modem has booted."""
        self.do(self._plug)

    def stop(self) -> None:
        """End the thread; the ports are gone."""
        self._ending = True
        self.do(lambda: None)
        self.join(5)
        self.gone()
        for end in (self._wake_in, self._wake_out):
            os.close(end)

    def until(self, true: Callable[[], bool], seconds: float) -> None:
        """Wait for something of this modem; raises ``TimeoutError``."""
        with self.changed:
            if not self.changed.wait_for(true, seconds):
                raise TimeoutError(f"not within {seconds} s; the modem was asked {self.modem.asked[-8:]}")

    def do(self, work: Callable[[], None]) -> None:
        """Run ``work`` on the modem's thread."""
        self._todo.append(work)
        os.write(self._wake_in, b"x")

    # ------------------------------------------------------------ for the modem itself

    def later(self, ms: float, work: Callable[[], None]) -> None:
        """Run ``work`` after so many milliseconds."""
        heapq.heappush(self._later, (time.monotonic() + ms / 1000, next(self._order), work))

    def write(self, data: bytes, ms: float = 0) -> None:
        """Send on the AT port after so long, never out of order."""
        pieces = [data]
        if self.profile.chopped and len(data) > 3:
            cuts = sorted(self.chance.sample(range(1, len(data)), 2))
            pieces = [data[: cuts[0]], data[cuts[0] : cuts[1]], data[cuts[1] :]]
        now = time.monotonic()
        at = max(now + ms / 1000, self._spoken_until)
        for piece in pieces:
            heapq.heappush(self._later, (at, next(self._order), lambda piece=piece: self._put(piece)))  # type: ignore[misc]
            at += self.chance.uniform(0.001, 0.004) if len(pieces) > 1 else 0
        self._spoken_until = at

    def modem_ms(self) -> float:
        """The modem's clock, milliseconds."""
        return time.monotonic() * 1000

    def audio(self, on: bool) -> None:
        """The PCM port begins or ends."""
        self._uplink.clear()
        self._fed = False
        self._fed_at = 0.0
        self.pcm.read(1 << 16)
        self._next_frame = time.monotonic() + FRAME_S if on else 0.0
        if on:
            self.heard.clear()

    def reboot(self) -> None:
        """The ports go and come back."""
        self.gone()
        self.later(self.profile.boot_ms, self._plug)

    # ------------------------------------------------------------ the thread

    def run(self) -> None:
        """Until ``stop``."""
        while not self._ending:
            self._wait()
            while self._todo:
                self._todo.popleft()()
            while self._later and self._later[0][0] <= time.monotonic():
                heapq.heappop(self._later)[2]()
            if data := self.at.read(4096):
                self.modem.hear(data)
            self._tick()
            with self.changed:
                self.changed.notify_all()

    def _wait(self) -> None:
        dues = [self._later[0][0]] if self._later else []
        dues += [self._next_frame] if self._next_frame else []
        timeout = max(0.0, min(dues) - time.monotonic()) if dues else None
        wires = [self._wake_out] + ([self.at.master] if self.at.plugged else [])
        ready, _, _ = select.select(wires, [], [], timeout)
        if self._wake_out in ready:
            os.read(self._wake_out, 4096)

    def _tick(self) -> None:
        now = time.monotonic()
        if not self._next_frame or now < self._next_frame or not self.pcm.plugged:
            return
        self._late.append((now - self._next_frame) * 1000)
        self._next_frame += FRAME_S
        if now > self._next_frame:  # the machine was too slow: the modem's clock waits, it doesn't hurry
            self.slips += 1
            self._next_frame = now + FRAME_S
        size = 640 if self.modem.wide else 320
        self._speak(size)
        self._listen(size)

    def _speak(self, size: int) -> None:
        if self.speaks is not None:
            self.speech += self.speaks(bytes(self.heard[-size:]).ljust(size, b"\0"))
        piece = bytes(self.speech[:size]).ljust(size, b"\0")
        del self.speech[:size]
        if self.muted:
            return
        self.down_frames += 1
        self.down_lost += self.pcm.write(piece) < size
        self.modem.audio_passed(self.down_frames)

    def _listen(self, size: int) -> None:
        if not self.profile.takes_uplink:
            return
        room = UPLINK_FRAMES * size - len(self._uplink)
        fresh = self.pcm.read(room) if room > 0 else b""
        self._uplink += fresh
        self._fed = self._fed or bool(self._uplink)
        self._fed_at = time.monotonic() if fresh or not self._fed_at else self._fed_at
        if self._fed and len(self._uplink) < size:
            self.underruns += 1
            dry_ms = (time.monotonic() - self._fed_at) * 1000
            self.dry.append(Dry(len(self.heard) // size, dry_ms, max(self._late)))
        self.heard += bytes(self._uplink[:size]).ljust(size, b"\0")
        del self._uplink[:size]

    def _put(self, data: bytes) -> None:
        if self.chance.random() < self.profile.lossy and len(data) > 1:
            lost = self.chance.randrange(len(data))
            data = data[:lost] + data[lost + 1 :]
        self.at.write(data)

    def gone(self) -> None:
        """USB is pulled, now."""
        self._later = [entry for entry in self._later if entry[2] == self._plug]
        self._spoken_until = 0.0
        self.audio(False)
        self.modem.power_off()
        for wire in (self.at, self.pcm):
            wire.unplug()

    def _plug(self) -> None:
        if not self.at.plugged:
            for wire in (self.at, self.pcm):
                wire.plug()
            self.modem.power_on()
