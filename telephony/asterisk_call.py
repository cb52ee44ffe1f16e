"""One caller inside our Stasis application: a Line made of the caller's channel, a media channel and a bridge.

Whatever happens to the conversation, ``live`` (run by the source, not by the conversation) takes the three apart
again: the caller is hung up, or handed on to the dialplan, never left in silence.
"""

import asyncio
import logging
import re
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine

from agent.lasting import Leg
from agent.ports import CallerInfo, LineEvent, LineGone, Mouth
from telephony import ari
from telephony import ari_requests as ask
from telephony.ari_link import AriError, AriLink, to_the_end
from telephony.asterisk_media import Media, MediaError
from telephony.chan_websocket import RATE
from telephony.inbox import Inbox

log = logging.getLogger(__name__)

UNANSWERED_S = 15.0
"""A caller whom nobody picked up by then is handed to the dialplan, seconds."""
SET_UP_S = 5.0
"""Longest time from ``answer`` to a joined bridge, seconds."""
CLEAR_S = 4.0
"""Longest time for taking everything apart, seconds."""

PLACE = re.compile(r"(?P<extension>[0-9A-Za-z*#+_.-]+)(?:@(?P<context>[0-9A-Za-z_.-]+))?")
"""What ``transfer`` accepts: ``EXTENSION`` or ``EXTENSION@CONTEXT``."""

Spawn = Callable[[Coroutine[None, None, None]], "asyncio.Task[None] | None"]
"""Runs something as long as the source lives; ``None`` when the source is stopping."""


