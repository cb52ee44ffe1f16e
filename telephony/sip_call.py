"""One incoming SIP call from INVITE to the end: its state, and what the house may ask of it.

What the far side asks within the dialog is in ``sip_requests``.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from aiosipua.message import SipResponse

from agent.lasting import Leg
from agent.ports import LineGone
from agent.settings import Sip
from telephony.clock import MediaClock
from telephony.rtp_ports import NoPortFree, RtpPorts
from telephony.sip_dialog import SipDialog
from telephony.sip_media import SipMedia
from telephony.sip_sdp import Media
from telephony.sip_text import Request
from telephony.sip_timer import SessionTimer, terms_for
from telephony.sip_transactions import ServerTransaction, Transactions
from telephony.sip_transfer import Transfer, refer_to

log = logging.getLogger(__name__)

RING_S = 180.0
"""A call that nobody picks up is refused after this time, seconds (RFC 3261, 13.3.1.1)."""

OnFinal = Callable[[SipResponse | None], None]


@dataclass(frozen=True, slots=True)
class SipOffice:
    """What all calls of one SIP port share."""

    settings: Sip
    transactions: Transactions
    clock: MediaClock
    ports: RtpPorts
    forget: Callable[["SipCall"], None]
    """Called when a call's dialog is over; harmless twice."""


