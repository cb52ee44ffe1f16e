"""One call over a modem: an ``agent.ports.Line``."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Protocol

from agent.ports import CallerInfo, LineEvent, LineGone, Mouth
from telephony.inbox import Inbox
from telephony.modem_audio import ModemAudio
from telephony.modem_wire import SerialPort


class Desk(Protocol):
    """What a line asks of its modem."""

    async def pick_up(self, line: "ModemLine") -> bool:
        """Answer, and switch the audio on; False: the caller has gone."""

    def hang_up(self, line: "ModemLine") -> None:
        """End it in the modem, too; returns at once."""


class ModemLine:
    """From the first ring, or from the other side's answer, to the end."""

    def __init__(self, desk: Desk, port: SerialPort, index: int, number: str, *, rate: int, incoming: bool) -> None:
        """``index``: the call's number within the modem (``+CLCC``)."""
        self._desk = desk
        self._caller = CallerInfo(uuid.uuid4().hex, "modem", number, "" if incoming else number, rate)
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
