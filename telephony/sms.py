"""Short messages as PDUs, without I/O (3GPP TS 23.040 and 23.038): GSM 7 bit and UCS2, in parts where they are long."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

PLAIN = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet (23.038, 6.2.1)."""
EXTENDED = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
"""After an escape (23.038, 6.2.1.1)."""
ESCAPE = 0x1B
_CODES = {letter: (code,) for code, letter in enumerate(PLAIN) if code != ESCAPE} | {
    letter: (ESCAPE, code) for code, letter in EXTENDED.items()
}
MOST_PARTS = 255
LONE_SEPTETS, PART_SEPTETS = 160, 153
LONE_UNITS, PART_UNITS = 70, 67
OLDEST_PARTS = 200
"""Unfinished long messages remembered; beyond it the oldest is given up."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One received PDU."""

    number: str
    """Sender: a number, or a name such as a bank's."""
    text: str
    sent: datetime | None
    """When the network took it; ``None`` when that can't be read."""
    reference: int = 0
    """Tells long messages of one sender apart."""
    part: int = 1
    """Which part of a long message, from 1."""
    parts: int = 1
    """How many parts it has."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU for ``AT+CMGS``."""

    length: int
    """Octets without the service centre's: the argument of ``AT+CMGS``."""
    hexadecimal: str


# ---------------------------------------------------------------- out


def submit(number: str, text: str, reference: int) -> list[Pdu]:
    """A message to ``number``; ``reference`` 0 to 255 tells its parts from another's.

    Raises ``ValueError`` for a number that is none and a text that is empty or longer than 255 parts.
    """
    address = _address(number)
    if not text:
        raise ValueError("a message must have a text")
    seven = all(letter in _CODES for letter in text)
    parts = _cut_septets(text) if seven else _cut_units(text)
    if len(parts) > MOST_PARTS:
        raise ValueError("the text is too long for a message")
    built = []
    for place, part in enumerate(parts, 1):
        header = bytes((5, 0, 3, reference & 0xFF, len(parts), place)) if len(parts) > 1 else b""
        data = header + part if not seven else _pack(part, header)
        length = len(data) if not seven else len(part) + (len(header) * 8 + 6) // 7
        first = 0x11 | (0x40 if header else 0)  # SMS-SUBMIT, relative validity
        tpdu = bytes((first, 0)) + address + bytes((0, 0 if seven else 8, 0xAA, length)) + data
        built.append(Pdu(len(tpdu), (b"\0" + tpdu).hex().upper()))
    return built


def _address(number: str) -> bytes:
    digits = number.removeprefix("+")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 20:
        raise ValueError("a telephone number is up to 20 digits with or without +")
    padded = digits + "F" * (len(digits) % 2)
    swapped = "".join(padded[i + 1] + padded[i] for i in range(0, len(padded), 2))
    return bytes((len(digits), 0x91 if number.startswith("+") else 0x81)) + bytes.fromhex(swapped)


def _cut_septets(text: str) -> list[bytes]:
    codes = [_CODES[letter] for letter in text]
    if sum(len(code) for code in codes) <= LONE_SEPTETS:
        return [bytes(code for pair in codes for code in pair)]
    parts, part = [], bytearray()
    for code in codes:  # an escape is never parted from its letter
        if len(part) + len(code) > PART_SEPTETS:
            parts.append(bytes(part))
            part.clear()
        part += bytes(code)
    return [*parts, bytes(part)]


def _cut_units(text: str) -> list[bytes]:
    data = text.encode("utf-16-be", "replace")
    if len(data) <= 2 * LONE_UNITS:
        return [data]
    parts, part = [], bytearray()
    for letter in text:  # a pair of surrogates is never parted
        code = letter.encode("utf-16-be", "replace")
        if len(part) + len(code) > 2 * PART_UNITS:
            parts.append(bytes(part))
            part.clear()
        part += code
    return [*parts, bytes(part)]


