"""A call's audio over Asterisk's media WebSocket (chan_websocket): PCM16 at 8 kHz both ways, JSON control."""

import logging
from collections.abc import Callable, Mapping

from audio.frame import frame_bytes
from telephony.clock import MediaClock, until_met
from telephony.inbox import Inbox
from telephony.media_socket import MediaSocket
from telephony.websocket_mouth import WebSocketMouth

log = logging.getLogger(__name__)

RATE = 8000
"""Sample rate of format ``slin``, Hz."""
PROTOCOL = "media"
"""The subprotocol that chan_websocket wants."""
PATIENCE = 8
"""Ticks without audio before silence is filled in: a caller on hold or with silence suppression sends nothing.
More than the clock's ``CATCH_UP``: after a stall of our own the audio is there, but not read yet."""
MAX_LEAD = 10
"""Frames by which late audio may run ahead of real time before it is dropped."""
FLOORS = {20: (20, 19), 22: (22, 9), 23: (23, 3)}
"""First versions whose driver has marks and JSON, and invents no noise in silence (asterisk#1785)."""


def usable(version: tuple[int, ...]) -> bool:
    """True when the chan_websocket of this Asterisk can be trusted with a call; an unknown version can't."""
    if not version:
        return False
    return version[0] > max(FLOORS) or version >= FLOORS.get(version[0], (version[0] + 1,))


class RealTime:
    """Lays received audio and silence end to end, so that as much audio is given as time has passed."""

    def __init__(self, give: Callable[[bytes], None], rate: int) -> None:
        self._give = give
        self._frame = frame_bytes(rate)
        self._silence = bytes(self._frame)
        self._lead = MAX_LEAD * self._frame
        self._due = self._delivered = self._idle = 0

    def hear(self, pcm: bytes) -> None:
        """Audio came, in whole samples."""
        self._idle = 0
        if self._delivered - self._due < self._lead:
            self._delivered += len(pcm)
            self._give(pcm)

    def tick(self, periods: int) -> None:
        """``periods`` times 20 ms have passed."""
        self._due += periods * self._frame
        self._idle += 1
        if self._idle >= PATIENCE and self._delivered < self._due:
            for _ in range((self._due - self._delivered) // self._frame):
                self._put(self._silence)
        elif self._idle > 1:
            return  # late, or stalled: not the drift of a clock
        elif self._delivered > self._due:
            self._due += 2  # the far clock is not ours: follow it by one sample a tick
        elif self._due - self._delivered > self._frame:
            self._due -= 2

    def _put(self, pcm: bytes) -> None:
        self._delivered += len(pcm)
        self._give(pcm)


class WebSocketMedia:
    """The two directions of one media socket. ``run`` carries audio until the socket is gone or ``close``.

    The socket is read on the clock's tick, with those of all other calls, and only when the inbox's reader wants it:
    frames that nothing can hang on before some others are there wait for them in the kernel.
    """

    def __init__(self, inbox: Inbox, clock: MediaClock) -> None:
        self._clock, self._inbox = clock, inbox
        inbox.catch_up = self._catch_up
        self._come: list[bytes | str | None] = []
        """Audio, texts and, None, ticks in their order, read and not yet lived through."""
        self._ear = RealTime(self._come.append, RATE)
        self._socket = MediaSocket()
        self.mouth = WebSocketMouth(RATE, self._command, self._audio)
        self._passed = self._rest = 0
        """Ticks since the socket was read, and how many there are to be until it is read again."""

    async def connect(self, url: str, headers: Mapping[str, str]) -> None:
        """Attach to the media channel; raises ``OSError``, ``ValueError`` or ``TimeoutError``."""
        await self._socket.connect(url, PROTOCOL, headers)

    async def run(self) -> None:
        """Carry audio both ways; returns when the socket is gone."""
        self._clock.add(self)
        try:
            await self._socket.gone()
        finally:
            self._clock.discard(self)

    async def close(self) -> None:
        """End the audio; the media channel hangs up with its socket."""
        self._inbox.catch_up = None
        self._clock.discard(self)
        self._socket.close()

    def look(self, periods: int) -> bool:
        """See ``telephony.clock.Looking``: read what came, if it is time, and tell the reader."""
        self._passed += periods
        if self._passed < self._rest:
            return False
        self._read()
        self._inbox.expect([piece for piece in self._come if isinstance(piece, bytes)])
        return True

    def tick(self, _periods: int) -> None:
        """See ``telephony.clock.Ticking``: live through what ``look`` has found."""
        self._live()

    def _catch_up(self) -> None:
        self._live()
        self._read()
        self._live()

    def _read(self) -> None:
        """Lay out what came, as if each frame had been taken on its own tick."""
        passed, self._passed = self._passed, 0
        ear, come = self._ear, self._come
        for message in self._socket.read():
            if not isinstance(message, bytes):
                come.append(message)
                continue
            if passed:
                passed -= 1
                ear.tick(1)
                come.append(None)
            ear.hear(message)
        for _ in range(passed):
            ear.tick(1)
            come.append(None)

    def _live(self) -> None:
        """Give it to the reader and the mouth."""
        come = self._come.copy()
        self._come.clear()
        mouth, inbox = self.mouth, self._inbox
        pieces = [piece for piece in come if isinstance(piece, bytes)]
        if len(pieces) > 1 and mouth.rests and not any(isinstance(piece, str) for piece in come):
            inbox.put_together(pieces)
        else:
            for piece in come:
                if piece is None:
                    mouth.tick(1)
                elif isinstance(piece, bytes):
                    inbox.put_audio(piece)
                else:
                    self._hear(piece)
        self._rest = until_met(self._clock.tick, inbox.gather)

    def _command(self, text: str) -> None:
        self._rest = 0
        self._socket.say(text)

    def _audio(self, pcm: bytes) -> None:
        self._rest = 0
        self._socket.play(pcm)

    def _hear(self, text: str) -> None:
        try:
            self.mouth.hear(text)
        except (ValueError, RecursionError) as fault:
            log.warning("a media event from Asterisk can't be read and is passed over: %s", type(fault).__name__)
