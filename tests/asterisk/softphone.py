"""A phone for the tests, made of nothing but sockets: one SIP call over UDP, RTP in A-law, keys by RFC 4733.

It shares no code with the product's SIP line, and writes down when each packet came.
"""

import asyncio
import re
import struct
import uuid
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FRAME = 160
"""Samples of 20 ms at 8 kHz."""
KEYS = "0123456789*#ABCD"


def _expand(code: int) -> int:
    """One A-law code to 16 bits (ITU-T G.711, table 1a)."""
    code ^= 0x55
    segment, step = (code & 0x70) >> 4, (code & 0x0F) << 4
    size = step + 8 if segment == 0 else (step + 0x108) << (segment - 1)
    return size if code & 0x80 else -size


_EXPANDED = np.array([_expand(code) for code in range(256)], dtype=np.int16)
_ORDER = np.argsort(_EXPANDED)
_SORTED = _EXPANDED[_ORDER].astype(np.int32)
_BORDERS = (_SORTED[1:] + _SORTED[:-1]) // 2


def alaw_decode(data: bytes) -> bytes:
    """A-law to PCM16."""
    return _EXPANDED[np.frombuffer(data, dtype=np.uint8)].tobytes()


def alaw_encode(pcm: bytes) -> bytes:
    """PCM16 to the nearest A-law codes."""
    samples = np.frombuffer(pcm, dtype=np.int16)
    return _ORDER[np.searchsorted(_BORDERS, samples)].astype(np.uint8).tobytes()


@dataclass(slots=True)
class Heard:
    """One received RTP packet."""

    at: float
    """Arrival, event-loop seconds."""
    timestamp: int
    pcm: bytes


@dataclass(slots=True)
class Diary:
    """What happened in a call, in event-loop seconds; 0 when it did not."""

    invited: float = 0.0
    answered: float = 0.0
    ended: float = 0.0
    status: int = 0
    """Final status of the INVITE."""
    packets: list[Heard] = field(default_factory=list)


class _Port(asyncio.DatagramProtocol):
    def __init__(self, phone: "Softphone", kind: str) -> None:
        self.receive = phone.sip if kind == "sip" else phone.rtp
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.receive(data)

    @property
    def number(self) -> int:
        assert self.transport is not None
        return int(self.transport.get_extra_info("sockname")[1])

    def send(self, data: bytes, port: int) -> None:
        assert self.transport is not None
        self.transport.sendto(data, ("127.0.0.1", port))


