"""The AT dialogue of a cellular modem, without I/O: bytes in, events out (3GPP TS 27.007, 27.005; ITU-T V.250).

One command is in the air at a time. A line is the answer of that command, a code that the modem sends unasked
(``RING`` in the middle of an answer is usual), an echo, or noise. Noise never raises: what can't be read is dropped.
"""

import re
from dataclasses import dataclass

LONGEST_LINE = 4096
"""Longer lines are noise (an SMS of 160 characters is 370 in hexadecimal), bytes."""

FINALS = {"OK", "ERROR", "ABORTED", "COMMAND NOT SUPPORT"}
"""Final result codes of any command."""
CALL_FINALS = {"NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE"}
"""Final only while ``ATA`` or ``ATD`` waits; unasked at any other time."""
UNASKED = (
    "RING", "+CRING", "+CLIP", "+CLCC", "VOICE CALL", "MISSED_CALL", "+RXDTMF", "+CMTI", "+CDSI", "+CREG", "+CEREG",
    "+CGREG", "+SIMCARD", "+CPIN", "+CPCMREG", "+CSQ", "+CUSD", "+CCWA", "+COLP", "PB DONE", "SMS DONE",
    "RDY", "START", "+CNMA", "^DSCI", "+QIND", "+CSSU", "+CSSI", "+CGEV", "+CTZV", "+NITZ", "POWER DOWN",
    "NORMAL POWER DOWN", "+QTONEDET",
)  # fmt: skip
_PRINTABLE = re.compile(rb"[^\x20-\x7e]+")
_HEAD = re.compile(r"(?:AT)?([+^*$][A-Z]+)")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command was answered."""

    command: str
    final: str
    """Its final result code, such as ``OK`` or ``+CME ERROR: 10``."""
    lines: tuple[str, ...] = ()
    """Information lines before it, noise and unasked codes taken out."""

    @property
    def ok(self) -> bool:
        """Whether the modem did what it was asked."""
        return self.final == "OK"

    def value(self, name: str) -> str:
        """What follows ``NAME:`` in the first such line; empty when there is none."""
        return next((line[len(name) + 1 :].strip() for line in self.lines if line.startswith(name + ":")), "")


@dataclass(frozen=True, slots=True)
class Unasked:
    """A code that the modem sent by itself."""

    name: str
    """``RING``, ``+CLIP``, ``VOICE CALL`` ...: what stands before the colon."""
    text: str = ""
    """What stands after it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem waits for the text of a message (27.005, 3.5.1)."""


Event = Answer | Unasked | Prompt


class AtDialogue:
    """Feed it what the port gives; write what ``send`` returns."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._noise = False
        self._command = ""
        self._prefix = ""
        self._lines: list[str] = []

    @property
    def waiting(self) -> bool:
        """Whether a command is in the air."""
        return bool(self._command)

    def send(self, command: str) -> bytes:
        """Begin a command; raises ``ValueError`` when it can't stand on one line or another one is in the air."""
        if self._command:
            raise ValueError(f"{_head(self._command)} has not been answered yet")
        if not command.isascii() or not command.isprintable() or not command[:2].upper() == "AT":
            raise ValueError("an AT command is one line of ASCII that begins with AT")
        self._command, self._lines = command, []
        self._prefix = _head(command)
        return command.encode("ascii") + b"\r"

    def give_up(self) -> None:
        """Nothing came in time: whatever comes now belongs to no command."""
        self._command, self._prefix, self._lines = "", "", []

    def feed(self, data: bytes) -> list[Event]:
        """Take any number of bytes; the events do not depend on how the stream was cut."""
        events: list[Event] = []
        for byte in data:
            if byte in b"\r\n":
                self._end_line(events)
            elif byte == 0x3E and self._prefix == "+CMGS" and not self._text():
                self._line.clear()
                events.append(Prompt())
            elif len(self._line) < LONGEST_LINE:
                self._line.append(byte)
            else:
                self._noise = True
        return events

    def _text(self) -> str:
        return _PRINTABLE.sub(b"", bytes(self._line)).decode("ascii").strip()

    def _end_line(self, events: list[Event]) -> None:
        text, noise = self._text(), self._noise
        self._line.clear()
        self._noise = False
        if text and not noise and (event := self._take(text)) is not None:
            events.append(event)

    def _take(self, text: str) -> Event | None:
        if text == self._command:
            return None
        if self._is_final(text):
            return self._finish(text) if self._command else None
        name, colon, rest = text.partition(":")
        if self._prefix and name == self._prefix and colon:
            self._lines.append(text)
        elif name in UNASKED or text in CALL_FINALS:
            return Unasked(name, rest.strip())
        elif self._command:
            self._lines.append(text)
        return None

    def _is_final(self, text: str) -> bool:
        if text in FINALS or text.startswith(("+CME ERROR", "+CMS ERROR")):
            return True
        return text in CALL_FINALS and self._command.upper().startswith(("ATA", "ATD"))

    def _finish(self, final: str) -> Answer:
        answer = Answer(self._command, final, tuple(self._lines))
        self.give_up()
        return answer