def _pack(septets: bytes, header: bytes) -> bytes:
    """Septets behind a header, which is filled up to a septet's border (23.040, 9.2.3.24)."""
    bits = (len(header) * 8 + 6) // 7 * 7
    value = int.from_bytes(header, "little")
    for place, septet in enumerate(septets):
        value |= septet << (bits + 7 * place)
    return value.to_bytes((bits + 7 * len(septets) + 7) // 8, "little")


# ---------------------------------------------------------------- in


def parse_deliver(hexadecimal: str) -> Piece:
    """A PDU as ``AT+CMGR`` gives it; raises ``ValueError`` when it is no SMS-DELIVER or is cut off."""
    data = bytes.fromhex(hexadecimal)
    try:
        return _deliver(data[1 + data[0] :])
    except IndexError:
        raise ValueError("the message is cut off") from None


def _deliver(tpdu: bytes) -> Piece:
    first, digits, kind = tpdu[0], tpdu[1], tpdu[2]
    if first & 3:
        raise ValueError("not a received message")
    after = 3 + (digits + 1) // 2
    number = _sender(tpdu[3:after], digits, kind)
    coding, stamp, length = tpdu[after + 1], tpdu[after + 2 : after + 9], tpdu[after + 9]
    data = tpdu[after + 10 :]
    head = data[0] + 1 if first & 0x40 else 0
    if len(data) < (length if _alphabet(coding) else (length * 7 + 7) // 8):
        raise ValueError("the message is cut off")
    reference, parts, part = _concatenation(data[1:head])
    return Piece(number, _text(data, length, coding, head), _stamp(stamp), reference, part, parts)


def _alphabet(coding: int) -> int:
    """0: GSM 7 bit, 4: 8 bit, 8: UCS2 (23.038, 4)."""
    if coding & 0xC0 == 0 or coding & 0xF0 == 0xF0:
        return coding & (0x0C if coding & 0xC0 == 0 else 0x04)
    return 8 if coding & 0xF0 == 0xE0 else 0


def _text(data: bytes, length: int, coding: int, head: int) -> str:
    kind = _alphabet(coding)
    if kind == 8:
        return data[head:length].decode("utf-16-be", "replace")
    if kind == 4:
        return data[head:length].decode("latin-1")
    return _unpack(data, length)[(head * 8 + 6) // 7 :] if not head else _unpack(data, length, (head * 8 + 6) // 7)


def _unpack(data: bytes, septets: int, skip: int = 0) -> str:
    value, letters, escaped = int.from_bytes(data, "little"), [], False
    for place in range(skip, septets):
        code = value >> (7 * place) & 0x7F
        if escaped:
            letters.append(EXTENDED.get(code, PLAIN[code]))
            escaped = False
        elif code == ESCAPE:
            escaped = True
        else:
            letters.append(PLAIN[code])
    return "".join(letters)


def _sender(data: bytes, digits: int, kind: int) -> str:
    if kind & 0x70 == 0x50:  # a name in GSM 7 bit
        return _unpack(data, digits * 4 // 7)
    swapped = "".join(f"{octet & 15:X}{octet >> 4:X}" for octet in data)[:digits]
    return ("+" if kind & 0x70 == 0x10 else "") + swapped.translate(str.maketrans("ABCDEF", "*#abc "))


def _stamp(data: bytes) -> datetime | None:
    year, month, day, hour, minute, second = ((octet & 15) * 10 + (octet >> 4) for octet in data[:6])
    quarters = (data[6] & 7) * 10 + (data[6] >> 4)
    zone = timezone(timedelta(minutes=15 * (-quarters if data[6] & 8 else quarters)))
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def _concatenation(header: bytes) -> tuple[int, int, int]:
    """Reference, parts and part of a user data header; 0, 1, 1 for a message of one part."""
    while len(header) >= 2:
        kind, size = header[0], header[1]
        body, header = header[2 : 2 + size], header[2 + size :]
        wide = {0: 1, 8: 2}.get(kind)
        if wide and len(body) == wide + 2 and 1 <= body[-1] <= body[-2]:
            return int.from_bytes(body[:wide], "big"), body[-2], body[-1]
    return 0, 1, 1


class Assembly:
    """Joins the parts of long messages, in whatever order they come."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int, int], dict[int, tuple[Piece, int]]] = {}

    def take(self, piece: Piece, place: int) -> tuple[Piece, tuple[int, ...]] | None:
        """A piece and its place in the modem's store -> the whole message and all its places, once it is whole."""
        if piece.parts == 1:
            return piece, (place,)
        key = (piece.number, piece.reference, piece.parts)
        parts = self._open.setdefault(key, {})
        parts[piece.part] = (piece, place)
        if len(parts) < piece.parts:
            if len(self._open) > OLDEST_PARTS:
                del self._open[next(iter(self._open))]
            return None
        del self._open[key]
        ordered = [parts[number] for number in sorted(parts)]
        whole = Piece(piece.number, "".join(each.text for each, _ in ordered), ordered[0][0].sent)
        return whole, tuple(where for _, where in ordered)