class Softphone:
    """One call to 127.0.0.1; use it as ``async with Softphone(port, "100") as phone: await phone.answered(3)``."""

    def __init__(self, pbx_port: int, dialled: str, number: str = "79161234567") -> None:
        self._pbx_port, self._dialled, self._number = pbx_port, dialled, number
        self._id = uuid.uuid4().hex
        self._to_tag = ""
        self._media_port = 0
        self._speech = bytearray()
        self._keys: list[bytes] = []
        self._pressed = 0
        self._changed = asyncio.Event()
        self._talker: asyncio.Task[None] | None = None
        self._leaving = False
        self._cseq = 1
        self.silent = False
        """Send no RTP at all."""
        self.diary = Diary()

    async def __aenter__(self) -> "Softphone":
        loop = asyncio.get_running_loop()
        _, self._sip = await loop.create_datagram_endpoint(lambda: _Port(self, "sip"), ("127.0.0.1", 0))
        _, self._rtp = await loop.create_datagram_endpoint(lambda: _Port(self, "rtp"), ("127.0.0.1", 0))
        self.diary.invited = loop.time()
        self._sip.send(self._request("INVITE", 1, self._offer()), self._pbx_port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.hang_up()
        await asyncio.gather(self.until("ended", 2), return_exceptions=True)
        if self._talker is not None:
            self._talker.cancel()
            await asyncio.gather(self._talker, return_exceptions=True)
        for port in (self._sip, self._rtp):
            assert port.transport is not None
            port.transport.close()

    # ------------------------------------------------------------ what a person does

    async def until(self, what: str, seconds: float) -> None:
        """Wait until ``answered`` or ``ended`` of the diary is set."""
        async with asyncio.timeout(seconds):
            while not getattr(self.diary, what):
                self._changed.clear()
                await self._changed.wait()

    async def hears(self, samples: int, seconds: float) -> None:
        """Wait until so many samples have come in all."""
        async with asyncio.timeout(seconds):
            while len(self.diary.packets) * FRAME < samples:
                self._changed.clear()
                await self._changed.wait()

    def say(self, pcm: bytes) -> None:
        """Speak PCM16 at 8 kHz from the next packet on."""
        self._speech += pcm

    def press(self, digit: str) -> None:
        """Press a key for 100 ms."""
        event = KEYS.index(digit)
        self._keys += [struct.pack("!BBH", event, 10, (i + 1) * FRAME) for i in range(5)]
        self._keys += [struct.pack("!BBH", event, 0x80 | 10, 5 * FRAME)] * 3

    def hold(self, held: bool) -> None:
        """Put the far side on hold by a re-INVITE, or come back."""
        self._cseq += 1
        direction = "sendonly" if held else "sendrecv"
        offer = self._offer().replace("a=sendrecv", f"a={direction}").replace("o=- 1 1", f"o=- 1 {self._cseq}")
        self._sip.send(self._request("INVITE", self._cseq, offer), self._pbx_port)

    def hang_up(self) -> None:
        """Say BYE, or CANCEL before the answer; an answer that crosses the CANCEL gets its BYE, too."""
        if self._leaving or self.diary.ended:
            return
        self._leaving = True
        if self.diary.answered:
            self._sip.send(self._request("BYE", 99), self._pbx_port)
        else:
            self._sip.send(self._request("CANCEL", 1), self._pbx_port)

    def forget(self) -> None:
        """The far side is dead: don't wait for its word."""
        self._leaving = True
        self._end()

    def heard(self) -> NDArray[np.int16]:
        """Everything heard since the answer, as samples, laid by RTP time."""
        packets = self.diary.packets
        if not packets:
            return np.zeros(0, dtype=np.int16)
        return np.frombuffer(b"".join(packet.pcm for packet in packets), dtype=np.int16)

    def loud_at(self, level: int = 300) -> float:
        """When the first audible packet came, event-loop seconds; 0 when none did."""
        for packet in self.diary.packets:
            if np.abs(np.frombuffer(packet.pcm, dtype=np.int16)).max(initial=0) > level:
                return packet.at
        return 0.0

    # ------------------------------------------------------------ SIP

    def sip(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        first = text.split("\r\n", 1)[0]
        if first.startswith("SIP/2.0"):
            self._reply(int(first.split()[1]), text)
        elif first.startswith("ACK"):
            return
        else:
            self._sip.send(_ok(text), self._pbx_port)
            if first.startswith("BYE"):
                self._end()

    def _reply(self, status: int, text: str) -> None:
        method = header(text, "CSeq").split()[-1]
        if status >= 200 and method == "INVITE":
            self._to_tag = header(text, "To").partition(";tag=")[2]
            first_time, self.diary.status = not self.diary.status, status
            self._sip.send(self._request("ACK", int(header(text, "CSeq").split()[0])), self._pbx_port)
            if status == 200 and first_time:
                self._picked_up(text)
        if status >= 200 and (method == "BYE" or (method == "INVITE" and status >= 300)):
            self._end()
        self._changed.set()

    def _picked_up(self, text: str) -> None:
        if self._leaving:
            self._sip.send(self._request("BYE", 99), self._pbx_port)
            return
        self._media_port = int(re.search(r"m=audio (\d+)", text)[1])  # type: ignore[index]
        self.diary.answered = asyncio.get_running_loop().time()
        self._talker = asyncio.create_task(self._talk())

    def _end(self) -> None:
        self.diary.ended = self.diary.ended or asyncio.get_running_loop().time()
        self._changed.set()

    def _request(self, method: str, cseq: int, body: str = "") -> bytes:
        tag = f";tag={self._to_tag}" if self._to_tag else ""
        # A CANCEL and the ACK of a refusal belong to the INVITE's transaction (RFC 3261, 9.1 and 17.1.1.3).
        same = method in {"INVITE", "CANCEL"} or (method == "ACK" and self.diary.status >= 300)
        branch = f"z9hG4bK{self._id}" + (str(cseq) if same else f"{method}{cseq}")
        lines = [
            f"{method} sip:{self._dialled}@127.0.0.1:{self._pbx_port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._sip.number};branch={branch};rport",
            f"From: <sip:{self._number}@127.0.0.1:{self._sip.number}>;tag=a{self._id}",
            f"To: <sip:{self._dialled}@127.0.0.1:{self._pbx_port}>{tag}",
            f"Call-ID: {self._id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:{self._number}@127.0.0.1:{self._sip.number}>",
            "Max-Forwards: 70",
            "Content-Type: application/sdp",
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _offer(self) -> str:
        lines = [
            "v=0",
            "o=- 1 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            f"m=audio {self._rtp.number} RTP/AVP 8 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-16",
            "a=ptime:20",
            "a=sendrecv",
        ]
        return "\r\n".join(lines) + "\r\n"

    # ------------------------------------------------------------ RTP

    def rtp(self, data: bytes) -> None:
        if len(data) < 12 or data[1] & 0x7F != 8:
            return
        timestamp = struct.unpack_from("!I", data, 4)[0]
        self.diary.packets.append(Heard(asyncio.get_running_loop().time(), timestamp, alaw_decode(data[12:])))
        self._changed.set()

    async def _talk(self) -> None:
        """Speech or silence each 20 ms; a key's packets instead while one is pressed."""
        loop = asyncio.get_running_loop()
        start, number = loop.time(), 0
        while True:
            key = self._keys.pop(0) if self._keys else b""
            if key and key[1] & 0x80 == 0 and key[2:] == FRAME.to_bytes(2, "big"):
                self._pressed = number * FRAME
            stamp = self._pressed if key else number * FRAME
            payload, kind = (key, 101) if key else (self._next_packet(), 8)
            if not self.silent:
                header = struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, stamp, 0x5EED)
                self._rtp.send(header + payload, self._media_port)
            number += 1
            await asyncio.sleep(max(0.0, start + number * 0.02 - loop.time()))

    def _next_packet(self) -> bytes:
        piece = bytes(self._speech[: 2 * FRAME]).ljust(2 * FRAME, b"\0")
        del self._speech[: 2 * FRAME]
        return alaw_encode(piece)


def header(text: str, name: str) -> str:
    """A header of a SIP message; empty when it is not there."""
    found = re.search(rf"^{name}: *(.*?)\r$", text, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def _ok(request: str) -> bytes:
    kept = [line for line in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line, re.IGNORECASE)]
    return ("SIP/2.0 200 OK\r\n" + "\r\n".join(kept) + "\r\nContent-Length: 0\r\n\r\n").encode()
