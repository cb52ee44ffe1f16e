"""The Asterisk line: callers whom the dialplan sends to our Stasis application, each as one ``AsteriskLine``.

At each connect, and whenever something could not be tidied away, what Asterisk holds is compared with what we know:
callers inside the application whom nobody serves (the daemon was restarted, or an event was lost) come to the door
anew, calls that ended unheard end, and channels and bridges of ours without a call are destroyed. A caller whose call
began in an earlier process comes as the one that he was.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence

from agent.lasting import Left
from agent.ports import FrontDoor
from agent.settings import Asterisk
from telephony import ari
from telephony import ari_requests as ask
from telephony.ari_link import AriError, AriLink
from telephony.asterisk_call import AsteriskLine
from telephony.asterisk_media import MediaKit
from telephony.chan_websocket import RATE
from telephony.clock import MediaClock
from telephony.inbox import Inbox
from telephony.rarely import Rarely
from telephony.rtp_ports import NoPortFree, RtpPorts

__all__ = ["AsteriskLine", "AsteriskSource"]

log = logging.getLogger(__name__)

AGAIN_S = 2.0
"""Pause before tidying up is tried again, seconds."""
SWEEP_S = 60.0
"""Asterisk and we are compared at least this often, seconds."""
DEAD_MS = 4000
"""Neither events nor audio for so long: Asterisk is gone, milliseconds."""
CHOOSE_S = 3.0
"""A caller who comes before we know which media this Asterisk has waits so long, seconds."""


class AsteriskSource:
    """A ``LineSource`` over one Asterisk."""

    name = "asterisk"

    def __init__(self, settings: Asterisk, clock: MediaClock, ports: RtpPorts) -> None:
        self._link = AriLink(settings.url, settings.username, settings.password.get_secret_value(), settings.app)
        self._kit = MediaKit(settings.media, settings.rtp_host, clock, ports)
        self._ids = ask.Ids(settings.app)
        self._lines: dict[str, AsteriskLine | None] = {}
        self._touched: set[str] = set()
        """Callers known when a comparison began, or come since: what it read of them may be out of date."""
        self._again: dict[str, ari.StasisStart] = {}
        self._left: dict[str, Left] = {}
        """Calls of an earlier process, by channel."""
        self._lost: Callable[[str], None] = lambda _call_id: None
        self._untidy = asyncio.Event()
        self._chosen = asyncio.Event()
        self._rarely = Rarely(log)

    @property
    def state(self) -> str:
        """See ``LineSource.state``."""
        return self._link.state

    @property
    def media(self) -> str:
        """How audio travels: ``websocket``, ``rtp``, or empty before the first connect."""
        return self._kit.kind or ""

    @property
    def calls(self) -> int:
        """Callers who are inside, those included that are just being taken apart."""
        return len(self._owned()) + sum(line is None for line in self._lines.values())

    def expect(self, left: Sequence[Left], lost: Callable[[str], None]) -> None:
        """See ``Adopting``: the first comparison finds their channels, or finds them gone."""
        self._left, self._lost = {str(each.leg.get("channel")): each for each in left}, lost

    async def run(self, door: FrontDoor, ready: Callable[[], None]) -> None:
        """See ``LineSource.run``. Cancelled, it hands the callers to the dialplan and leaves nothing in Asterisk."""
        self._door = door
        async with self._link:
            try:
                async with asyncio.TaskGroup() as self._tasks:
                    self._tasks.create_task(self._link.run(self._tend, self._hear))
                    self._tasks.create_task(self._notice_death())
                    await self._link.tried.wait()
                    ready()
            finally:
                await self._hand_on_the_rest()

    async def _hand_on_the_rest(self) -> None:
        """Nobody listens any more: who came in at the last moment goes on in the dialplan."""
        try:
            async with asyncio.timeout(CHOOSE_S):
                for channel_id in await self._inside():
                    if not self._ids.made(channel_id):
                        await self._quietly(ask.go_on(channel_id))
        except (AriError, ValueError, TimeoutError):
            log.warning("Asterisk can't be asked whether callers are left in the application")

    # ------------------------------------------------------------ events

    def _hear(self, event: ari.Event) -> None:
        if isinstance(event, ari.BridgeDestroyed):
            line = self._lines.get(event.bridge.id)
        elif isinstance(event, ari.UnknownEvent | ari.ApplicationReplaced):
            return
        else:
            line = self._lines.get(event.channel.id)
            if isinstance(event, ari.StasisStart) and self._is_new(event, line):
                return
        if line is not None:
            line.hear(event)

    def _is_new(self, start: ari.StasisStart, line: AsteriskLine | None) -> bool:
        """A channel that nobody owns, or one that the dialplan sent back while its last call is taken apart.

        The event of a caller whom a comparison found first comes late, and is no new call.
        """
        if start.channel.id not in self._lines:
            self._arrive(start)
        elif line is not None and line.over and start.channel.id == line.channel_id:
            self._again[start.channel.id] = start
        else:
            return False
        return True

    def _arrive(self, start: ari.StasisStart) -> None:
        """A channel that nobody owns has come."""
        channel = start.channel
        self._touched.add(channel.id)
        if self._ids.made(channel.id):
            self._spawn(self._quietly(ask.hangup(channel.id)))
        elif channel.id not in self._left and (refusal := self._door.admit()):
            log.info("a caller goes on in the dialplan: %s", refusal.reason)
            self._spawn(self._quietly(ask.go_on(channel.id)))
        else:
            self._lines[channel.id] = None
            self._spawn(self._serve(start))

    def _spawn(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None] | None":
        """Run something beside the events; nothing more while we stop."""
        try:
            return self._tasks.create_task(work)
        except RuntimeError:
            work.close()
            return None

    async def _quietly(self, request: ask.Request) -> None:
        try:
            await self._link.ask(request)
        except AriError as error:
            if not error.gone:
                self._rarely.warning(str(error), "Asterisk: %s; trying again", error)
                self._untidy.set()

    async def _serve(self, start: ari.StasisStart) -> None:
        """One caller, from the door to the last trace in Asterisk."""
        try:
            line = await self._make(start)
        except (NoPortFree, TimeoutError) as error:
            self._rarely.warning("no line", "a caller goes on in the dialplan: %s", str(error) or "no media chosen yet")
            await self._quietly(ask.go_on(start.channel.id))
            del self._lines[start.channel.id]
            return
        self._lines |= dict.fromkeys(line.ids, line)
        try:
            self._ring(line)
            await line.live()
        except Exception:  # the door around a call
            log.exception("call %s: the line failed", line.caller.call_id)
        finally:
            for some_id in line.ids:
                self._lines.pop(some_id, None)
            if not line.tidy:
                self._untidy.set()
            if back := self._again.pop(line.channel_id, None):
                self._arrive(back)

    def _ring(self, line: AsteriskLine) -> None:
        try:
            self._door.ring(line)
        except Exception:  # the door around a call
            log.exception("call %s: nobody took it; the caller goes on in the dialplan", line.caller.call_id)
            line.end("lost")

    async def _make(self, start: ari.StasisStart) -> AsteriskLine:
        if self._kit.kind is None:
            async with asyncio.timeout(CHOOSE_S):
                await self._chosen.wait()
        inbox = Inbox(RATE)
        media = await self._kit.open(inbox)
        left = self._left.pop(start.channel.id, None)
        caller = left.caller if left else None
        return AsteriskLine(self._link, self._ids, start, inbox=inbox, media=media, spawn=self._spawn, caller=caller)

    async def _notice_death(self) -> None:
        """RTP does not tell that Asterisk is gone: no link and no audio for a while does."""
        while True:
            await asyncio.sleep(1)
            for line in self._owned() if self._link.state != "up" else ():
                if line.idle_ms > DEAD_MS:
                    line.end("lost")

    def _owned(self) -> set[AsteriskLine]:
        return {line for line in self._lines.values() if line is not None}

    # ------------------------------------------------------------ what Asterisk holds and what we know

    async def _tend(self) -> None:
        """As long as the link is up: choose the media, compare, and compare again when there is reason to."""
        while True:
            try:
                await self._kit.choose(self._link)
                self._chosen.set()
                self._untidy.clear()
                await self._compare()
                async with asyncio.timeout(SWEEP_S):
                    await self._untidy.wait()
            except TimeoutError:
                continue
            except (AriError, ValueError) as error:
                self._rarely.warning(str(error), "Asterisk: can't compare calls: %s; trying again", error)
            await asyncio.sleep(AGAIN_S)

    async def _compare(self) -> None:
        known = self._owned()
        self._touched = set(self._lines)
        bridges = ari.parse_bridges(await self._link.ask(ask.list_bridges()))
        channels = ari.parse_channels(await self._link.ask(ask.list_channels()))
        inside = await self._inside()
        for bridge in bridges:
            if self._ids.made(bridge.id) and bridge.id not in self._lines:
                await self._quietly(ask.destroy_bridge(bridge.id))
        for channel in channels:
            if self._ids.made(channel.id) and channel.id not in self._lines:
                await self._quietly(ask.hangup(channel.id))
        for line in known:
            if line.channel_id not in inside:
                line.left()
        for channel in channels:
            if channel.id in inside - self._touched and not self._ids.made(channel.id):
                log.info("a caller was waiting inside the application and comes to the door anew")
                self._arrive(ari.StasisStart(channel))
        for channel_id in self._left.keys() - inside:
            self._lost(self._left.pop(channel_id).caller.call_id)

    async def _inside(self) -> frozenset[str]:
        """Ids of the channels inside our application."""
        try:
            return ari.parse_application(await self._link.ask(ask.application(self._link.app)))
        except AriError as error:
            if error.gone:
                return frozenset()
            raise
