"""The SIP line: phones, PBXs and providers call us directly, no PBX needed (aiosipua messages, aiortp media)."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Sequence

from agent.lasting import Left
from agent.ports import CallerInfo, FrontDoor, LineEvent, Mouth
from agent.settings import Sip
from telephony.clock import MediaClock
from telephony.rtp_ports import RtpPorts
from telephony.sip_adoption import SipAdoption
from telephony.sip_call import SipCall, SipOffice
from telephony.sip_dialog import ALLOW
from telephony.sip_register import SipRegistration
from telephony.sip_requests import receive
from telephony.sip_sdp import Media, NoCommonMedia, choose
from telephony.sip_text import Request, number_of, response, user_of
from telephony.sip_timer import MIN_SE, too_small
from telephony.sip_transactions import ServerTransaction, Transactions
from telephony.sip_wire import Peer, SipWire

log = logging.getLogger(__name__)

FAREWELL_S = 1.0
"""Longest wait for the answers to our BYEs when the source stops, seconds."""

EXTENSIONS = {"timer"}
"""What a Require header may name (RFC 4028)."""

Refused = tuple[int, dict[str, str]]
"""Status and headers."""


class SipLine:
    """One call as the house sees it: an ``agent.ports.Line``."""

    def __init__(self, call: SipCall, invite: Request, caller: CallerInfo | None = None) -> None:
        """``caller``: as an earlier process described him, whose call goes on."""
        self._call = call
        self.keep = call.keep
        self._caller = caller or CallerInfo(
            call_id=uuid.uuid4().hex,
            line="sip",
            number=number_of(invite.header("from")),
            called=user_of(invite.message.uri),
            rate=call.media.rate,
        )

    @property
    def caller(self) -> CallerInfo:
        """Who rings."""
        return self._caller

    @property
    def mouth(self) -> Mouth:
        """Where our speech goes; heard from ``answer`` on."""
        return self._call.media.leg.mouth

    async def answer(self) -> AsyncIterator[LineEvent]:
        """Pick up; raises ``LineGone`` when the caller left before."""
        await self._call.answer()
        return self._call.media.inbox

    async def hangup(self) -> None:
        """End the call; before ``answer`` the caller hears 480."""
        self._call.hangup()

    async def transfer(self, target: str) -> bool:
        """Give the caller to a SIP URI or an extension of the far side, by REFER."""
        return await self._call.transfer(target)


class SipSource:
    """Listens on UDP and TCP, admits calls, and hands each to the door: an ``agent.ports.LineSource``.

    ``clock``: the house's media clock; one of its own when none is given.
    """

    name = "sip"

    def __init__(self, settings: Sip, clock: MediaClock | None = None) -> None:
        self._settings = settings
        self._transactions = Transactions()
        self._wire = SipWire(settings.allow, self._request, self._transactions.answered)
        self._office = SipOffice(
            settings, self._transactions, clock or MediaClock(), RtpPorts(*settings.rtp_ports), self._forget
        )
        self._registration = SipRegistration(settings, self._wire, self._transactions) if settings.registrar else None
        self._calls: dict[tuple[str, str], SipCall] = {}
        self._origins: dict[tuple[str, str], SipCall] = {}
        self._invites: dict[ServerTransaction, SipCall] = {}
        self._door: FrontDoor | None = None
        self._listening = False
        self._adoption = SipAdoption()
        self._gone = asyncio.Event()

    @property
    def state(self) -> str:
        """``up``, with the registration's state where there is one."""
        if not self._listening:
            return "not listening"
        return f"up; {self._registration.state}" if self._registration else "up"

    @property
    def calls(self) -> int:
        """Dialogs that are not over yet."""
        return len(self._calls)

    def expect(self, left: Sequence[Left], lost: Callable[[str], None]) -> None:
        """See ``Adopting``."""
        self._adoption = SipAdoption(left, lost)

    async def run(self, door: FrontDoor, ready: Callable[[], None]) -> None:
        """Serve until cancelled, then hang up what still runs; raises ``StartError`` when it can't listen."""
        # It warns once per datagram whose length differs from Content-Length: anybody could fill the log.
        logging.getLogger("aiosipua").setLevel(logging.ERROR)
        await self._wire.start(self._settings.host, self._settings.port)
        self._door, self._listening = door, True
        await self._adoption.take_up(self._wire, self._office, self._go_on)
        ready()
        try:
            if self._registration is not None:
                await self._registration.run()
            await asyncio.Event().wait()
        finally:
            self._door, self._listening = None, False
            await self._close()

    async def _close(self) -> None:
        for call in tuple(self._calls.values()):
            call.hangup()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                if self._registration is not None:
                    await self._registration.leave()
                while self._calls:  # a call that we had just answered can't be ended before its ACK
                    self._gone.clear()
                    await self._gone.wait()
                await self._transactions.drained()
        for call in tuple(self._calls.values()):
            self._forget(call)
        self._transactions.stop()
        await self._wire.stop()

    # ---------------------------------------------------------------- requests

    def _request(self, request: Request, peer: Peer) -> None:
        if request.method == "ACK":
            self._acknowledge(request)
        elif request.method == "CANCEL":
            self._cancel(request, peer)
        elif request.to_tag:
            self._within_dialog(request, peer)
        elif request.method == "INVITE":
            self._invite(request, peer)
        elif request.method == "OPTIONS":
            self._options(request, peer)
        else:
            known = request.method in {"BYE", "UPDATE", "NOTIFY", "INFO"}
            peer.send(bytes(response(request, 481 if known else 405, headers={} if known else {"Allow": ALLOW})))

    def _acknowledge(self, request: Request) -> None:
        refused = self._transactions.invite_of(request)
        if refused is not None and refused.status >= 300:
            refused.confirm()
            return
        call = self._calls.get((request.call_id, request.to_tag))
        if call is not None and call.dialog.owns(request):
            call.acknowledge(request)

    def _cancel(self, request: Request, peer: Peer) -> None:
        invite = self._transactions.invite_of(request)
        if invite is None:
            peer.send(bytes(response(request, 481)))
            return
        call = self._invites.get(invite)
        peer.send(bytes(response(request, 200, tag=call.dialog.key[1] if call else "")))
        if call is not None:
            call.cancel()

    def _within_dialog(self, request: Request, peer: Peer) -> None:
        call = self._calls.get((request.call_id, request.to_tag))
        if call is None or not call.dialog.owns(request):
            self._unknown(request, peer)
            return
        transaction = self._transactions.receive(request, peer)
        if transaction is not None:
            receive(call, transaction)
            call.told()

    def _unknown(self, request: Request, peer: Peer) -> None:
        """No such dialog; a BYE sent again after its call is forgotten gets its 200 again."""
        if not self._transactions.repeat(request):
            peer.send(bytes(response(request, 481)))

    def _options(self, request: Request, peer: Peer) -> None:
        refusal = self._door.admit() if self._door else None
        stopping = self._door is None or (refusal is not None and refusal.reason == "stopping")
        headers = {"Allow": ALLOW, "Accept": "application/sdp", "Supported": "timer"}
        peer.send(bytes(response(request, 503 if stopping else 200, headers=headers)))

    # ---------------------------------------------------------------- a new call

    def _invite(self, request: Request, peer: Peer) -> None:
        transaction = self._transactions.receive(request, peer)
        if transaction is None:
            return
        refused, media = self._judge(request)
        if refused is not None:
            transaction.respond(response(request, refused[0], headers=refused[1]))
            return
        call = SipCall(self._office, transaction, media)
        self._calls[call.dialog.key] = self._origins[call.dialog.origin] = self._invites[transaction] = call
        line = SipLine(call, request)
        log.info("sip: call %s over %s", line.caller.call_id, peer.transport)
        if self._door is not None:
            self._door.ring(line)

    def _go_on(self, call: SipCall, left: Left) -> None:
        """A call of an earlier process comes to the door."""
        self._calls[call.dialog.key] = self._origins[call.dialog.origin] = call
        if self._door is not None:
            self._door.ring(SipLine(call, call.invite, left.caller))

    def _judge(self, request: Request) -> tuple[Refused | None, Media | None]:
        """Why not to take this call, or what its offer lets us speak."""
        refused = self._unfit(request) or self._unwelcome()
        if refused is not None or request.sdp is None:
            return refused, None
        try:
            return None, choose(request.sdp)[1]
        except NoCommonMedia:
            return (488, {"Warning": '304 allo "PCMA, PCMU or G.722 over RTP/AVP wanted"'}), None
        except ValueError:
            return (400, {}), None

    def _unfit(self, request: Request) -> Refused | None:
        """What RFC 3261, 8.2 makes us refuse whoever calls."""
        scheme = request.message.uri.partition(":")[0].lower()
        unknown = request.tokens("require") - EXTENSIONS
        faults: tuple[tuple[bool, Refused], ...] = (
            (scheme not in {"sip", "sips", "tel"}, (416, {})),
            ((request.call_id, request.from_tag) in self._origins, (482, {})),
            (bool(unknown), (420, {"Unsupported": ", ".join(sorted(unknown))})),
            (bool(request.message.body) and request.sdp is None, (415, {"Accept": "application/sdp"})),
            (too_small(request), (422, {"Min-SE": str(MIN_SE)})),
            (not request.header("contact"), (400, {})),
        )
        return next((answer for wrong, answer in faults if wrong), None)

    def _unwelcome(self) -> Refused | None:
        refusal = self._door.admit() if self._door else None
        if self._door is not None and refusal is None:
            return None
        status = 486 if refusal is not None and refusal.reason == "busy" else 503
        return status, {"Retry-After": str(refusal.retry_after_s if refusal else 10)}

    def _forget(self, call: SipCall) -> None:
        self._calls.pop(call.dialog.key, None)
        self._origins.pop(call.dialog.origin, None)
        for transaction, other in tuple(self._invites.items()):
            if other is call:
                del self._invites[transaction]
        self._gone.set()
