"""A front door for the tests: every caller is served by a script, and what came in is kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from pydantic import SecretStr

from agent.ports import Dtmf, HungUp, Line, LineEvent, LineGone, Refusal
from agent.settings import Asterisk
from audio.frame import AudioFrame
from telephony.asterisk_line import AsteriskSource
from telephony.clock import MediaClock
from telephony.rtp_ports import RtpPorts
from tests.asterisk.pbx import Pbx


class Guest:
    """One caller at the door and what was heard of him."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.pcm = bytearray()
        self.keys = ""
        self.cause = ""
        self.answered = asyncio.Event()
        self.over = asyncio.Event()
        self._frames = asyncio.Condition()

    async def serve(self) -> None:
        """Pick up, listen until the end, hang up."""
        try:
            events = await self.line.answer()
        except LineGone:
            self.cause = "gone"
        else:
            self.answered.set()
            await self._listen(events)
        finally:
            self.answered.set()
            await self.line.hangup()
            self.over.set()

    async def _listen(self, events: AsyncIterator[LineEvent]) -> None:
        async for event in events:
            if isinstance(event, AudioFrame):
                assert event.position == len(self.pcm) // 2
                self.pcm += event.pcm
            elif isinstance(event, Dtmf):
                self.keys += event.digit
            elif isinstance(event, HungUp):
                self.cause = event.cause
            async with self._frames:
                self._frames.notify_all()

    async def until(self, true: Callable[[], bool], seconds: float) -> None:
        """Wait until something heard makes ``true`` so; it is looked at after each event."""
        async with asyncio.timeout(seconds), self._frames:
            await self._frames.wait_for(true)


class Door:
    """See ``agent.ports.FrontDoor``; ``refusal`` is given to who asks, ``serve`` runs for who rings."""

    def __init__(self, serve: Callable[[Guest], Awaitable[None]] | None = None) -> None:
        self.refusal: Refusal | None = None
        self.guests: list[Guest] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._serve = serve or Guest.serve
        self._rung = asyncio.Event()

    def admit(self) -> Refusal | None:
        return self.refusal

    def ring(self, line: Line) -> None:
        guest = Guest(line)
        self.guests.append(guest)
        self.tasks.append(asyncio.ensure_future(self._serve(guest)))
        self._rung.set()

    async def guest(self, number: int = 0, seconds: float = 5) -> Guest:
        """Wait for the caller who came as ``number``."""
        async with asyncio.timeout(seconds):
            while len(self.guests) <= number:
                self._rung.clear()
                await self._rung.wait()
        return self.guests[number]


@asynccontextmanager
async def serving(url: str, door: Door, **settings: object) -> AsyncIterator[AsteriskSource]:
    """The real line over the Asterisk at ``url``; at the end every task must have ended by itself."""
    chosen = {"url": url, "username": Pbx.username, "password": SecretStr(Pbx.password), **settings}
    clock = MediaClock()
    source = AsteriskSource(Asterisk.model_validate(chosen), clock, RtpPorts(31000, 31999))
    ready = asyncio.Event()
    task = asyncio.create_task(source.run(door, ready.set))
    try:
        async with asyncio.timeout(8):
            await ready.wait()
        yield source
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(8):
            results = await asyncio.gather(*door.tasks, return_exceptions=True)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert clock.legs == 0, "a media leg was left on the clock"


async def emptied(source: AsteriskSource, seconds: float = 5) -> None:
    """Wait until the line holds no caller."""
    async with asyncio.timeout(seconds):
        while source.calls:  # noqa: ASYNC110 - the product tells nobody when it is empty
            await asyncio.sleep(0.01)
