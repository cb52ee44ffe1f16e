"""Composition root: builds every part from the settings, runs them, obeys signals. Nobody imports it.

The names in the settings become objects in ``agent.tables``; what stands here is their life.
"""

import asyncio
import json
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from agent import garbage
from agent.admission import Admission
from agent.adoption import Adoption, LeftOpen, beat, left_open
from agent.attendants import attended
from agent.call import Call
from agent.chat import Chat
from agent.desk.editing import current_file
from agent.desk.web_desk import PresentCalls, new_desk, open_past
from agent.desk.web_key import WebKey, web_key
from agent.errors import AlloError, StartError
from agent.events import CallEnded, CallEvent, CallStarted, LegKept
from agent.figures import logs
from agent.figures.lag import LoopLag
from agent.figures.meters import CONTENT_TYPE, Meters
from agent.figures.supervision import READY, STOPPING, notify, show_signs_of_life
from agent.furnish import RATE, Furnished, furnish_live
from agent.house import House
from agent.journal import Journal, running
from agent.language.verbalise import verbalise
from agent.lasting import Lasting, Leg
from agent.late_ear import LateStt
from agent.leaving import Leave, leave
from agent.letters import Letters
from agent.live import needs_restart
from agent.ports import CallerInfo, Health, Line, LineSource
from agent.record.muting import is_wished
from agent.record.redaction import redacted
from agent.record.vault import Vault
from agent.settings import Settings
from agent.spoken import Spoken
from agent.store import check_schema, open_log
from agent.succession import Predecessor
from agent.tables import new_sources, new_spans
from agent.voices.warming import commonest, warm
from gateways.port import listen
from telephony.switchboard import Switchboard

if TYPE_CHECKING:
    from agent.desk.gsm_desk import GsmLines

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LEAVING = signal.SIGUSR1
"""Ends the process at once and leaves the calls where they are, for the next one."""
LOOK_S = 2.0
"""With what else is to be loaded callers of an earlier process are waited for so long, seconds."""
WORDS_S = 0.3
"""From a caller who was found to the agent's first words on the line, seconds, and some more."""
SWITCH_S = 0.001
"""The event loop waits no longer for a thread that is in Python code itself, reading a recogniser's reply, seconds."""
GOODBYE_S = 10.0
"""Time for the spoken goodbye at shutdown, seconds."""


