"""The operator's telephone: registers as the shipped pjsip.conf wants it, is rung, picks up and hums a tone."""

import asyncio
import hashlib
import re
import uuid
from contextlib import suppress
from struct import pack

from audio.level import tone
from tests.asterisk.softphone import FRAME, alaw_encode, header

HOST = "127.0.0.2"
"""Not 127.0.0.1, which the tests' Asterisk takes for the trunk."""
USER, PASSWORD = "operator", "change-me-too"


class OperatorPhone(asyncio.DatagramProtocol):
    """``async with OperatorPhone(sip_port)``: registered inside the block; ``hz`` is what it hums."""

    hz = 1633.0

    def __init__(self, pbx_port: int) -> None:
        self._registrar = ("127.0.0.1", pbx_port)
        self._id = uuid.uuid4().hex
        self._registered = asyncio.Event()
        self._humming: asyncio.Task[None] | None = None
        self._cseq = self._expires = 0
        self.rung = 0

    async def __aenter__(self) -> "OperatorPhone":
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(lambda: self, (HOST, 0))
        self._rtp, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, (HOST, 0))
        await self._tell_where(120)
        return self

    async def _tell_where(self, seconds: int) -> None:
        """Register for so long; 0: no longer."""
        self._expires = seconds
        self._registered.clear()
        self._register("")
        await asyncio.wait_for(self._registered.wait(), 3)

    async def __aexit__(self, *_: object) -> None:
        await self._tell_where(0)
        if self._humming is not None:
            self._humming.cancel()
            with suppress(asyncio.CancelledError):
                await self._humming
        self._sip.close()
        self._rtp.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode("utf-8", "replace")
        first = text.split("\r\n", 1)[0]
        if first.startswith("SIP/2.0 401"):
            self._register(self._credentials(header(text, "WWW-Authenticate")))
        elif first.startswith("SIP/2.0 200") and "REGISTER" in header(text, "CSeq"):
            self._registered.set()
        elif first.startswith("INVITE"):
            self.rung += 1
            self._answer(text, self._session())
            port = int(re.search(r"m=audio (\d+)", text)[1])  # type: ignore[index]
            self._humming = self._humming or asyncio.ensure_future(self._hum(port))
        elif not first.startswith(("ACK", "SIP/2.0")):
            self._answer(text, "")

    def _register(self, authorization: str) -> None:
        self._cseq += 1
        cseq = self._cseq
        own = f"{HOST}:{self._sip.get_extra_info('sockname')[1]}"
        lines = [
            f"REGISTER sip:127.0.0.1:{self._registrar[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{self._id}{cseq};rport",
            f"From: <sip:{USER}@127.0.0.1>;tag={self._id}",
            f"To: <sip:{USER}@127.0.0.1>",
            f"Call-ID: {self._id}",
            f"CSeq: {cseq} REGISTER",
            f"Contact: <sip:{USER}@{own}>",
            "Max-Forwards: 70",
            f"Expires: {self._expires}",
            *([authorization] if authorization else []),
            "Content-Length: 0",
        ]
        self._send("\r\n".join(lines) + "\r\n\r\n")

    def _credentials(self, challenge: str) -> str:
        """RFC 7616 with MD5, ``qop=auth``."""
        told = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        uri, realm, nonce = "sip:127.0.0.1", told["realm"], told["nonce"]
        who, what = _md5(f"{USER}:{realm}:{PASSWORD}"), _md5(f"REGISTER:{uri}")
        response = _md5(f"{who}:{nonce}:00000001:0a4f113b:auth:{what}")
        return (
            f'Authorization: Digest username="{USER}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm=MD5, '
            f'response="{response}", qop=auth, nc=00000001, cnonce="0a4f113b", opaque="{told.get("opaque", "")}"'
        )

    def _answer(self, request: str, body: str) -> None:
        kept = [
            line
            for line in request.split("\r\n")
            if re.match(r"(Via|From|Call-ID|CSeq|Record-Route):", line, re.IGNORECASE)
        ]
        to = header(request, "To")
        lines = [
            "SIP/2.0 200 OK",
            *kept,
            f"To: {to}" + ("" if ";tag=" in to else f";tag=o{self._id}"),
            f"Contact: <sip:{USER}@{HOST}:{self._sip.get_extra_info('sockname')[1]}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self._send("\r\n".join(lines) + "\r\n\r\n" + body)

    def _session(self) -> str:
        port = self._rtp.get_extra_info("sockname")[1]
        lines = ["v=0", f"o=- 1 1 IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0", f"m=audio {port} RTP/AVP 8"]
        return "\r\n".join(lines) + "\r\n"

    def _send(self, text: str) -> None:
        self._sip.sendto(text.encode(), self._registrar)

    async def _hum(self, port: int) -> None:
        hum, loop = alaw_encode(tone(self.hz, 2000, 8000)), asyncio.get_running_loop()
        start = loop.time()
        for number in range(10_000):
            at = number * FRAME % len(hum)
            packet = pack("!BBHII", 0x80, 8, number & 0xFFFF, number * FRAME, 0x0BE7)
            self._rtp.sendto(packet + hum[at : at + FRAME], ("127.0.0.1", port))
            await asyncio.sleep(max(0.0, start + (number + 1) * 0.02 - loop.time()))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
