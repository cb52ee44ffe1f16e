"""Registration with a provider (RFC 3261, 10; digest RFC 7616): so that calls to its number come to us."""

import asyncio
import logging
import socket

from aiosipua.auth import SipDigestAuth, answer_challenge
from aiosipua.message import SipRequest, SipResponse
from aiosipua.utils import generate_branch, generate_call_id, generate_tag

from agent.settings import Sip
from telephony.sip_text import SERVER, host_port, split_address
from telephony.sip_transactions import Transactions
from telephony.sip_wire import Peer, SipWire

log = logging.getLogger(__name__)

EXPIRES_S = 300
"""Binding asked for, seconds; short, because the binding also says that we live."""

KEEPALIVE_S = 25.0
"""Between empty datagrams that keep a NAT binding open, seconds."""

RETRY_S = (5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Pauses after the first, second, ... failure in a row, seconds."""


class SipRegistration:
    """Keeps ``sip.username`` bound at ``sip.registrar`` until cancelled; ``state`` is for ``/health``."""

    def __init__(self, settings: Sip, wire: SipWire, transactions: Transactions) -> None:
        host, _, port = settings.registrar.partition(":")
        self._host, self._port = host, int(port) if port.isdigit() else 5060
        self._settings = settings
        self._wire = wire
        self._transactions = transactions
        self._call_id = generate_call_id("allo")
        self._tag = generate_tag()
        self._cseq = 0
        self._expires = EXPIRES_S
        self._peer: Peer | None = None
        self.state = f"registering with {settings.registrar}"
        """``registered with ...``, or what is wrong."""

    async def run(self) -> None:
        """Register, refresh, and after failures try again; never returns."""
        failures = 0
        while True:
            fault, granted = await self._register(self._expires)
            if fault:
                self._report(f"registration with {self._settings.registrar} failed: {fault}", logging.WARNING)
                await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
            else:
                failures = 0
                self._report(f"registered with {self._settings.registrar}", logging.INFO)
                await self._rest(granted * 0.85)

    async def leave(self) -> None:
        """Remove the binding, if there is one."""
        if self.state.startswith("registered"):
            await self._register(0)

    def _report(self, state: str, level: int) -> None:
        if state != self.state:
            log.log(level, "sip: %s", state)
        self.state = state

    async def _rest(self, seconds: float) -> None:
        while seconds > 0 and self._peer is not None:
            await asyncio.sleep(min(seconds, KEEPALIVE_S))
            seconds -= KEEPALIVE_S
            self._peer.send(b"\r\n\r\n")

    async def _register(self, expires: int) -> tuple[str, int]:
        """What went wrong (empty: nothing) and the granted interval in seconds."""
        try:
            self._peer = await self._resolve()
        except OSError as error:
            return f"{self._host} can't be found ({error.strerror or error}): check sip.registrar", 0
        reply = await self._ask(self._peer, expires, None)
        if reply is not None and reply.status_code in {401, 407}:
            credentials = self._credentials(reply)
            if credentials is None:
                return "its challenge can't be answered", 0
            reply = await self._ask(self._peer, expires, credentials)
        longer = _number(reply.get_header("min-expires"), 0) if reply and reply.status_code == 423 else 0
        if longer > expires > 0:
            self._expires = longer
            return await self._register(longer)
        return self._judge(reply, expires)

    def _judge(self, reply: SipResponse | None, expires: int) -> tuple[str, int]:
        if reply is None:
            return "no answer: check sip.registrar and the way there", 0
        if reply.status_code in {401, 403, 407}:
            return f"{reply.status_code}: check sip.username and sip.password", 0
        if reply.status_code >= 300:
            return str(reply.status_code), 0
        return "", max(30, self._granted(reply, expires))

    async def _resolve(self) -> Peer:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
        host, port = str(found[0][4][0]), int(found[0][4][1])
        self._wire.trust(host)
        return self._wire.udp_peer(host, port)

    async def _ask(self, peer: Peer, expires: int, credentials: tuple[str, str] | None) -> SipResponse | None:
        answer: asyncio.Future[SipResponse | None] = asyncio.get_running_loop().create_future()
        request = self._request(peer, expires)
        if credentials:
            request.headers.set_single(*credentials)
        transaction = self._transactions.send(request, peer, answer.set_result)
        try:
            return await answer
        finally:
            if not answer.done():
                transaction.abandon()

    def _request(self, peer: Peer, expires: int) -> SipRequest:
        self._cseq += 1
        host = self._settings.advertise or peer.local[0]
        here, user = host_port(host, peer.local[1]), self._settings.username
        identity = f"<sip:{user}@{self._host}>"
        request = SipRequest(method="REGISTER", uri=f"sip:{self._host}")
        for name, value in {
            "Via": f"SIP/2.0/UDP {here};rport;branch={generate_branch()}",
            "Max-Forwards": "70",
            "From": f"{identity};tag={self._tag}",
            "To": identity,
            "Call-ID": self._call_id,
            "CSeq": f"{self._cseq} REGISTER",
            "Contact": f"<sip:{user}@{here}>",
            "Expires": str(expires),
            "User-Agent": SERVER,
        }.items():
            request.headers.set_single(name, value)
        return request

    def _credentials(self, reply: SipResponse) -> tuple[str, str] | None:
        auth = SipDigestAuth(self._settings.username, self._settings.password.get_secret_value())
        return answer_challenge(auth, reply, reply.status_code, "REGISTER", f"sip:{self._host}")

    def _granted(self, reply: SipResponse, asked: int) -> int:
        """Our Contact's ``expires``, else the Expires header, else what we asked for (RFC 3261, 10.2.4)."""
        for contact in reply.get_header_values("contact"):
            uri, params = split_address(contact)
            if f"{self._settings.username}@" in uri and params.get("expires"):
                return _number(params["expires"], asked)
        return _number(reply.get_header("expires"), asked)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else otherwise