class Daemon:
    """The running house."""

    def __init__(self, settings: Settings, before: Predecessor | None = None) -> None:
        """Nothing is opened before ``run``; ``before`` hands its calls over once everything is loaded."""
        self._settings, self._before = settings, before
        self._calls: set[Call] = set()
        self._sweep = garbage.Sweep()
        self._engines: dict[str, str] = {}
        self._engine_states: Callable[[], dict[str, str]] = dict
        self._records_state: Callable[[], dict[str, object]] = dict
        self._answers_state: Callable[[], dict[str, object]] = dict
        self._ready = False
        self._board: Switchboard | None = None
        self._present = PresentCalls()
        self._alive = settings.storage.dir / "alive"
        self._adoption = Adoption((), lambda _: None, lambda _: None)
        self._meters = Meters(settings.storage.dir)
        self._lag = LoopLag(self._meters.delayed)
        self._desk = new_desk(settings, self._health, self._present.feed)
        self._desk.metrics = lambda: (self._meters.page(self._health()), CONTENT_TYPE)
        self.key = WebKey("")
        """The page's, once it runs."""
        self._stop, self._hurry, self._leaving = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._spoken = asyncio.Event()
        """Callers of an earlier process have been spoken to."""
        self._flush: Callable[[], Awaitable[None]] = _nothing

    async def run(self, up: Callable[[Health], None]) -> None:
        """Serve until SIGTERM or SIGINT; a second one waits for no call. Raises ``AlloError``.

        ``up`` is called once when calls are answered.
        """
        loop = asyncio.get_running_loop()
        # not loop.add_signal_handler: closing the loop would bring the deadly default back for the last moments
        for number in SIGNALS:
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._signalled))
        signal.signal(LEAVING, lambda *_: loop.call_soon_threadsafe(self._leaving.set))
        signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(self._reload))
        try:
            async with AsyncExitStack() as stack:
                self.key = web_key(self._settings)
                self._desk.key, self._desk.local = self.key.value, self.key.file is not None
                house, late = await self._come_up(stack)
                await self._serve(house, late, up)
        except* AlloError as faults:
            raise _first(faults) from None
        finally:
            for number in (*SIGNALS, LEAVING, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # a late second one must not make a clean end look like a death

    async def _come_up(self, stack: AsyncExitStack) -> "tuple[House, Late]":
        """Open everything that calls share, and what may come later; what was opened is closed in reverse by ``stack``.

        Callers of an earlier process are spoken to first: what their first words need is opened at once, the rest
        after them. With such a process still there, everything is opened before it hands its calls over.
        """
        furnished = None
        if self._before is not None:
            await asyncio.to_thread(check_schema, self._settings.storage.dir / "calls.sqlite")
            furnished = await self._furnish(stack, None)
            await self._before.gone()
            furnished.take_over()
        web = self._settings.web
        sockets = listen(web.host, web.port)
        for each in sockets:
            stack.callback(each.close)
        journal = await self._open_journal(stack)
        if not self._adoption.waits:
            await self._open_page(stack, sockets)
            furnished = furnished or await self._furnish(stack, None)
            self._put_on_desk(furnished, stack)
            return self._with_record(furnished, journal, stack), _nothing
        if furnished is None:
            furnished = await self._furnish(stack, self._spoken)
        return self._with_record(furnished, journal, stack), partial(self._finish, furnished, stack, sockets)

    async def _furnish(self, stack: AsyncExitStack, spoken: asyncio.Event | None) -> Furnished:
        furnished = await furnish_live(self._settings, stack, self._meters.engines.told, spoken=spoken)
        self._engines = furnished.engines
        return furnished

    async def _finish(self, furnished: Furnished, stack: AsyncExitStack, sockets: list[socket.socket]) -> None:
        """What nobody waited for: the callers of an earlier process were spoken to first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._adoption.settled.wait()
        await asyncio.sleep(WORDS_S)
        self._spoken.set()
        await furnished.rest()
        self._put_on_desk(furnished, stack)
        await self._open_page(stack, sockets)

    async def _open_page(self, stack: AsyncExitStack, sockets: list[socket.socket]) -> None:
        from gateways.admin import serve_admin  # noqa: PLC0415 - 0.1 s that callers who wait need not wait for

        web = await serve_admin(self._settings.web.host, self._settings.web.port, self._desk, sockets)
        stack.push_async_callback(web.cleanup)

    def _put_on_desk(self, furnished: Furnished, stack: AsyncExitStack) -> None:
        from agent.desk.text_desk import new_texts  # noqa: PLC0415 - as above

        self._desk.texts, self._desk.live = new_texts(furnished.live, self._settings, stack), self._present

    def _with_record(self, furnished: Furnished, journal: Journal, stack: AsyncExitStack) -> House:
        """The house, whose calls are recorded, counted and attended."""
        settings, house = self._settings, furnished.house
        secret = settings.privacy.redact
        keep = redacted(journal.observe, settings.language) if secret else journal.observe
        observers = [keep, house.observe, self._meters.observe]
        spans = new_spans(settings)
        if spans is not None:
            observers.append(spans.observe)
            stack.push_async_callback(asyncio.to_thread, spans.close)
        trace = _no_trace if secret else journal.trace
        house = replace(house, new_recording=journal.recording, new_trace=trace, observe=_all(*observers))
        self._answers_state = house.answers_state
        self._engine_states, self._meters.engines.state = house.engine_states, house.engines_now
        self._desk.speech = Spoken(house)
        self._desk.new_chat = lambda: Chat(house.answers).ask
        return self._present.watched(attended(house, settings, journal))

    async def _open_journal(self, stack: AsyncExitStack) -> Journal:
        folder = self._settings.storage.dir / "calls_log"
        _make_folder(folder)
        call_log = await open_log(self._settings.storage.dir / "calls.sqlite")
        recording, vault = self._settings.recording, Vault.of(self._settings)
        keys = is_wished(recording.mute_keys, self._settings.privacy)
        journal = Journal(call_log, folder, self._settings.language, recording.enabled, vault, mute_keys=keys)
        self._records_state = lambda: journal.state
        left = await left_open(call_log, self._alive)
        closed = await journal.mend(keep={each.left.caller.call_id for each in left})
        if closed:
            log.warning("%d calls were open when the daemon stopped last; their records are closed now", closed)

        def lost(call: LeftOpen) -> None:
            name = call.left.caller.call_id
            log.warning("call %s was open when the daemon stopped last and is gone; its record is closed now", name)
            journal.lost(call)
            self._meters.lost()

        self._adoption, self._flush = Adoption(left, journal.resume, lost), journal.flush
        await stack.enter_async_context(running(journal))
        self._desk.calls = await open_past(self._settings, call_log, stack)
        return journal

    async def _serve(self, house: House, late: "Late", up: Callable[[Health], None]) -> None:
        admission = Admission(self._settings.limits)

        async def serve(line: Line) -> None:
            logs.CALL.set(line.caller.call_id)
            resumed = self._adoption.take(line.caller.call_id)
            refused = admission.refuses(line.caller.number, asyncio.get_running_loop().time())
            if refused is not None and resumed is None:
                house.observe(line.caller.call_id, CallStarted(line.caller))
                house.observe(line.caller.call_id, CallEnded("abandoned", refused))
                return
            connecting = asyncio.ensure_future(house.connect())
            if isinstance(line, Lasting):
                line.keep(partial(_keep_leg, house, line.caller.call_id))
            try:
                await self._hold(self._present.new_call(line, house.for_call(house, line), resumed))
            finally:
                connecting.cancel()
                self._present.left(line)

        def ready() -> None:
            self._ready, self._desk.door = True, board
            sys.setswitchinterval(SWITCH_S)
            up(self._health())
            notify(READY)

        sources = new_sources(self._settings, Letters(lambda: Chat(house.answers)).answer)
        self._adoption.offer(sources)
        self._desk.modems = modems = _gsm_lines(sources) if self._settings.modem.enabled else None
        if modems:
            self._meters.modems.state = modems.figures
        board = self._board = Switchboard(sources, self._settings.calls.max, serve)
        async with asyncio.TaskGroup() as tasks:
            work = [
                board.run(ready),
                self._lag.watch(),
                self._meters.engines.gpus.watch(),
                show_signs_of_life(),
                beat(self._alive, lambda: bool(self._calls)),
                leave(self._leaving, Leave(self._stop, board.close, self._flush, self._alive)),
                _settle(late),
                self._await_ears(house),
                self._speak_ahead(house),
                *([modems.watch()] if modems else []),
            ]
            background = [tasks.create_task(each) for each in work]
            await self._stop.wait()
            self._ready = False
            notify(STOPPING)
            await self._drain(board)
            for task in background:
                task.cancel()

    async def _await_ears(self, house: House) -> None:
        """Callers of an earlier process were spoken to first; a recogniser that can't be loaded ends the daemon."""
        if isinstance(house.stt, LateStt):
            self._engines["stt"] = (await house.stt.loaded()).name

    async def _speak_ahead(self, house: House) -> None:
        storage, language = self._settings.storage, self._settings.language
        texts = await asyncio.to_thread(commonest, storage.dir / "calls.sqlite", storage.phrases_ahead)
        words = (verbalise(text, language) for text in texts)
        await warm(house.voice, words, RATE, lambda: not self._calls)

    def _signalled(self) -> None:
        (self._hurry if self._stop.is_set() else self._stop).set()

    def _reload(self) -> None:
        """SIGHUP: say what is wrong with the settings, or what of them needs a restart; the next turn uses the rest."""
        try:
            fresh = current_file(self._settings)
        except AlloError as error:
            log.error("%s; the settings of before stay in use", error)
            return
        logs.set_levels(fresh.log)
        waiting = needs_restart(self._settings, fresh)
        log.info("settings read anew%s", f"; after a restart only: {', '.join(waiting)}" if waiting else "")

    async def _hold(self, call: Call) -> None:
        self._calls.add(call)
        try:
            await call.run()
        finally:
            self._calls.discard(call)
            self._sweep.call_ended()

    async def _drain(self, board: Switchboard) -> None:
        """No new calls; those in progress may finish, then hear a goodbye."""
        board.close()
        log.info("stopping; calls in progress: %d", board.calls)
        if await self._emptied(board, self._settings.shutdown.grace_s):
            return
        for call in self._calls:
            call.close()
        if not await self._emptied(board, GOODBYE_S):
            log.warning("%d calls did not end by themselves and are cut", board.calls)
            board.end_calls()

    async def _emptied(self, board: Switchboard, seconds: float) -> bool:
        """Wait for the last call to end, at most ``seconds`` and no longer than until a second signal."""
        waiting = [asyncio.ensure_future(board.emptied()), asyncio.ensure_future(self._hurry.wait())]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        return board.calls == 0

    def _health(self) -> Health:
        board = self._board
        return Health(
            ready=self._ready,
            version=version("allo"),
            lines=board.states if board else {},
            engines={**self._engines, **self._engine_states()},
            calls=board.calls if board else 0,
            tasks=len(asyncio.all_tasks()),
            answers=self._answers_state(),
            records=self._records_state(),
            loop_lag_ms=round(self._lag.worst_ms, 1),
        )


Late = Callable[[], Awaitable[None]]
"""Opens what nobody waits for; raises ``AlloError``."""


async def _nothing() -> None:
    """There is no record yet, or nothing that comes late."""


async def _settle(late: Late) -> None:
    await late()
    garbage.settle()


def _gsm_lines(sources: Sequence[LineSource]) -> "GsmLines | None":
    from agent.desk.gsm_desk import gsm_lines  # noqa: PLC0415 - only where there is a modem

    return gsm_lines(sources)


def _keep_leg(house: House, call_id: str, leg: Leg) -> None:
    house.observe(call_id, LegKept(json.dumps(leg)))


def _no_trace(_caller: CallerInfo) -> None:
    """A trace holds every word that was said."""


def _all(*observers: Callable[[str, CallEvent], None]) -> Callable[[str, CallEvent], None]:
    """Observers as one."""

    def observe(call_id: str, event: CallEvent) -> None:
        for each in observers:
            each(call_id, event)

    return observe


def _first(fault: BaseException) -> BaseException:
    """What went wrong first: a person is told one thing at a time."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"{folder}: can't be made: {error.strerror}; set [storage] dir to a writable folder") from None
