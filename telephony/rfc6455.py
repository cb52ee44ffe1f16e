"""The client's side of a WebSocket (RFC 6455), sans-IO: bytes in, messages out, and the other way round.

No extension is offered, so nothing is compressed. Texts come as ``str``, binary messages as ``bytes``.
"""

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
"""Opcodes, section 5.2; 0 continues a message."""
MOST_BYTES = 1 << 20
"""A longer message is refused."""
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_WHOLE_BINARY, _TWO_BYTES, _EIGHT_BYTES = 0x82, 126, 127
_MASKED = 0x80


@dataclass(frozen=True, slots=True)
class Ping:
    """The far side wants a ``Pong`` with the same payload (section 5.5.2)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The far side ends the connection (section 5.5.1)."""

    code: int
    """Section 7.4; 1005 when it gave none."""


Message = bytes | str | Ping | Close


@dataclass(frozen=True, slots=True)
class Opening:
    """The client's request for a WebSocket (section 4.1)."""

    host: str
    """As in the URL, with the port where there is one."""
    path: str
    protocol: str
    """The subprotocol, which the server must confirm."""
    headers: Mapping[str, str]
    """More headers; their values may be secret."""
    key: str

    @classmethod
    def new(cls, host: str, path: str, protocol: str, headers: Mapping[str, str]) -> "Opening":
        """With a fresh key."""
        return cls(host, path, protocol, headers, base64.b64encode(os.urandom(16)).decode("ascii"))

    def serialize(self) -> bytes:
        """The request."""
        lines = [f"GET {self.path} HTTP/1.1", f"Host: {self.host}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {self.key}", "Sec-WebSocket-Version: 13"]
        lines += [f"Sec-WebSocket-Protocol: {self.protocol}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def check(self, head: bytes) -> None:
        """Take the head of the server's answer; raises ``ValueError`` when it is no consent."""
        status, *lines = head.decode("latin-1").split("\r\n")
        if status.split(" ")[1:2] != ["101"]:
            raise ValueError(f"the server refuses a WebSocket: {status[:60]!r}")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        wanted = hashlib.sha1(self.key.encode("ascii") + _GUID, usedforsecurity=False).digest()
        if fields.get("sec-websocket-accept") != base64.b64encode(wanted).decode("ascii"):
            raise ValueError("the server's Sec-WebSocket-Accept does not answer our key")
        if fields.get("sec-websocket-protocol") != self.protocol:
            raise ValueError(f"the server does not speak the subprotocol {self.protocol!r}")
        if "sec-websocket-extensions" in fields:
            raise ValueError("the server chose an extension that was not offered")


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole message to the server, masked as section 5.3 wants it."""
    size, key = len(payload), os.urandom(4)
    if size < _TWO_BYTES:
        head = bytes((_MASKED | opcode, _MASKED | size))
    elif size < 1 << 16:
        head = bytes((_MASKED | opcode, _MASKED | _TWO_BYTES)) + size.to_bytes(2, "big")
    else:
        head = bytes((_MASKED | opcode, _MASKED | _EIGHT_BYTES)) + size.to_bytes(8, "big")
    return head + key + masked(payload, key)


def masked(payload: bytes, key: bytes) -> bytes:
    """``payload`` with every byte exclusive-ored with the key's in turn; doing it twice gives it back."""
    size = len(payload)
    stream = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(stream, "little")).to_bytes(size, "little")


class Incoming:
    """Cuts what the server sends into messages."""

    def __init__(self) -> None:
        self._rest = b""
        self._kind = 0
        """Opcode of a message that came in part, 0 when there is none."""
        self._parts = bytearray()

    def push(self, data: bytes) -> list[Message]:
        """Take any number of bytes; return the messages that are complete now.

        Raises ``ValueError`` when the server breaks the protocol; nothing more can be read then.
        """
        messages: list[Message] = []
        at, size = 0, len(data)
        if self._rest:
            data = self._rest + data
        elif not self._kind:  # what nearly always comes: whole pieces of 20 ms of audio
            while size - at > 4 and data[at] == _WHOLE_BINARY and data[at + 1] == _TWO_BYTES:
                end = at + 4 + (data[at + 2] << 8 | data[at + 3])
                if end > size:
                    break
                messages.append(data[at + 4 : end])
                at = end
            if at == size:
                return messages
        while (cut := _cut(data, at)) is not None:
            start, end = cut
            message = self._take(data[at], data[start:end])
            if message is not None:
                messages.append(message)
            at = end
        self._rest = data[at:]
        return messages

    def _take(self, first: int, payload: bytes) -> Message | None:
        final, opcode = bool(first & 0x80), first & 0x0F
        if first & 0x70:
            raise ValueError("a frame uses bits that are reserved")
        if opcode >= CLOSE:
            return _control(opcode, payload, final)
        if opcode > BINARY or (opcode == 0) != bool(self._kind):
            raise ValueError(f"a frame of opcode {opcode} has no place here")
        self._kind = opcode or self._kind
        self._parts += payload
        if len(self._parts) > MOST_BYTES:
            raise ValueError(f"a message is longer than {MOST_BYTES} bytes")
        return self._whole() if final else None

    def _whole(self) -> bytes | str:
        data, kind = bytes(self._parts), self._kind
        self._parts.clear()
        self._kind = 0
        return data.decode("utf-8") if kind == TEXT else data


def _cut(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame at ``at`` begins and ends; None while it is not all there."""
    size = len(data) - at
    if size < 2:
        return None
    length, head = data[at + 1], 2
    if length & _MASKED:
        raise ValueError("a server must not mask its frames")
    if length >= _TWO_BYTES:
        head = 4 if length == _TWO_BYTES else 10
        if size < head:
            return None
        length = int.from_bytes(data[at + 2 : at + head], "big")
    if length > MOST_BYTES:
        raise ValueError(f"a frame is longer than {MOST_BYTES} bytes")
    return (at + head, at + head + length) if size >= head + length else None


def _control(opcode: int, payload: bytes, final: bool) -> Message | None:
    if opcode > PONG or len(payload) >= _TWO_BYTES or not final:
        raise ValueError(f"a control frame of opcode {opcode} is broken")
    if opcode == PONG:
        return None
    if opcode == PING:
        return Ping(payload)
    return Close(int.from_bytes(payload[:2], "big") if len(payload) > 1 else 1005)
