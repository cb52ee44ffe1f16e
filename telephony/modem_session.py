"""One modem from the opening of its ports until they are gone: rings, calls, registration.

Codes that come unasked are hints: what is true is what ``AT+CLCC`` lists, asked after each hint and every second of a
call. A call that the modem lists no more twice in a row has ended (one list may have lost a line on its way).
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Literal

from agent.ports import FrontDoor
from agent.settings import Modem
from telephony.at import Answer, CallEntry, Unasked, parse_call, parse_calls, telephone
from telephony.clock import MediaClock
from telephony.modem_books import ModemBooks
from telephony.modem_call import ModemLine
from telephony.modem_callbacks import Dialled, allowed
from telephony.modem_network import ModemNetwork
from telephony.modem_ports import ModemPorts
from telephony.modem_setup import ModemFacts, PinOnce, set_up
from telephony.modem_wire import AtPort, ModemError, SerialPort, any_of
from telephony.sms import submit

log = logging.getLogger(__name__)

BUSY_LOOK_S = 1.0
"""A call is looked at so often, seconds."""
IDLE_LOOK_S = 5.0
"""Registration and signal are looked at so often, seconds."""
CONNECT_S = 10.0
"""From ``ATA`` to a call that stands, at most, seconds."""
ALERT_S = 60.0
"""The other side may let it ring so long, seconds."""
AUDIO_S, AUDIO_ANSWER_S, AUDIO_AGAIN_S = 6.0, 1.5, 0.2
"""The PCM port may be refused for 200 ms after the answer, on 3G for 2 s: at most so long in all, so long for each
answer, and a pause before it is tried again, seconds."""
GONE_S, GONE_AGAIN_S = 3.0, 0.05
"""After a hang-up the call is listed for a moment: waited for so long at most, looked at so often, seconds."""
ACTIVE, INCOMING, WAITING, GONE = 0, 4, 5, 6
TEXT_S = 2.5
"""A caller waits so long for the word that a message was taken; it is sent on without him, seconds."""
ENDINGS = {"VOICE CALL", "NO CARRIER", "BUSY", "NO ANSWER", "MISSED_CALL", "+CCWA"}
DEAD_SIGNS = {"RDY", "START", "POWER DOWN", "NORMAL POWER DOWN"}
"""The modem restarted by itself: all that it was told is forgotten."""


class ModemSession:
    """``run`` it; it ends with ``ModemError``."""

    def __init__(self, ports: ModemPorts, settings: Modem, clock: MediaClock, card: PinOnce, books: ModemBooks) -> None:
        """``books`` outlive the session."""
        self._ports, self._settings, self._clock, self._card, self.books = ports, settings, clock, card, books
        self.mail, self._tally = books.mail, books.tally
        self.at = AtPort(ports.at, self._unasked)
        self._pcm = SerialPort(ports.audio, self._sound)
        self._door: FrontDoor | None = None
        self.facts: ModemFacts | None = None
        self.line: ModemLine | None = None
        self._rings = 0
        self._number = ""
        self._look = asyncio.Event()
        self._restarted = asyncio.Event()
        self._freed = asyncio.Event()
        self._freed.set()
        self.network = ModemNetwork()
        self.ussd: asyncio.Future[str] | None = None
        """Waits for the network's answer."""

    @property
    def state(self) -> str:
        """For ``/health``."""
        return "being set up" if self.facts is None else self.network.words(self.facts.warning)

    async def run(self, door: FrontDoor, up: Callable[[], None]) -> None:
        """Set up, call ``up``, serve; raises ``ModemError`` in the end."""
        self._door = door
        try:
            await self.at.open()
            self.facts = await set_up(self.at, self._ports.model, self._settings.rate, self._card)
            await self._pcm.open()
            await self.network.ask(self.at)
            self._tally.openings += 1
            up()
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._watch())
                self._tasks.create_task(self.mail.tend(self.at))
                self._tasks.create_task(self._notice_loss())
        except* ModemError as faults:
            raise ModemError(_first(faults)) from None
        finally:
            await self._leave()

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator["ModemSession"]:
        """For one command of a person: set up, without calls; raises ``ModemError``."""
        try:
            await self.at.open()
            self.facts = await set_up(self.at, self._ports.model, self._settings.rate, self._card)
            await self.network.ask(self.at)
            yield self
        finally:
            await self.at.close()

    async def _leave(self) -> None:
        line, self._door, self.facts = self.line, None, None
        if line is not None:
            self._freed.clear()
            line.end("lost")
            with contextlib.suppress(ModemError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._put_down(line)
        await self.at.close()
        await self._pcm.close()

    async def _notice_loss(self) -> None:
        """A port that is gone, or a modem that restarted, ends the session at once."""
        await any_of(self.at.lost, self._pcm.lost, self._restarted)
        raise ModemError("the modem restarted" if self._restarted.is_set() else "the modem was unplugged")

    # ------------------------------------------------------------ what the modem says

    def _sound(self, data: bytes) -> None:
        if self.line is not None and self.line.connected.is_set() and not self.line.over.is_set():
            self.line.audio.hear(data)

    def _unasked(self, event: Unasked) -> None:
        name, text = event.name, event.text
        if name == "RING":
            self._rings += 1
            self._look.set()
        elif name == "+CLIP":
            self._number = telephone(text.split(",")[0])
        elif name in {"+RXDTMF", "+QTONEDET"}:
            self._key(text)
        elif name == "+CLCC":
            self._told_of_a_call(parse_call(text))
        elif name in ENDINGS:
            self._look.set()
        elif name == "+CMTI":
            self.mail.come.set()
        elif name == "+CUSD" and self.ussd is not None and not self.ussd.done():
            self.ussd.set_result(text)
        elif name in DEAD_SIGNS:
            self._restarted.set()
        else:
            self._told_of_the_card(self.network.told(name, text))

    def _key(self, text: str) -> None:
        digit = text.strip().upper()[:1]
        if self.line is not None and digit and digit in "0123456789*#ABCD":
            self.line.inbox.put_dtmf(digit)

    def _told_of_a_call(self, entry: CallEntry | None) -> None:
        line = self.line
        if entry is not None and line is not None and entry.index == line.index:
            if entry.status == GONE:
                line.end(self._why_gone())
            elif entry.status == ACTIVE:
                line.connected.set()
        self._look.set()

    def _told_of_the_card(self, news: str) -> None:
        if news == "card out" and self.line is not None:
            self.line.end("lost")
        elif news == "card back":
            self._restarted.set()  # a card that comes back is set up like a new one

    def _why_gone(self) -> str:
        return "caller" if self.network.on_air else "lost"

    # ------------------------------------------------------------ what is true

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BUSY_LOOK_S if self.line or self._rings else IDLE_LOOK_S):
                    await self._look.wait()
            self._look.clear()
            rings = self._rings
            answer = await self.at.ask("AT+CLCC")
            if answer.ok and not parse_calls(answer):
                self._rings = max(0, self._rings - rings)  # what rang since then is another caller
            if answer.ok:
                await self._compare(answer)
            if self.line is None and not self._rings:
                await self.network.ask(self.at)

    async def _compare(self, answer: Answer) -> None:
        entries = [entry for entry in parse_calls(answer) if entry.voice and entry.status != GONE]
        for entry in parse_calls(answer):  # reports that fell into the middle of the list
            if entry.status == GONE:
                self._told_of_a_call(entry)
        if any(entry.status == WAITING for entry in entries):
            log.info("modem: a second caller is refused")
            await self.at.ask(self._ports.model.refuse_waiting)
        if self.line is not None:
            self._follow(self.line, entries)
        elif incoming := next((entry for entry in entries if entry.status == INCOMING), None):
            await self._somebody_rings(incoming)
        elif any(entry.status != WAITING for entry in entries) and self._freed.is_set():
            await self.at.ask(self._ports.model.hang_up)  # of a daemon before this one: nobody serves it

    def _follow(self, line: ModemLine, entries: list[CallEntry]) -> None:
        mine = next((entry for entry in entries if entry.index == line.index), None)
        if mine is not None and mine.status == INCOMING and line.connected.is_set():
            line.end(self._why_gone())  # the next caller already has its number
            return
        if mine is not None:
            line.missed = 0
            if mine.status == ACTIVE:
                line.connected.set()
            return
        line.missed += 1
        self._look.set()
        if line.missed > 1:
            line.end(self._why_gone())

    async def _somebody_rings(self, entry: CallEntry) -> None:
        if self._rings < self._settings.rings or self._door is None or not self._freed.is_set():
            return
        refusal = self._door.admit()
        if refusal is not None:
            log.info("modem: a caller hears busy: %s", refusal.reason)
            await self.at.ask(self._ports.model.hang_up)
            return
        self.line = self._new_line(entry.index, entry.number or self._number)
        self._tally.calls_in += 1
        log.info("modem: call %s", self.line.caller.call_id)
        self._door.ring(self.line)

    def _new_line(self, index: int, number: str, purpose: str | None = None) -> ModemLine:
        if self.facts is None:
            raise ModemError("the modem is being set up")
        return ModemLine(self, self._pcm, index, number, rate=self.facts.rate, purpose=purpose)

    # ------------------------------------------------------------ calls

    async def pick_up(self, line: ModemLine) -> bool:
        """See ``modem_call.Desk``."""
        try:
            if line.incoming and not line.connected.is_set():
                answer = await self.at.ask(self._ports.model.answer, CONNECT_S)
                if not answer.ok or not await self._connected(line, CONNECT_S):
                    line.end(self._why_gone())
                    return False
            return await self._switch_audio_on(line)
        except ModemError:
            line.end("lost")
            return False

    async def _connected(self, line: ModemLine, seconds: float) -> bool:
        """Wait until the call stands; False when it ends before, or never does."""
        self._look.set()
        await any_of(line.connected, line.over, seconds=seconds)
        return line.connected.is_set() and not line.over.is_set()

    async def _switch_audio_on(self, line: ModemLine) -> bool:
        self._clock.add(line.audio)
        try:
            async with asyncio.timeout(AUDIO_S):
                while not line.over.is_set():
                    if (await self.at.ask(self._ports.model.audio_on, AUDIO_ANSWER_S)).ok:
                        line.audio.on = True
                        return not line.over.is_set()
                    await asyncio.sleep(AUDIO_AGAIN_S)
                return False
        except TimeoutError:
            pass
        log.warning("modem: call %s: the audio port can't be switched on", line.caller.call_id)
        line.fault = "deaf"
        line.end("lost")
        return False

    async def _switch_audio_off(self) -> None:
        model = self._ports.model
        if not (await self.at.ask(model.audio_off)).ok and model.audio_off_else:
            await self.at.ask(model.audio_off_else)

    def hang_up(self, line: ModemLine) -> None:
        """See ``modem_call.Desk``."""
        self._clock.discard(line.audio)
        self._count(line)
        self._rings, self._number = 0, ""  # now and not when it is put down: the next caller may ring before that
        if self._door is not None and line is self.line:
            self._freed.clear()
            self._spawn(self._put_down(line))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        try:
            self._tasks.create_task(work)
        except RuntimeError:  # the session ends; ``_leave`` puts the line down
            work.close()

    async def _put_down(self, line: ModemLine) -> None:
        """After a call: audio off, the call ended in the modem, a sick modem restarted."""
        try:
            await self._switch_audio_off()
            if line.cause != "caller":
                await self.at.ask(self._ports.model.hang_up)
                await self._gone(line)
            if line.fault:
                log.warning("modem: the audio port was %s; the modem is restarted", line.fault)
                await self.at.ask(self._ports.model.reset)
        finally:
            self.line = None
            self._freed.set()
            self._look.set()

    def _count(self, line: ModemLine) -> None:
        heard = line.audio
        log.info(
            "modem: call %s ended (%s): %d frames heard, %d missing, %d late, %d not taken",
            line.caller.call_id, line.cause, heard.frames, heard.filled, heard.late, heard.held_back,
        )  # fmt: skip
        self._tally.calls_lost += line.cause == "lost"
        self._tally.gone_before += line.incoming and not heard.on
        self._tally.frames_missing += heard.filled

    async def _gone(self, line: ModemLine) -> None:
        """Wait until the modem lists the call no more: a hang-up in between could hit the next caller."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GONE_S):
                while True:
                    answer = await self.at.ask("AT+CLCC")
                    mine = [entry for entry in parse_calls(answer) if entry.index == line.index]
                    if answer.ok and all(entry.status in (INCOMING, GONE) for entry in mine):
                        return
                    await asyncio.sleep(GONE_AGAIN_S)

    async def dial(self, number: str, why: str = "") -> Dialled:
        """Call ``number`` and give the call to the house once it is answered; ``why`` is said after the greeting."""
        if (refusal := self._refusal(number)) is not None or self._door is None:
            return refusal or Dialled("busy", "not now: the house closes")
        line = self.line = self._new_line(1, number, why)
        answer = await self.at.ask(f"ATD{number};", CONNECT_S)
        if not answer.ok:
            line.end("refused")
            return Dialled("refused", f"refused: {answer.final or 'no answer of the modem'}")
        if not await self._connected(line, ALERT_S):
            line.end("unanswered")
            return Dialled("unanswered", "not answered")
        self._tally.calls_out += 1
        self._door.ring(line)
        return Dialled("answered", f"answered: call {line.caller.call_id}")

    def _refusal(self, number: str) -> Dialled | None:
        """Why ``number`` can't be called now."""
        if fault := _fault(number, self._settings.dial):
            return Dialled("refused", f"refused: {fault}")
        if self.line is not None or self._rings or not self._freed.is_set():
            return Dialled("busy", "busy: there is a call already")
        if not self.network.on_air:
            return Dialled("busy", f"not now: {self.state}")
        if self._door is None or self._door.admit() is not None:
            return Dialled("busy", "not now: the house is full or closes")
        return None

    async def send_text(self, number: str, text: str) -> Literal["sent", "on its way", "refused"]:
        """See ``modem_call.Desk``."""
        submit(number, text, 0)  # what can't be sent is said at once
        work = self.mail.send(self.at, number, text)
        try:
            sending = self._tasks.create_task(work)
        except RuntimeError:  # the session ends
            work.close()
            return "refused"
        await asyncio.wait((sending,), timeout=TEXT_S)
        if not sending.done():
            return "on its way"
        return "sent" if not sending.cancelled() and sending.exception() is None and sending.result() else "refused"


def _first(fault: BaseException) -> str:
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return str(fault)


def _fault(number: str, patterns: tuple[str, ...]) -> str:
    """Why ``number`` is not to be rung; empty: it may be."""
    if not re.fullmatch(r"\+?[0-9]{2,20}", number):  # `*21*...#` would change the card's forwarding
        return "that is no telephone number"
    return "" if allowed(number, patterns) else "no pattern of [modem] dial fits this number; it is a setting"
