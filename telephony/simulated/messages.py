"""Short messages as a network would deliver them (3GPP TS 23.040, 9.2.2.1), in UCS2; no code of the driver's."""

from datetime import UTC, datetime

ALONE, PART = 70, 67
"""Letters of a message alone, and of a part of a longer one."""


def deliver(number: str, text: str, at: datetime | None = None) -> list[str]:
    """PDUs in hexadecimal, service centre left out; ``at``: when the network took it, now where it is not said."""
    size = ALONE if len(text) <= ALONE else PART
    pieces = [text[start : start + size] for start in range(0, len(text), size)] or [""]
    stamp = _swapped(f"{at or datetime.now(UTC):%y%m%d%H%M%S}00")
    built = []
    for place, piece in enumerate(pieces, 1):
        header = bytes((5, 0, 3, sum(text.encode()) & 0xFF, len(pieces), place)) if len(pieces) > 1 else b""
        data = header + piece.encode("utf-16-be")
        start = bytes((0, 0x44 if header else 0x04)) + _sender(number)
        built.append((start + bytes((0, 8)) + stamp + bytes((len(data),)) + data).hex().upper())
    return built


def _sender(number: str) -> bytes:
    digits = number.removeprefix("+")
    kind = 0x91 if number.startswith("+") else 0x81
    return bytes((len(digits), kind)) + _swapped(digits + "F" * (len(digits) % 2))


def _swapped(digits: str) -> bytes:
    """Semi-octets: the first digit of a pair in the lower half."""
    return bytes.fromhex("".join(digits[i + 1] + digits[i] for i in range(0, len(digits), 2)))
