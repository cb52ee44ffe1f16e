"""One modem from the opening of its ports until they are gone: rings, calls, registration.

Codes that come unasked are hints: what is true is what ``AT+CLCC`` lists, asked after each hint and every second of a
call. A call that the modem lists no more twice in a row has ended (one list may have lost a line on its way).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine

from agent.ports import FrontDoor
from agent.settings import Modem
from telephony.at import (
    Answer,
    CallEntry,
    Unasked,
    parse_call,
    parse_calls,
    parse_registration,
    parse_signal,
    telephone,
)
from telephony.clock import MediaClock
from telephony.modem_call import ModemLine
from telephony.modem_mail import ModemMail
from telephony.modem_ports import ModemPorts
from telephony.modem_setup import ModemFacts, PinOnce, set_up
from telephony.modem_wire import AtPort, ModemError, SerialPort

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
HOME, ROAMING = 1, 5
ENDINGS = {"VOICE CALL", "NO CARRIER", "BUSY", "NO ANSWER", "MISSED_CALL", "+CCWA"}
REGISTRATION = {
    0: "not registered",
    1: "registered",
    2: "searching a network",
    3: "refused by the network",
    5: "roaming",
}
DEAD_SIGNS = {"RDY", "START", "POWER DOWN", "NORMAL POWER DOWN"}
"""The modem restarted by itself: all that it was told is forgotten."""


class ModemSession:
    """``run`` it; it ends with ``ModemError``."""

    def __init__(self, ports: ModemPorts, settings: Modem, clock: MediaClock, card: PinOnce, mail: ModemMail) -> None:
        self._ports, self._settings, self._clock, self._card, self.mail = ports, settings, clock, card, mail
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
        self._registration: int | None = None
        self._signal: int | None = None
        self._card_out = False
        self.ussd: asyncio.Future[str] | None = None
        """Waits for the network's answer."""

    @property
    def state(self) -> str:
        """For ``/health``."""
        if self.facts is None:
            return "being set up"
        if self._card_out:
            return "the SIM card is out; put it back"
        parts = [REGISTRATION.get(self._registration or 0, "not registered")]
        parts += [f"signal {self._signal} dBm"] if self._signal is not None else []
        parts += [self.facts.warning] if self.facts.warning else []
        return f"{'up' if self.on_air else 'no network'}; {', '.join(parts)}"

    @property
    def on_air(self) -> bool:
        """Whether the network knows the card."""
        return self._registration in (HOME, ROAMING) and not self._card_out

    async def run(self, door: FrontDoor, up: Callable[[], None]) -> None:
        """Set up, call ``up``, serve; raises ``ModemError`` in the end."""
        self._door = door
        try:
            await self.at.open()
            self.facts = await set_up(self.at, self._ports.model, self._settings.rate, self._card)
            await self._pcm.open()
            await self._look_around()
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
            await self._look_around()
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
        events = (self.at.lost, self._pcm.lost, self._restarted)
        waiting = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
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
            self._told_of_the_network(name, text)

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

    def _told_of_the_network(self, name: str, text: str) -> None:
        if name in ("+CREG", "+CEREG") and (state := parse_registration(text)) is not None:
            if name == "+CREG" or state in (HOME, ROAMING):
                self._registration = state
        elif name == "+SIMCARD" or (name == "+CPIN" and "NOT" in text):
            self._card_out = "NOT" in text
            if self._card_out and self.line is not None:
                self.line.end("lost")
            elif not self._card_out:
                self._restarted.set()  # a card that comes back is set up like a new one

    def _why_gone(self) -> str:
        return "caller" if self.on_air else "lost"

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
                await self._look_around()

    async def _look_around(self) -> None:
        """Registration and signal, for ``/health`` and the cause of a lost call."""
        signal = await self.at.ask("AT+CSQ")
        self._signal = parse_signal(signal.value("+CSQ"))
        for kind in ("+CREG", "+CEREG"):  # LTE alone may be known to the second only
            answer = await self.at.ask(f"AT{kind}?")
            if answer.ok:
                self._registration = parse_registration(answer.value(kind))
            if self.on_air:
                return

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
        self.line = self._new_line(entry.index, entry.number or self._number, incoming=True)
        log.info("modem: call %s", self.line.caller.call_id)
        self._door.ring(self.line)

    def _new_line(self, index: int, number: str, incoming: bool) -> ModemLine:
        if self.facts is None:
            raise ModemError("the modem is being set up")
        return ModemLine(self, self._pcm, index, number, rate=self.facts.rate, incoming=incoming)

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
        waiting = [asyncio.ensure_future(event.wait()) for event in (line.connected, line.over)]
        self._look.set()
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
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

    def hang_up(self, line: ModemLine) -> None:
        """See ``modem_call.Desk``."""
        self._clock.discard(line.audio)
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
            await self.at.ask(self._ports.model.audio_off)
            if line.cause != "caller":
                await self.at.ask(self._ports.model.hang_up)
                await self._gone(line)
            heard = line.audio
            log.info(
                "modem: call %s ended (%s): %d frames heard, %d missing, %d late, %d not taken",
                line.caller.call_id, line.cause, heard.frames, heard.filled, heard.late, heard.held_back,
            )  # fmt: skip
            if line.fault:
                log.warning("modem: the audio port was %s; the modem is restarted", line.fault)
                await self.at.ask(self._ports.model.reset)
        finally:
            self.line = None
            self._freed.set()
            self._look.set()

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

    async def dial(self, number: str) -> str:
        """Call ``number`` and give the call to the house once it is answered; returns what became of it."""
        if self.line is not None or self._door is None or self._door.admit() is not None:
            return "busy: there is a call already"
        if not number or telephone(number) != number:
            return "refused: that is no telephone number"
        line = self.line = self._new_line(1, number, incoming=False)
        answer = await self.at.ask(f"ATD{number};", CONNECT_S)
        if not answer.ok:
            line.end("refused")
            return f"refused: {answer.final or 'no answer of the modem'}"
        if not await self._connected(line, ALERT_S):
            line.end("unanswered")
            return "not answered"
        self._door.ring(line)
        return f"answered: call {line.caller.call_id}"


def _first(fault: BaseException) -> str:
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return str(fault)
