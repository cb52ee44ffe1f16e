"""One call over a modem: an ``agent.ports.Line``."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal, Protocol

from agent.ports import CallerInfo, LineEvent, LineGone, Mouth
from telephony.inbox import Inbox
from telephony.modem_audio import ModemAudio
from telephony.modem_books import ModemBooks, Way
from telephony.modem_wire import SerialPort


class Desk(Protocol):
    """What a line asks of its modem."""

    async def pick_up(self, line: "ModemLine") -> bool:
        """Answer, and switch the audio on; False: the caller has gone."""

    def hang_up(self, line: "ModemLine") -> None:
        """End it in the modem, too; returns at once."""

    async def send_text(self, number: str, text: str) -> Literal["sent", "on its way", "refused"]:
        """Send a message; it is sent on when nobody waits any more. Raises ``ValueError``."""

    @property
    def books(self) -> ModemBooks:
        """Messages and call-backs."""


class ModemLine:
    """From the first ring, or from the other side's answer, to the end."""

    def __init__(
        self, desk: Desk, port: SerialPort, index: int, number: str, *, rate: int, purpose: str | None
    ) -> None:
        """``index``: the call's number within the modem (``+CLCC``); ``purpose``: see ``CallerInfo``."""
        self._desk = desk
        incoming = purpose is None
        self._caller = CallerInfo(uuid.uuid4().hex, "modem", number, "" if incoming else number, rate, purpose)
        self.inbox = Inbox(rate)
        self.audio = ModemAudio(rate, self.inbox, port.write, lambda: port.waiting, self._broken)
        self.index, self.incoming = index, incoming
        self.connected, self.over = asyncio.Event(), asyncio.Event()
        self.cause = ""
        self.fault = ""
        """``deaf`` or ``dumb``: what the audio port does not do; empty while all is well."""
        self.missed = 0
        """Times in a row that the modem did not list this call."""

    @property
    def caller(self) -> CallerInfo:
        """Who rings, or who was rung."""
        return self._caller

    @property
    def mouth(self) -> Mouth:
        """Where our speech goes."""
        return self.audio.mouth

    async def answer(self) -> AsyncIterator[LineEvent]:
        """Pick up; raises ``LineGone`` when the caller left before."""
        if self.over.is_set() or not await self._desk.pick_up(self):
            raise LineGone
        return self.inbox

    async def hangup(self) -> None:
        """End the call; before ``answer`` the caller hears busy."""
        self.end("agent")

    async def transfer(self, target: str) -> bool:
        """Mobile networks don't hand a call over; the call goes on."""
        return False

    @property
    def ways(self) -> frozenset[Way]:
        """See ``agent.reach.Reach``."""
        return self._desk.books.ways(self._caller.number)

    async def send_text(self, text: str) -> Literal["sent", "on its way", "refused"]:
        """See ``agent.reach.Reach``."""
        return await self._desk.send_text(self._caller.number, text)

    async def call_back(self, due: datetime, why: str) -> None:
        """See ``agent.reach.Reach``."""
        await self._desk.books.call_back(self._caller.number, due, why)

    def end(self, cause: str) -> None:
        """The call is over; only the first cause counts."""
        if not self.over.is_set():
            self.cause = cause
            self.over.set()
            self.inbox.hang_up(cause)
            self._desk.hang_up(self)

    def _broken(self, what: str) -> None:
        self.fault = what
        self.end("lost")
