"""The GSM line: one modem as an ``agent.ports.LineSource`` that is there as long as the daemon is."""

import asyncio
import logging
import shlex
from collections.abc import Callable
from pathlib import Path

from agent.ports import AnswerText, FrontDoor
from agent.settings import Modem
from telephony.clock import MediaClock
from telephony.modem_books import ModemBooks
from telephony.modem_call import ModemLine
from telephony.modem_callbacks import CallBack, CallBackBook, CallBacks, Dialled
from telephony.modem_desk import ModemDesk, obey
from telephony.modem_mail import MailBox, Message, ModemMail
from telephony.modem_model import model_of
from telephony.modem_network import ModemFigures
from telephony.modem_ports import ModemPorts, find, named
from telephony.modem_session import ModemSession
from telephony.modem_setup import PinOnce
from telephony.modem_wire import AtPort, ModemError
from telephony.rarely import Rarely

__all__ = ["ModemLine", "ModemSource", "sources"]

log = logging.getLogger(__name__)

AGAIN_S = 1.0
"""Pause before a modem is looked for again, seconds."""
WEDGED = 3
"""Sessions in a row that did not get through the setup although the port is there: then the modem is reset; as often
again, and its power is cut where there is a hook."""
HOOK_S = 30.0
"""Longest run of the power hook, seconds."""


class ModemFinder:
    """Gives each source a modem of its own."""

    def __init__(self, settings: Modem) -> None:
        self._settings = settings
        self._taken: set[str] = set()

    async def take(self, words: str) -> ModemPorts:
        """The ports that the settings name, or the first modem on USB that nobody has; raises ``ModemError``."""
        if words:
            return named(words, model_of(self._settings.model))
        for ports in await asyncio.to_thread(find):
            if ports.place not in self._taken:
                self._taken.add(ports.place)
                return ports
        raise ModemError("no modem on USB; is it plugged in and powered? `lsusb` must show 1e0e:9001")

    def give_back(self, ports: ModemPorts) -> None:
        """Its source looks for it anew."""
        self._taken.discard(ports.place)


