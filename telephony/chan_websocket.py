"""A call's audio over Asterisk's media WebSocket (chan_websocket): PCM16 at 8 kHz both ways, JSON control."""

import asyncio
import logging

import aiohttp

from audio.frame import frame_bytes
from telephony.clock import MediaClock
from telephony.inbox import Inbox
from telephony.websocket_mouth import WebSocketMouth

log = logging.getLogger(__name__)

RATE = 8000
"""Sample rate of format ``slin``, Hz."""
CONNECT_S = 3.0
"""Longest wait for the handshake, seconds."""
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
    """Lays received audio and silence end to end, so that the inbox holds as much audio as time has passed."""

    def __init__(self, inbox: Inbox, rate: int) -> None:
        self._inbox = inbox
        self._frame = frame_bytes(rate)
        self._silence = bytes(self._frame)
        self._due = self._delivered = self._idle = 0

    def hear(self, pcm: bytes) -> None:
        """Audio came, in whole samples."""
        self._idle = 0
        if self._delivered - self._due < MAX_LEAD * self._frame:
            self._put(pcm)

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
        self._inbox.put_audio(pcm)


class WebSocketMedia:
    """The two directions of one media socket. ``run`` carries audio until the socket is gone or ``close``."""

    def __init__(self, inbox: Inbox, clock: MediaClock) -> None:
        self._inbox, self._clock = inbox, clock
        self._out: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._ear = RealTime(inbox, RATE)
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.mouth = WebSocketMouth(RATE, self._out.put_nowait, self._out.put_nowait)

    async def connect(self, session: aiohttp.ClientSession, url: str) -> None:
        """Attach to the media channel; raises ``OSError``, ``aiohttp.ClientError`` or ``TimeoutError``."""
        async with asyncio.timeout(CONNECT_S):
            timeout = aiohttp.ClientWSTimeout(ws_close=0.5)
            self._socket = await session.ws_connect(url, protocols=("media",), timeout=timeout)

    async def run(self) -> None:
        """Carry audio both ways; returns when the socket is gone."""
        if self._socket is None:
            raise RuntimeError("connect first")
        self._clock.add(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                sender = tasks.create_task(self._send(self._socket))
                await self._receive(self._socket)
                sender.cancel()
        finally:
            self._clock.discard(self)

    async def close(self) -> None:
        """End the audio; the media channel hangs up with its socket."""
        self._clock.discard(self)
        if self._socket is not None:
            await self._socket.close()

    def tick(self, periods: int) -> None:
        """See ``telephony.clock.Ticking``."""
        self._ear.tick(periods)
        self.mouth.tick(periods)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                self._ear.hear(message.data)
            elif message.type == aiohttp.WSMsgType.TEXT:
                self._hear(message.data)

    def _hear(self, text: str) -> None:
        try:
            self.mouth.hear(text)
        except (ValueError, RecursionError) as fault:
            log.warning("a media event from Asterisk can't be read and is passed over: %s", type(fault).__name__)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            while True:
                item = await self._out.get()
                await (socket.send_str(item) if isinstance(item, str) else socket.send_bytes(item))
        except (aiohttp.ClientError, OSError):
            await socket.close()  # the reader then ends, too