def _head(command: str) -> str:
    """``AT+CSQ=?`` -> ``+CSQ``: what its information lines begin with. Arguments (a PIN, a number) stay out."""
    found = _HEAD.match(command.upper())
    return found[1] if found else command[:3].upper()


# ---------------------------------------------------------------- what the codes carry


@dataclass(frozen=True, slots=True)
class CallEntry:
    """One line of ``+CLCC`` (27.007, 7.18)."""

    index: int
    """Number of the call within the modem, from 1."""
    incoming: bool
    status: int
    """0 active, 1 held, 2 dialling, 3 alerting, 4 incoming, 5 waiting, 6 disconnected (SIMCom)."""
    voice: bool
    number: str
    """As signalled; empty when withheld."""


def split_fields(text: str) -> list[str]:
    """Comma-separated fields, quoted or not; commas within quotes stay."""
    fields = re.findall(r'\s*("[^"]*"?|[^,]*)\s*(?:,|$)', text)
    return [field.strip().strip('"') for field in fields[:-1]] if text else []


def parse_call(text: str) -> CallEntry | None:
    """The fields after ``+CLCC:``; ``None`` when they can't be read."""
    fields = split_fields(text)
    try:
        index, direction, status, mode = (_number(field) for field in fields[:4])
    except ValueError:
        return None
    if not 1 <= index <= 7 or status > 6:
        return None
    return CallEntry(index, direction == 1, status, mode == 0, telephone(fields[5]) if len(fields) > 5 else "")


def parse_calls(answer: Answer) -> tuple[CallEntry, ...]:
    """All calls that the answer to ``AT+CLCC`` names."""
    entries = [parse_call(line.partition(":")[2]) for line in answer.lines if line.startswith("+CLCC:")]
    return tuple(entry for entry in entries if entry is not None)


def parse_registration(text: str) -> int | None:
    """State of ``+CREG``: of the unasked form ``1`` or the answer's ``2,1``; ``None`` when it can't be read.

    1 home network, 5 roaming, 2 searching, 3 denied, 0 not searching (27.007, 7.2).
    """
    fields = split_fields(text)
    # unasked: <stat>[,"lac","ci"...]; asked: <n>,<stat>[,...]; a lac is quoted and longer than one digit
    asked = len(fields) > 1 and len(fields[1]) == 1 and fields[1].isdecimal()
    try:
        return _number(fields[1] if asked else fields[0])
    except (ValueError, IndexError):
        return None


def parse_signal(text: str) -> int | None:
    """``+CSQ`` as dBm, -113 to -51; ``None`` when the modem does not know (99)."""
    fields = split_fields(text)
    try:
        steps = _number(fields[0])
    except (ValueError, IndexError):
        return None
    return 2 * steps - 113 if 0 <= steps <= 31 else None


def telephone(text: str) -> str:
    """Only what a telephone number may hold, at most 32 characters."""
    return re.sub(r"[^0-9+*#]", "", text)[:32]


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise ValueError("not a small number")
    return int(text)
