"""Cuts a TCP stream into SIP messages (RFC 3261, 18.3). Pure."""

import re

from telephony.sip_text import MAX_MESSAGE

MAX_HEADERS = 16 * 1024
"""Longest header section, bytes."""

_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_END = b"\r\n\r\n"


class SipFraming:
    """Feed it bytes as they come; one instance a connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self.pings = 0
        """Keep-alive pings (RFC 5626, 4.4.1: two CRLF) since the caller last set it to 0."""

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete now; raises ``ValueError`` when the stream can't be followed."""
        self._buffer += data
        messages: list[bytes] = []
        while True:
            self._skip_blank_lines()
            message = self._take()
            if message is None:
                return messages
            messages.append(message)

    def _skip_blank_lines(self) -> None:
        while self._buffer.startswith(b"\r\n"):
            ping = self._buffer.startswith(_END)
            self.pings += ping
            del self._buffer[: 4 if ping else 2]
            self._searched = 0

    def _take(self) -> bytes | None:
        end = self._buffer.find(_END, max(0, self._searched - 3))
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > MAX_HEADERS:
                raise ValueError("header section too long")
            return None
        if end > MAX_HEADERS:
            raise ValueError("header section too long")
        length = end + len(_END) + self._body_length(bytes(self._buffer[: end + 2]))
        if length > MAX_MESSAGE:
            raise ValueError("message too long")
        if len(self._buffer) < length:
            return None
        message = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._searched = 0
        return message

    @staticmethod
    def _body_length(headers: bytes) -> int:
        values = {value.strip() for value in _LENGTH.findall(headers)}
        if not values:
            return 0
        value = values.pop()
        if values or not value.isdigit() or len(value) > 7:
            raise ValueError("Content-Length can't be used")
        return int(value)
