"""Short messages of a modem: taken off the SIM card, kept in ``sms.jsonl``, answered with a fixed text, sent."""

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from agent.errors import RecordError
from telephony.at import Answer
from telephony.modem_wire import AtPort
from telephony.sms import Assembly, Piece, parse_deliver, submit

log = logging.getLogger(__name__)

SEND_S = 60.0
"""The network may take so long to accept a message (27.005; SIMCom's manual), seconds."""
LOOK_S = 300.0
"""The card is looked at so often even when it says nothing, seconds."""


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the file."""

    at: str
    """When it was sent or taken by the network, ISO 8601."""
    way: Literal["in", "out"]
    number: str
    text: str


class MailBox:
    """The file of messages; it grows by a line a message."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sms.jsonl"

    def add(self, message: Message) -> None:
        """Append; raises ``RecordError``."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(message), ensure_ascii=False) + "\n")
        except OSError as error:
            raise RecordError(f"{self.path}: messages can't be kept: {error.strerror}") from None

    def newest(self, count: int) -> list[Message]:
        """The last messages, oldest first; a line that was cut by a crash is passed over."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()[-count:]
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            with suppress(ValueError, TypeError):
                found.append(Message(**json.loads(line)))
        return found


class ModemMail:
    """Set ``come`` when a message may have come."""

    def __init__(self, box: MailBox, reply: str) -> None:
        self.come = asyncio.Event()
        self._box, self._reply = box, reply
        self._assembly = Assembly()
        self._reference = 0

    async def tend(self, at: AtPort) -> None:
        """Take messages off the card as they come, for ever. A message leaves the card after it was kept."""
        while True:
            self.come.clear()
            await self._collect(at)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self.come.wait()

    async def send(self, at: AtPort, number: str, text: str) -> bool:
        """Send, in parts where it is long; False: the network took not all of it.

        Raises ``ValueError``, ``RecordError``.
        """
        self._reference = self._reference % 255 + 1
        for pdu in submit(number, text, self._reference):
            if not (await at.ask(f"AT+CMGS={pdu.length}", SEND_S, pdu.hexadecimal)).ok:
                return False
        await asyncio.to_thread(self._box.add, Message(_now(), "out", number, text))
        return True

    async def _collect(self, at: AtPort) -> None:
        answer = await at.ask("AT+CMGL=4", SEND_S)
        for place, piece in _pieces(answer):
            whole = self._assembly.take(piece, place)
            if whole is not None:
                await self._keep(at, *whole)

    async def _keep(self, at: AtPort, piece: Piece, places: tuple[int, ...]) -> None:
        sent = piece.sent.isoformat() if piece.sent else _now()
        try:
            await asyncio.to_thread(self._box.add, Message(sent, "in", piece.number, piece.text))
        except RecordError as error:
            log.warning("%s; the message stays on the card", error)
            return
        for place in places:
            await at.ask(f"AT+CMGD={place}")
        log.info("modem: a message was received")
        if self._reply:
            with suppress(ValueError):  # a sender that is a name, not a number
                await self.send(at, piece.number, self._reply)


def _pieces(answer: Answer) -> list[tuple[int, Piece]]:
    found = []
    for header, pdu in zip(answer.lines, answer.lines[1:], strict=False):
        place = header.removeprefix("+CMGL:").split(",")[0].strip()
        if header.startswith("+CMGL:") and place.isdecimal():
            try:
                found.append((int(place), parse_deliver(pdu)))
            except ValueError:
                log.warning("modem: message %s on the card can't be read and stays there", place)
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
