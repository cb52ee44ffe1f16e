"""SIP transactions (RFC 3261, 17): what is sent again, what is recognised as sent again, and when to give up.

Timers are plain ``call_later`` handles, each owned by one ``Resend`` and cancelled with it: no tasks, so nothing
outlives its call.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from aiosipua.headers import parse_via
from aiosipua.message import SipRequest, SipResponse

from telephony.sip_text import Request
from telephony.sip_wire import Peer

T1 = 0.5
"""First interval of retransmission, seconds."""

T2 = 4.0
"""Longest interval of retransmission, seconds."""

GIVE_UP = 64 * T1
"""Seconds after which an unanswered message counts as lost (Timers B, F, H)."""

REMEMBERED = 1024
"""Server transactions kept to recognise retransmissions; older finished ones are forgotten first."""

OnFinal = Callable[[SipResponse | None], None]
"""Told the final response, or ``None`` when there was none in time."""


class Resend:
    """Sends now, again after T1, 2 T1, ... (not on reliable transports), and gives up after 64 T1."""

    def __init__(self, send: Callable[[], None], give_up: Callable[[], None], *, reliable: bool) -> None:
        self._send = send
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._interval = T1
        self._end = self._loop.call_later(GIVE_UP, self._expire)
        self._again = None if reliable else self._loop.call_later(T1, self._repeat)
        send()

    def stop(self) -> None:
        """It arrived; harmless twice."""
        self._end.cancel()
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def _repeat(self) -> None:
        self._send()
        self._interval = min(2 * self._interval, T2)
        self._again = self._loop.call_later(self._interval, self._repeat)

    def _expire(self) -> None:
        self.stop()
        self._give_up()


class ServerTransaction:
    """One request of the far side and what we last answered."""

    def __init__(self, request: Request, peer: Peer) -> None:
        self.request = request
        self.peer = peer
        self.status = 0
        """Status of the last answer; 0: none yet."""
        self.since = asyncio.get_running_loop().time()
        """Loop time of the request."""
        self._last = b""
        self._resend: Resend | None = None

    def respond(self, reply: SipResponse) -> None:
        """Send an answer. Final ones of an INVITE are sent again until ``confirm``."""
        if self.status >= 200:
            return
        self.status = reply.status_code
        self._last = bytes(reply)
        if self.request.method == "INVITE" and self.status >= 300:
            self._resend = Resend(self._send_last, self.confirm, reliable=self.peer.reliable)
        else:
            self._send_last()

    def accept(self, reply: SipResponse, on_lost: Callable[[], None]) -> None:
        """Send the 200 of an INVITE again and again, also over TCP (RFC 3261, 13.3.1.4), until ``confirm``."""
        self.status = reply.status_code
        self._last = bytes(reply)
        self._resend = Resend(self._send_last, on_lost, reliable=False)

    @property
    def open(self) -> bool:
        """Whether a final answer or its ACK is still to come."""
        return self.status < 200 or self._resend is not None

    def repeat(self) -> None:
        """The request came again: so does the answer."""
        if self._last:
            self._send_last()

    def confirm(self) -> None:
        """The ACK came, or never will."""
        if self._resend is not None:
            self._resend.stop()
            self._resend = None

    def _send_last(self) -> None:
        self.peer.send(self._last)


class ClientTransaction:
    """One request of ours."""

    def __init__(self, request: SipRequest, peer: Peer, on_final: OnFinal, close: Callable[[], None]) -> None:
        data = bytes(request)
        self._on_final = on_final
        self._close = close
        self._resend = Resend(lambda: peer.send(data), lambda: self.finish(None), reliable=peer.reliable)

    def finish(self, reply: SipResponse | None) -> None:
        """It is answered, or given up."""
        self._resend.stop()
        self._close()
        self._on_final(reply)

    def abandon(self) -> None:
        """Nobody waits any more."""
        self._resend.stop()
        self._close()


class Transactions:
    """All transactions of one SIP port."""

    def __init__(self) -> None:
        self._server: OrderedDict[tuple[str, str, str], ServerTransaction] = OrderedDict()
        self._client: dict[tuple[str, str], ClientTransaction] = {}
        self._idle: asyncio.Event | None = None

    @property
    def pending(self) -> int:
        """Our requests without an answer yet."""
        return len(self._client)

    def receive(self, request: Request, peer: Peer) -> ServerTransaction | None:
        """A new transaction, or ``None`` when the request came again (its answer was sent again)."""
        if self.repeat(request):
            return None
        transaction = ServerTransaction(request, peer)
        self._server[request.transaction] = transaction
        self._forget_old(transaction.since)
        return transaction

    def repeat(self, request: Request) -> bool:
        """Answer a request that came again; false when it is new."""
        known = self._server.get(request.transaction)
        if known is not None:
            known.repeat()
        return known is not None

    def invite_of(self, request: Request) -> ServerTransaction | None:
        """The INVITE that an ACK or CANCEL belongs to."""
        branch, sender, _ = request.transaction
        return self._server.get((branch, sender, "INVITE"))

    def _forget_old(self, now: float) -> None:
        """Forget finished ones, oldest first; an open one (ringing) is looked at again later."""
        for _ in range(4):
            key, oldest = next(iter(self._server.items()))
            if oldest.open:
                self._server.move_to_end(key)
            elif len(self._server) > REMEMBERED or now - oldest.since > GIVE_UP:
                del self._server[key]
            else:
                return

    def send(self, request: SipRequest, peer: Peer, on_final: OnFinal) -> ClientTransaction:
        """Send a request of ours until it is answered; ``on_final`` is called once, never from within ``send``."""
        via = parse_via(request.get_header_values("via")[0])
        key = (via.branch or "", request.method)
        transaction = ClientTransaction(request, peer, on_final, lambda: self._closed(key))
        self._client[key] = transaction
        return transaction

    def _closed(self, key: tuple[str, str]) -> None:
        self._client.pop(key, None)
        if not self._client and self._idle is not None:
            self._idle.set()

    async def drained(self) -> None:
        """Wait until none of our requests is pending."""
        if self._client:
            self._idle = asyncio.Event()
            await self._idle.wait()

    def answered(self, reply: SipResponse) -> None:
        """Hand a response to whom it belongs; strays are ignored."""
        if reply.status_code < 200:
            return
        via = parse_via(reply.get_header_values("via")[0])
        method = (reply.get_header("cseq") or "").split()[-1]
        transaction = self._client.get((via.branch or "", method))
        if transaction is not None:
            transaction.finish(reply)

    def stop(self) -> None:
        """Stop every timer."""
        for server in self._server.values():
            server.confirm()
        for client in tuple(self._client.values()):
            client.abandon()
        self._server.clear()