class SipCall:
    """The dialog and the media of one call; ``sip_line.SipLine`` is its face to the house."""

    def __init__(
        self, office: SipOffice, invite: ServerTransaction, media: Media | None, *, left: Leg | None = None
    ) -> None:
        """``left``: the call was answered by an earlier process, which kept this of it; then ``resume`` it.

        Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is no such leg.
        """
        self._office = office
        self._invite = invite
        self.invite = invite.request
        """The request that began the call."""
        self._left = left
        self._tell: Callable[[Leg], None] | None = None
        self.dialog = SipDialog(invite.request, invite.peer, office.settings.advertise)
        if left is not None:
            self.dialog.resume(left["dialog"])
        self.media = SipMedia(media, office.clock, invite.peer)
        self.timer = SessionTimer(
            lambda headers, on_final: self._send("UPDATE", on_final, headers), lambda: self._leave("lost")
        )
        self.transfer_in_progress: Transfer | None = None
        self.up = False
        """Whether we answered."""
        self.over = False
        """Whether the leg is gone."""
        self._bye_due = False
        self._ringing = asyncio.get_running_loop().call_later(RING_S, self.hangup)
        if left is None:
            invite.respond(self.dialog.answer(invite.request, 180))
        else:
            invite.status = 200

    async def resume(self) -> None:
        """Bind the ports that the far side sends to; raises as ``SipMedia.resume``."""
        if self._left is not None:
            await self.media.resume(self._left["media"], self._office.settings, self._office.ports, self.dialog.peer)

    # ---------------------------------------------------------------- what the house asks

    async def answer(self) -> None:
        """Bind RTP and send the 200; raises ``LineGone`` when the caller left before."""
        if self.over or self.up:
            raise LineGone("the caller is gone" if self.over else "answered already")
        self.up = True
        self._ringing.cancel()
        if self._left is not None:
            self.agree(self._invite.request)
            self.media.leg.start()
            self.told()
            return
        try:
            await self.media.open(self._office.settings, self._office.ports, self.dialog.peer)
        except NoPortFree as error:
            log.error("sip: %s", error)
            self._refuse(503, "agent")
        if self.over:
            self.media.close("cancelled")
            raise LineGone("the caller is gone")
        self.accept(self._invite, self.media.describe(self._invite.request.sdp))
        self.media.leg.start()

    def keep(self, tell: Callable[[Leg], None]) -> None:
        """See ``agent.lasting``."""
        self._tell = tell

    def told(self) -> None:
        """Something of the dialog or the media has changed: another process must know it to go on."""
        if self._tell is not None and self.up and not self.over:
            peer, invite = self.dialog.peer, bytes(self.invite.message).decode("utf-8", "surrogateescape")
            way = {"transport": peer.transport, "host": peer.host, "port": peer.port, "ours": peer.local[1]}
            self._tell({"invite": invite, "way": way, "dialog": self.dialog.state, "media": self.media.state})

    def hangup(self) -> None:
        """End the call from our side; harmless when it has ended."""
        if not self.established:
            self._refuse(480, "agent")
        else:
            self._leave("agent")

    async def transfer(self, target: str) -> bool:
        """Refer the caller to ``target``: a URI, or an extension of the far side; empty: the operator."""
        uri = refer_to(target or self._office.settings.operator, self.dialog.peer.host)
        if uri is None or self.over or not self.up or self.transfer_in_progress is not None:
            return False
        self.transfer_in_progress = transfer = Transfer()
        try:
            self._send("REFER", transfer.answered, {"Refer-To": f"<{uri}>", "Referred-By": self.dialog.contact()})
            moved = await transfer.outcome()
        finally:
            self.transfer_in_progress = None
        if moved:
            self._leave("transfer")
        return moved

    # ---------------------------------------------------------------- what the far side does

    @property
    def established(self) -> bool:
        """Whether our 200 went out, so that the far side may change the session."""
        return self._invite.status >= 200

    def agree(self, request: Request) -> None:
        """Take the session timer that an INVITE or UPDATE asks for."""
        self.timer.agree(terms_for(request, self._office.settings.session_expires_s))

    def accept(self, invite: ServerTransaction, body: str) -> None:
        """Answer an INVITE, the first or a later one, with 200 and this description."""
        self._invite.confirm()
        self._invite = invite
        self.agree(invite.request)
        invite.accept(self.dialog.answer(invite.request, 200, self.timer.headers(), body), self._no_ack)
        self.told()

    def acknowledge(self, request: Request) -> None:
        """Take the ACK of our 200; it carries the answer when we made the offer."""
        if request.cseq != self._invite.request.cseq:
            return
        self._invite.confirm()
        if self._bye_due:
            self._send_bye()
        elif self.media.awaits_answer and not self.over:
            try:
                self.media.learn(request.sdp)
            except ValueError:
                log.info("sip: the answer to our offer could not be used, hanging up")
                self._leave("lost")

    def cancel(self) -> None:
        """The caller gave up; no effect when we have answered."""
        if not self.established:
            self._refuse(487, "cancelled")

    def caller_left(self) -> None:
        """The caller said BYE."""
        self.cancel()
        self._invite.confirm()
        self._bye_due = False
        if not self.over:
            moved = self.transfer_in_progress is not None and self.transfer_in_progress.caller_left()
            self._end("transfer" if moved else "caller")
        self._office.forget(self)

    # ---------------------------------------------------------------- the end

    def _no_ack(self) -> None:
        log.info("sip: a 200 was never acknowledged, hanging up")
        self._invite.confirm()
        self._end("lost")
        self._send_bye()

    def _refuse(self, status: int, cause: str) -> None:
        if not self.over:
            self._end(cause)
            self._invite.respond(self.dialog.answer(self._invite.request, status))
            self._office.forget(self)

    def _leave(self, cause: str) -> None:
        """End the call and say BYE; before the ACK only as soon as it comes (RFC 3261, 15)."""
        if self.over:
            return
        self._end(cause)
        if self._invite.open:
            self._bye_due = True
        else:
            self._send_bye()

    def _send_bye(self) -> None:
        self._bye_due = False
        self._send("BYE", lambda _reply: None)
        self._office.forget(self)

    def _send(self, method: str, on_final: OnFinal, headers: dict[str, str] | None = None) -> None:
        self._office.transactions.send(self.dialog.request(method, headers), self.dialog.way, on_final)
        self.told()

    def _end(self, cause: str) -> None:
        self.over = True
        self._ringing.cancel()
        self.timer.stop()
        if self.transfer_in_progress is not None:
            self.transfer_in_progress.fail()
        self.media.close(cause)
