"""Registration with a provider, against a registrar that checks digests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from aiosipua.auth import SipDigestAuth, build_credentials
from aiosipua.headers import parse_auth
from aiosipua.message import SipMessage, SipRequest

from tests.telephony.sip_house import EchoDoor, SipPhone, house

NONCE = "5ccc069c403ebaf9f0171e9517f40e41"


class Registrar(asyncio.DatagramProtocol):
    """Keeps one binding; refuses wrong passwords, and intervals under ``min_expires``."""

    def __init__(self, min_expires: int = 0) -> None:
        self.min_expires = min_expires
        self.bindings: list[tuple[str, int]] = []
        self.requests = 0
        self.keepalives = 0
        self.changed = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not data.strip():
            self.keepalives += 1
            return
        request = SipMessage.parse(data)
        if isinstance(request, SipRequest) and self._transport:
            self.requests += 1
            self._transport.sendto(self._answer(request).encode(), addr)
            self.changed.set()

    def _answer(self, request: SipRequest) -> str:
        expires = int(request.get_header("expires") or 0)
        authorization = request.get_header("authorization")
        if authorization is None:
            return self._text(request, "401 Unauthorized", f'WWW-Authenticate: Digest realm="r", nonce="{NONCE}"\r\n')
        given = parse_auth(authorization, credentials=True).params
        challenge = parse_auth(f'Digest realm="r", nonce="{NONCE}"')
        wanted = build_credentials(SipDigestAuth("allo", "s3cret"), challenge, "REGISTER", request.uri)
        if wanted is None or given["response"] != wanted.params["response"]:
            return self._text(request, "403 Forbidden")
        if 0 < expires < self.min_expires:
            return self._text(request, "423 Interval Too Brief", f"Min-Expires: {self.min_expires}\r\n")
        contact = request.get_header("contact") or ""
        self.bindings.append((contact, expires))
        return self._text(request, "200 OK", f"Contact: {contact};expires={expires}\r\n")

    @staticmethod
    def _text(request: SipRequest, status: str, extra: str = "") -> str:
        names = ("Via", "From", "To", "Call-ID", "CSeq")
        kept = "".join(f"{name}: {request.get_header(name)}\r\n" for name in names)
        return f"SIP/2.0 {status}\r\n{kept}{extra}Content-Length: 0\r\n\r\n"

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(8):
            while not true():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def _registrar(min_expires: int = 0) -> AsyncIterator[tuple[Registrar, str]]:
    loop = asyncio.get_running_loop()
    transport, registrar = await loop.create_datagram_endpoint(
        lambda: Registrar(min_expires), local_addr=("127.0.0.1", 0)
    )
    try:
        yield registrar, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


async def _state(state: Callable[[], str], wanted: str) -> None:
    """Wait until the state says so; it has no event of its own, because only ``/health`` reads it."""
    async with asyncio.timeout(8):
        while wanted not in state():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_registers_takes_the_providers_calls_and_leaves() -> None:
    async with _registrar() as (registrar, address):
        door = EchoDoor()
        foreign = ["192.0.2.0/24"]
        async with house(door, registrar=address, username="allo", password="s3cret", allow=foreign) as (
            source,
            _,
            port,
        ):
            await registrar.until(lambda: bool(registrar.bindings))
            contact, expires = registrar.bindings[0]
            assert (contact, expires) == (f"<sip:allo@127.0.0.1:{port}>", 300)
            await _state(lambda: source.state, f"up; registered with {address}")
            async with await SipPhone(port).open() as provider:
                await provider.call()
                await provider.bye()
            await door.until(lambda: door.ends == ["caller"])
        assert registrar.bindings[-1] == (contact, 0)


async def test_a_wrong_password_is_told_and_tried_again_later(caplog: pytest.LogCaptureFixture) -> None:
    async with _registrar() as (registrar, address):
        async with house(registrar=address, username="allo", password="wrong") as (source, _, port):
            await _state(lambda: source.state, "403: check sip.username and sip.password")
            assert source.state.startswith("up; ")
            async with await SipPhone(port).open() as phone:
                await phone.call()
                await phone.bye()
        assert registrar.bindings == []
        assert "wrong" not in caplog.text


async def test_a_longer_interval_is_taken_over() -> None:
    async with _registrar(min_expires=600) as (registrar, address):
        async with house(registrar=address, username="allo", password="s3cret"):
            await registrar.until(lambda: bool(registrar.bindings))
        assert registrar.bindings[0][1] == 600


async def test_a_registrar_that_cannot_be_found_is_named() -> None:
    async with house(registrar="registrar.invalid", username="allo", password="s3cret") as (source, _, _port):
        await _state(lambda: source.state, "registrar.invalid can't be found")


async def test_a_silent_registrar_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.sip_transactions.GIVE_UP", 0.1)
    async with house(registrar="127.0.0.1:9", username="allo", password="s3cret") as (source, _, _port):
        await _state(lambda: source.state, "no answer: check sip.registrar")