class ModemSource:
    """Finds its modem, serves it, and finds it again."""

    def __init__(
        self,
        settings: Modem,
        clock: MediaClock,
        box: MailBox,
        words: str = "",
        name: str = "modem",
        *,
        answer: AnswerText | None = None,
        book: CallBackBook | None = None,
    ) -> None:
        """``words``: its ports as the settings name them; empty: any modem on USB. ``answer``: to messages."""
        self.name = name
        self._settings, self._clock, self._words = settings, clock, words
        self.finder = ModemFinder(settings)
        self._card = PinOnce(settings)
        self.call_backs = CallBacks(book or CallBackBook(box.path.parent), settings.call_back, name, settings.dial)
        mail = ModemMail(box, settings.sms_reply, answer if settings.sms_agent else None)
        self._books, self._box = ModemBooks(mail, self.call_backs), box
        self.session: ModemSession | None = None
        self._desk = ModemDesk(box.path.parent / f"{name}.sock", lambda: self.session, lambda: self.state)
        self._trouble = "looking for the modem"
        self._failures = 0
        self._rarely = Rarely(log)

    @property
    def state(self) -> str:
        """See ``LineSource.state``."""
        session = self.session
        return session.state if session is not None and session.facts is not None else self._trouble

    @property
    def call_backs_asked(self) -> list[CallBack]:
        """All call-backs of the book, the oldest first."""
        return self.call_backs.rows

    def messages(self, count: int, words: str = "") -> list[Message]:
        """The newest messages that hold ``words``, oldest first. Blocking: reads the file; raises ``RecordError``."""
        return self._box.newest(count, words)

    async def obey(self, do: str, words: list[str]) -> list[str]:
        """See ``telephony.modem_desk.obey``; raises ``ModemError`` while the modem is not there."""
        session = self.session
        if session is None or session.facts is None:
            raise ModemError(self.state)
        return await obey(session, do, words)

    @property
    def figures(self) -> ModemFigures:
        """The line as numbers, for the API and metrics."""
        session = self.session if self.session is not None and self.session.facts is not None else None
        return self._books.tally.figures(session.network if session else None, bool(session and session.line))

    async def run(self, door: FrontDoor, ready: Callable[[], None]) -> None:
        """See ``LineSource.run``."""
        if self._words:
            named(self._words, model_of(self._settings.model))
        ready()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._desk.run())
            tasks.create_task(self.call_backs.run(self._dial))
            tasks.create_task(self._keep(door))

    async def _keep(self, door: FrontDoor) -> None:
        """Find the modem, serve it, and find it again, for ever."""
        while True:
            try:
                ports = await self.finder.take(self._words)
            except ModemError as error:
                self._complain(error)
            else:
                await self._serve(ports, door)
            await asyncio.sleep(AGAIN_S)

    async def _dial(self, number: str, why: str) -> Dialled:
        session = self.session
        if session is None or session.facts is None:
            return Dialled("busy", f"not now: {self.state}")
        try:
            return await session.dial(number, why)
        except ModemError as error:
            return Dialled("refused", str(error))

    async def _serve(self, ports: ModemPorts, door: FrontDoor) -> None:
        self.session = ModemSession(ports, self._settings, self._clock, self._card, self._books)
        # a task of its own: before Python 3.13 a TaskGroup whose child has just failed swallows a cancellation from
        # outside, and the source would go on when the daemon ends in the moment in which the modem is pulled out
        running = asyncio.ensure_future(self.session.run(door, self._up))
        try:
            await asyncio.wait((running,))
            running.result()
        except ModemError as error:
            self._complain(error)
            if ports.at.exists():
                self._failures += 1
                await self._help(ports)
        except Exception:  # the door around a reconnecting link: a fault of ours must not end the other lines
            log.exception("%s: failed and is opened again", self.name)
            self._trouble = "failed; the log says why; it is opened again"
        finally:
            running.cancel()
            try:
                await asyncio.gather(running, return_exceptions=True)
            finally:  # the daemon may end in the very moment in which the modem is gone
                self.session = None
                self.finder.give_back(ports)

    def _up(self) -> None:
        self._failures = 0
        self.call_backs.look()
        log.info("%s: up", self.name)

    def _complain(self, error: ModemError) -> None:
        self._trouble = str(error)
        self._rarely.warning(str(error), "%s: %s", self.name, error)

    async def _help(self, ports: ModemPorts) -> None:
        """What a person would do: reset it, then pull the plug."""
        if self._failures % (2 * WEDGED) == 0 and self._settings.power_hook:
            await self._cut_power()
        elif self._failures % WEDGED == 0:
            await _reset(ports)

    async def _cut_power(self) -> None:
        log.warning("%s: does not come to itself; running the power hook", self.name)
        try:
            process = await asyncio.create_subprocess_exec(*shlex.split(self._settings.power_hook))
        except (OSError, ValueError):
            self._rarely.warning("hook", "[modem] power_hook can't be run; give the path of a program")
            return
        try:
            async with asyncio.timeout(HOOK_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _reset(ports: ModemPorts) -> None:
    """Ask for a restart; a modem that answers nothing may still obey."""
    log.warning("modem: does not come to itself; restarting it")
    at = AtPort(ports.at, lambda _event: None)
    try:
        await at.open()
        await at.ask(ports.model.reset)
    except ModemError:
        return
    finally:
        await at.close()


def sources(settings: Modem, clock: MediaClock, folder: Path, answer: AnswerText | None = None) -> list[ModemSource]:
    """One source a modem: those that the settings name, or ``count`` of them; ``answer`` replies to messages."""
    words = settings.ports or ("",) * settings.count
    box, book = MailBox(folder), CallBackBook(folder)
    names = ["modem"] if len(words) == 1 else [f"modem{place}" for place in range(1, len(words) + 1)]
    found = [
        ModemSource(settings, clock, box, each, name, answer=answer, book=book)
        for each, name in zip(words, names, strict=True)
    ]
    for source in found:
        source.finder = found[0].finder
        source.call_backs.modems = frozenset(names)
    return found
