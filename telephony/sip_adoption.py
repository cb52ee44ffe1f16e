"""Calls of an earlier process on the SIP line: their dialogs and ports taken up again."""

import logging
from collections.abc import Callable, Sequence

from aiosipua.headers import parse_uri
from aiosipua.message import SipResponse

from agent.lasting import Left
from telephony.rtp_ports import NoPortFree
from telephony.sip_call import SipCall, SipOffice
from telephony.sip_sdp import choose
from telephony.sip_text import read
from telephony.sip_transactions import ServerTransaction
from telephony.sip_wire import Peer, SipWire

log = logging.getLogger(__name__)

PATIENCE_S = 60.0
"""Nobody waits longer in silence: a dialog left so long is ended (its BYE may have come meanwhile), seconds."""
UNREADABLE = (KeyError, TypeError, ValueError)
"""What a leg that another version wrote may raise."""


class SipAdoption:
    """What is to be taken up when the line listens."""

    def __init__(self, left: Sequence[Left] = (), lost: Callable[[str], None] = lambda _call_id: None) -> None:
        self._left, self._lost = left, lost

    async def take_up(self, wire: SipWire, office: SipOffice, found: Callable[[SipCall, Left], None]) -> None:
        """Give each call that can go on to ``found``; a dialog that can't is ended with BYE where there is a way."""
        left, self._left = self._left, ()
        for each in left:
            call = await self._again(each, wire, office)
            if call is None:
                self._lost(each.caller.call_id)
            else:
                found(call, each)

    async def _again(self, left: Left, wire: SipWire, office: SipOffice) -> SipCall | None:
        name = left.caller.call_id
        try:
            call = await _dialog(left, wire, office)
        except (*UNREADABLE, OSError) as error:  # a TimeoutError is an OSError
            log.warning("call %s: its dialog can't be taken up: %s", name, type(error).__name__)
            return None
        try:
            _fit(left, office)
            await call.resume()
        except (*UNREADABLE, NoPortFree) as error:
            log.warning("call %s: can't be taken up and is ended: %s", name, error)
            call.hangup()
            return None
        return call


def _fit(left: Left, office: SipOffice) -> None:
    """Raises ``ValueError`` for a dialog that is better ended."""
    if left.unheard_s > PATIENCE_S:
        raise ValueError(f"nobody listened for {left.unheard_s:.0f} s")
    if left.leg["way"]["ours"] != office.settings.port:
        raise ValueError(f"[sip] port was {left.leg['way']['ours']}, where the far side still sends to")


async def _dialog(left: Left, wire: SipWire, office: SipOffice) -> SipCall:
    leg = left.leg
    invite = read(str(leg["invite"]).encode("utf-8", "surrogateescape"))
    if isinstance(invite, SipResponse):
        raise ValueError("no INVITE")
    media = choose(invite.sdp)[1] if invite.sdp is not None else None
    way = await _way(leg["way"]["transport"], leg["way"]["host"], leg["way"]["port"], leg["dialog"]["target"], wire)
    return SipCall(office, ServerTransaction(invite, way), media, left=leg)


async def _way(transport: str, host: str, port: int, target: str, wire: SipWire) -> Peer:
    """Back to the far side; a TCP connection went with the process, a new one is made to its Contact."""
    if transport == "UDP":
        return wire.udp_peer(host, port)
    contact = parse_uri(target)
    return await wire.tcp_peer(contact.host.strip("[]"), contact.port or 5060)