class AsteriskLine:
    """An ``agent.ports.Line``; the source feeds it with ``hear`` and runs ``live``."""

    def __init__(
        self,
        link: AriLink,
        ids: ask.Ids,
        start: ari.StasisStart,
        *,
        inbox: Inbox,
        media: Media,
        spawn: Spawn,
        caller: CallerInfo | None = None,
    ) -> None:
        """``caller``: as an earlier process described him, whose call goes on."""
        self._link, self._spawn = link, spawn
        self._inbox, self._media = inbox, media
        self.channel_id = start.channel.id
        self.media_id, self.bridge_id = ids.media(), ids.bridge()
        called = start.args[0] if start.args else start.channel.exten
        self._caller = caller or CallerInfo(f"ast-{uuid.uuid4().hex}", "asterisk", start.channel.number, called, RATE)
        self._tell: Callable[[Leg], None] | None = None
        self._setting_up: asyncio.Task[None] | None = None
        self._fault = ""
        self._cause = ""
        self._leaving = "caller"
        self._picked_up = asyncio.Event()
        self._media_here = asyncio.Event()
        self._over = asyncio.Event()
        self._cleared = asyncio.Event()
        self.tidy = True
        """False after ``live`` when Asterisk did not confirm that all was taken apart."""

    @property
    def caller(self) -> CallerInfo:
        """See ``Line.caller``."""
        return self._caller

    @property
    def mouth(self) -> Mouth:
        """See ``Line.mouth``."""
        return self._media.mouth

    @property
    def idle_ms(self) -> int:
        """Milliseconds without a sign of Asterisk in the audio; 0 where the audio's own end would tell."""
        return self._media.idle_ms if self._setting_up is not None else 0

    @property
    def over(self) -> bool:
        """The leg has ended, and may still be being taken apart."""
        return self._over.is_set()

    @property
    def ids(self) -> tuple[str, str, str]:
        """Ids of what this line owns in Asterisk."""
        return self.channel_id, self.media_id, self.bridge_id

    # ------------------------------------------------------------ the conversation's side

    async def answer(self) -> AsyncIterator[LineEvent]:
        """See ``Line.answer``."""
        if self._over.is_set() or self._setting_up is not None:
            raise LineGone(f"call {self._caller.call_id}: the caller has left")
        self._picked_up.set()
        if self._tell is not None:
            self._tell({"app": self._link.app, "channel": self.channel_id})
        self._setting_up = self._spawn(self._set_up())
        if self._setting_up is not None:
            await asyncio.wait([self._setting_up])
        if self._over.is_set() or self._setting_up is None:
            raise LineGone(f"call {self._caller.call_id}: {self._fault or 'the caller has left'}")
        return self._inbox

    def keep(self, tell: Callable[[Leg], None]) -> None:
        """See ``Lasting``: all else is made anew for a channel that stays in Stasis."""
        self._tell = tell

    async def hangup(self) -> None:
        """See ``Line.hangup``."""
        self.end("agent")
        await self._cleared.wait()

    async def transfer(self, target: str) -> bool:
        """See ``Line.transfer``: on behind ``Stasis()`` in the dialplan, or at ``EXTENSION[@CONTEXT]``."""
        place = PLACE.fullmatch(target)
        if self._over.is_set() or (target and place is None):
            log.warning(
                "call %s: can't transfer: want an extension as EXTENSION or EXTENSION@CONTEXT", self._caller.call_id
            )
            return False
        extension, context = (place["extension"], place["context"] or "") if place else ("", "")
        self._leaving = "transfer"
        try:
            await self._link.ask(ask.go_on(self.channel_id, context, extension))
        except AriError as error:
            self._leaving = "caller"
            log.warning("call %s: Asterisk refused the transfer: %s", self._caller.call_id, error)
            return False
        self.end("transfer")
        return True

    # ------------------------------------------------------------ the source's side

    def hear(self, event: ari.ChannelEvent | ari.BridgeDestroyed) -> None:
        """Take an event of one of our ids."""
        if isinstance(event, ari.BridgeDestroyed):
            self.end("lost")
        elif event.channel.id == self.media_id:
            self._hear_media(event)
        elif isinstance(event, ari.ChannelDtmfReceived):
            self._inbox.put_dtmf(event.digit)
        elif isinstance(event, ari.StasisEnd | ari.ChannelHangupRequest | ari.ChannelDestroyed):
            self.left()

    def _hear_media(self, event: ari.ChannelEvent) -> None:
        if isinstance(event, ari.StasisStart):
            self._media_here.set()
        elif isinstance(event, ari.StasisEnd | ari.ChannelDestroyed):
            self.end("lost")

    def left(self) -> None:
        """The caller's channel has left the application."""
        self.end(self._leaving)

    def end(self, cause: str) -> None:
        """The leg is over (``HungUp.cause``); only the first cause counts."""
        if not self._over.is_set():
            self._cause = cause
            self._over.set()
            self._picked_up.set()
            self._media_here.set()
            self._inbox.hang_up(cause)

    async def live(self) -> None:
        """Watch over the leg until it is over, then take everything apart; also when cancelled."""
        try:
            try:
                async with asyncio.timeout(UNANSWERED_S):
                    await self._picked_up.wait()
            except TimeoutError:
                log.warning("call %s: nobody picked up in %d s, on to the dialplan", self._caller.call_id, UNANSWERED_S)
                self.end("lost")
            await self._over.wait()
        finally:
            self.end("cancelled")
            try:
                await to_the_end(self._take_apart())
            finally:
                self._cleared.set()

    # ------------------------------------------------------------ set up

    async def _set_up(self) -> None:
        """Runs apart from the conversation, so that a cancelled one leaves no half-made channel behind."""
        try:
            async with asyncio.timeout(SET_UP_S):
                await self._join()
        except (AriError, MediaError) as error:
            self._give_up(str(error))
        except TimeoutError:
            self._give_up(f"Asterisk did not set up the call in {SET_UP_S:.0f} s")
        except Exception:  # the door around a call
            log.exception("call %s: set-up failed", self._caller.call_id)
            self._give_up("set-up failed")

    def _give_up(self, fault: str) -> None:
        if not self._over.is_set():
            self._fault = fault
            log.warning("call %s: %s; a caller who is still there goes on in the dialplan", self._caller.call_id, fault)
            self.end("lost")

    async def _join(self) -> None:
        """Answer, bridge and media at once; the bridge takes the media channel only after its own StasisStart.

        The caller is put into the bridge without waiting for the answer: old Asterisks carry out what is asked of an
        unanswered channel five times a second, and both then happen in one go.
        """
        bridged = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._do(ask.answer(self.channel_id)))
                tasks.create_task(self._bridge_caller(bridged))
                await self._media.connect(self._link, self.media_id)
                self._spawn(self._carry())
                await self._media_here.wait()
                await bridged.wait()
                if not self._over.is_set():
                    await self._do(ask.add_channel(self.bridge_id, self.media_id))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _bridge_caller(self, bridged: asyncio.Event) -> None:
        await to_the_end(self._link.ask(ask.create_bridge(self.bridge_id)))
        bridged.set()
        await self._do(ask.add_channel(self.bridge_id, self.channel_id))

    async def _do(self, request: ask.Request) -> None:
        await self._link.ask(request)

    async def _carry(self) -> None:
        try:
            await self._media.run()
        except Exception:  # the door around a call
            log.exception("call %s: the audio failed", self._caller.call_id)
        self.end("lost")

    # ------------------------------------------------------------ take apart

    async def _take_apart(self) -> None:
        """One thing after another: deletions at the same time have crashed Asterisk (asterisk#1201)."""
        try:
            async with asyncio.timeout(CLEAR_S):
                if self._setting_up is not None:
                    await asyncio.wait([self._setting_up])
                for request in self._last_requests():
                    await self._last(request)
        except TimeoutError:
            self.tidy = False
        await self._media.close()

    def _last_requests(self) -> list[ask.Request]:
        requests = []
        if self._cause in {"lost", "cancelled"}:
            requests.append(ask.go_on(self.channel_id))
        elif self._cause == "agent":
            requests.append(ask.hangup(self.channel_id))
        if self._setting_up is not None:
            requests += [ask.hangup(self.media_id), ask.destroy_bridge(self.bridge_id)]
        return requests

    async def _last(self, request: ask.Request) -> None:
        try:
            await self._link.ask(request)
        except AriError as error:
            if not error.gone:
                self.tidy = False
