"""A browser as a telephone: ``agent.ports.Line`` over messages that somebody else carries.

Speech goes out at most ``AHEAD_MS`` ahead of what the browser says that it has played: an interruption then has
little to overtake on a slow network, and what was heard is what left the loudspeaker. Each ``clear`` begins a new
stretch; a count that belongs to an older one is too late to matter. Pure: messages leave through ``send``, nothing
waits but the reader of events.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable

from agent.ports import CallerInfo, Dtmf, HungUp, LineEvent, LineGone
from audio.frame import SAMPLE_BYTES, AudioFrame, frame_bytes
from audio.rechunk import Rechunker
from audio.resample import Resampler

RATE = 8000
"""Of the leg in both directions, Hz: as on the telephone, so that phrases are cached and models hear what they know."""
AHEAD_MS = 800
"""Speech that may be on its way or wait in the browser, milliseconds."""
PIECE_MS = 100
"""Longest message with speech, milliseconds."""
WAITING_FRAMES = 250
"""Frames of the caller that may wait for a slow call; the oldest go then."""

Message = str | bytes
Send = Callable[[Message], None]


class PageMouth:
    """``agent.ports.Mouth``: speech to the browser, and how much of it was played."""

    def __init__(self, send: Send) -> None:
        """``send`` keeps the order of messages and returns at once."""
        self._send = send
        self._held: deque[bytes] = deque()
        self._cleared_at = self._sent = self._left = self._stretch = 0
        self._paused = False

    @property
    def played(self) -> int:
        """Samples that the browser has played, as far as it has said."""
        return self._cleared_at + self._left

    def play(self, pcm: bytes) -> None:
        """Queue PCM16 mono at ``RATE``."""
        if len(pcm) % SAMPLE_BYTES:
            pcm += b"\0"
        size = RATE * PIECE_MS // 1000 * SAMPLE_BYTES
        self._held.extend(pcm[at : at + size] for at in range(0, len(pcm), size))
        self._feed()

    def pause(self) -> None:
        """Stop playing, keep the queue."""
        if not self._paused:
            self._paused = True
            self._tell("pause")

    def resume(self) -> None:
        """Go on."""
        if self._paused:
            self._paused = False
            self._tell("resume")

    def clear(self) -> None:
        """Silence now; end a pause."""
        self._held.clear()
        self._cleared_at, self._sent, self._left, self._paused = self.played, 0, 0, False
        self._stretch += 1
        self._tell("clear")

    def heard(self, stretch: int, samples: int) -> None:
        """The browser has played so many samples since the ``stretch``-th ``clear``; never backwards."""
        if stretch == self._stretch:
            self._left = max(self._left, min(samples, self._sent))
            self._feed()

    def _feed(self) -> None:
        while self._held and self._sent - self._left < RATE * AHEAD_MS // 1000:
            piece = self._held.popleft()
            self._sent += len(piece) // SAMPLE_BYTES
            self._send(piece)

    def _tell(self, what: str) -> None:
        self._send(json.dumps({"do": what, "stretch": self._stretch}))


class PageLine:
    """``agent.ports.Line``: the browser's microphone in, its loudspeaker out."""

    def __init__(self, call_id: str, number: str, rate: int, send: Send) -> None:
        """``rate`` is the microphone's, Hz; ``send`` see ``PageMouth``."""
        self.caller = CallerInfo(call_id, "page", number, "", RATE)
        self.mouth = PageMouth(send)
        self._send = send
        self._change = Resampler(rate, RATE)
        self._cut = Rechunker(frame_bytes(RATE))
        self._events: deque[LineEvent] = deque()
        self._came = asyncio.Event()
        self._over = False
        self.position = 0
        """Samples of the caller so far."""

    async def answer(self) -> AsyncIterator[LineEvent]:
        """See ``agent.ports.Line``; the microphone is listened to from here on."""
        if self._over:
            raise LineGone
        self._send(json.dumps({"call": self.caller.call_id, "rate": RATE}))
        return self._each()

    async def hangup(self) -> None:
        """End the call."""
        self.leave("agent")

    async def transfer(self, target: str) -> bool:
        """A browser can't be put through to a telephone."""
        return False

    def take(self, pcm: bytes) -> None:
        """Sound of the microphone: PCM16 mono, any number of bytes."""
        for piece in self._cut.push(self._change.push(pcm)):
            self._put(AudioFrame(piece, RATE, self.position))
            self.position += len(piece) // SAMPLE_BYTES

    def press(self, key: Dtmf) -> None:
        """A key, in order with the sound before it."""
        self._put(key)

    def leave(self, cause: str) -> None:
        """The leg is gone; only the first cause counts."""
        if not self._over:
            self._put(HungUp(cause))
            self._over = True
            self._send(json.dumps({"ended": cause}))

    def _put(self, event: LineEvent) -> None:
        if self._over:
            return
        if len(self._events) > WAITING_FRAMES:
            self._events.popleft()
        self._events.append(event)
        self._came.set()

    async def _each(self) -> AsyncIterator[LineEvent]:
        while True:
            while not self._events:
                self._came.clear()
                await self._came.wait()
            event = self._events.popleft()
            yield event
            if isinstance(event, HungUp):
                return
