"""The one bounded inbound queue of a line.

Written by whatever reads the wire, read by one ``async for`` or ``until``; all on the event loop, no locks, one future.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from agent.ports import Dtmf, HungUp, LineEvent
from audio.frame import FRAME_MS, SAMPLE_BYTES, AudioFrame, frame_bytes
from audio.rechunk import Rechunker
from audio.together import Together

T = TypeVar("T")

CAPACITY_S = 5
"""Audio that may wait for a slow consumer, seconds."""


class Inbox:
    """Any run of PCM bytes in, contiguous 20 ms ``AudioFrame``s and control events out, ``HungUp`` last.

    When full, the oldest frame is dropped and counted. Time stays true: the positions of dropped frames are
    skipped, so a consumer sees ``frame.position`` jump by exactly what was lost. Control events are never dropped.
    """

    def __init__(self, rate: int, capacity: int = CAPACITY_S * 1000 // FRAME_MS) -> None:
        self._rate = rate
        self._capacity = capacity
        self._size = frame_bytes(rate)
        self._cut = Rechunker(self._size)
        self._queue: deque[LineEvent] = deque()
        self._audio = 0
        self._waiter: asyncio.Future[bool] | None = None
        """Whoever waits; the result tells whether ``_take`` said True."""
        self._take: Callable[[AudioFrame], bool] | None = None
        """Where frames go while the reader waits in ``until``."""
        self._wanted: Callable[[], int] = _each
        self._together: Together | None = None
        self._hung_up = False
        self._ended = False
        self.catch_up: Callable[[], None] | None = None
        """Puts in at once what the leg let gather on the wire: it comes before a key, and before the end."""
        self.position = 0
        """Position of the next frame to be cut: samples since the line opened, without those of an unfinished frame."""
        self.dropped = 0
        """Frames dropped because the consumer was too slow."""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def closed(self) -> bool:
        """Whether ``hang_up`` was called: nothing more goes in."""
        return self._hung_up

    @property
    def gather(self) -> int:
        """Frames that may come together next; 1 while the reader is busy."""
        return self._wanted() if self._take is not None else 1

    def expect(self, pieces: Sequence[bytes]) -> None:
        """Tell what ``put_audio`` or ``put_together`` will be given next, where the reader takes it at once."""
        if self._together is not None and self._takes(pieces):
            self._together.expect(pieces)

    def put_together(self, pieces: Sequence[bytes]) -> None:
        """``put_audio`` of several pieces at a moment in which nothing else happens."""
        together, waiter = self._together, self._waiter
        if together is None or waiter is None or not self._takes(pieces):
            for piece in pieces:
                self.put_audio(piece)
            return
        step = self._size // SAMPLE_BYTES
        frames = [AudioFrame(piece, self._rate, self.position + n * step) for n, piece in enumerate(pieces)]
        self.position = frames[-1].end
        if not _hand(together.take, frames, waiter):
            for frame in frames:
                self._give(frame)

    def _takes(self, pieces: Sequence[bytes]) -> bool:
        """The reader waits, and these are whole frames."""
        if self._waiter is None or self._waiter.done() or self._queue or self._cut.pending or self._hung_up:
            return False
        for piece in pieces:
            if len(piece) != self._size:
                return False
        return bool(pieces)

    def put_audio(self, pcm: bytes) -> None:
        """Take PCM16 mono at the inbox's rate, any number of bytes."""
        if self._hung_up:
            return
        whole = len(pcm) == self._size and not self._cut.pending  # what nearly always comes
        for piece in (pcm,) if whole else self._cut.push(pcm):
            frame = AudioFrame(piece, self._rate, self.position)
            self.position = frame.end
            self._give(frame)

    def _give(self, frame: AudioFrame) -> None:
        """To the reader, or to what waits for it."""
        take, waiter = self._take, self._waiter
        if take is None or waiter is None or self._queue or waiter.done():
            self._put_by(frame)
        elif _hand(take, frame, waiter) and not waiter.done():
            waiter.set_result(True)

    def put_dtmf(self, digit: str) -> None:
        """Take a pressed key, in order with the audio before it."""
        self._catch_up()
        if not self._hung_up:
            self._queue.append(Dtmf(digit))
            self._wake()

    def hang_up(self, cause: str) -> None:
        """End the stream after what is queued; only the first call counts."""
        self._catch_up()
        if not self._hung_up:
            self._hung_up = True
            self._queue.append(HungUp(cause))
            self._wake()

    def _catch_up(self) -> None:
        if self.catch_up is not None and not self._hung_up:
            self.catch_up()

    def _put_by(self, frame: AudioFrame) -> None:
        if self._audio >= self._capacity:
            self._drop_oldest()
        self._queue.append(frame)
        self._audio += 1
        self._wake()

    def _drop_oldest(self) -> None:
        """Take out the oldest frame; control events before it keep their order."""
        for index, event in enumerate(self._queue):
            if isinstance(event, AudioFrame):
                del self._queue[index]
                self._audio -= 1
                self.dropped += 1
                return

    def _wake(self) -> None:
        if self._waiter is not None and self._queue and not self._waiter.done():
            self._waiter.set_result(False)

    def __aiter__(self) -> "Inbox":
        return self

    async def __anext__(self) -> LineEvent:
        if self._ended:
            raise StopAsyncIteration
        while not self._queue:
            await self._wait()
        return self._next()

    async def until(
        self,
        take: Callable[[AudioFrame], bool],
        gather: Callable[[], int] | None = None,
        together: Together | None = None,
    ) -> LineEvent | None:
        """See ``agent.ports.Handing``; without ``gather`` each frame is taken as it comes."""
        while True:
            while self._queue:
                event = self._next()
                if not isinstance(event, AudioFrame):
                    return event
                if take(event):
                    return None
            if self._ended:
                raise RuntimeError("nothing comes after HungUp")
            self._take, self._wanted, self._together = take, gather or _each, together
            try:
                if await self._wait():
                    return None
            finally:
                self._take = self._together = None

    def interrupt(self) -> None:
        """See ``agent.ports.Handing``."""
        if self._take is not None and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)

    def _next(self) -> LineEvent:
        event = self._queue.popleft()
        if isinstance(event, AudioFrame):
            self._audio -= 1
        elif isinstance(event, HungUp):
            self._ended = True
        return event

    async def _wait(self) -> bool:
        if self._waiter is not None:
            raise RuntimeError("an inbox has one reader")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            return await self._waiter
        finally:
            self._waiter = None


def _hand(take: Callable[[T], bool], heard: T, waiter: "asyncio.Future[bool]") -> bool:
    """What the reader says of what it is given without being woken; a fault is the reader's to meet."""
    try:
        return take(heard)
    except Exception as fault:  # the door around a call
        if waiter.done():
            raise
        waiter.set_exception(fault)
        return False


def _each() -> int:
    return 1
