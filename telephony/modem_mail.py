"""Short messages of a modem: taken off the SIM card, kept in ``sms.jsonl``, answered, sent."""

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from agent.errors import AlloError, RecordError
from agent.ports import AnswerText
from telephony.at import Answer
from telephony.modem_network import ModemTally
from telephony.modem_wire import AtPort
from telephony.sms import Assembly, Pdu, Piece, parse_deliver, submit

log = logging.getLogger(__name__)

SEND_S = 60.0
"""The network may take so long to accept a message (27.005; SIMCom's manual), seconds."""
LOOK_S = 300.0
"""The card is looked at so often even when it says nothing, seconds."""
REPLIES_MOST, REPLIES_S, ASKERS_MOST = 10, 3600.0, 500
"""Replies to one number within so many seconds, since two machines would answer each other for ever; and numbers
remembered."""
SHORTEST = 7
"""A sender with fewer digits is a bank or the network itself: nobody reads what is sent back."""


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the file."""

    at: str
    """When it was sent or taken by the network, ISO 8601."""
    way: Literal["in", "out"]
    number: str
    text: str
    state: Literal["", "failed"] = ""
    """``failed``: the network did not take it, or the modem was lost before."""


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

    def newest(self, count: int, words: str = "") -> list[Message]:
        """The last messages that hold ``words`` in text or number, oldest first; a line that was cut by a crash is
        passed over. Raises ``RecordError``."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise RecordError(f"{self.path}: messages can't be read: {error}") from None
        found: list[Message] = []
        wanted = words.casefold().split()
        for line in reversed(lines):
            with suppress(ValueError, TypeError):
                message = Message(**json.loads(line))
                text = f"{message.number} {message.text}".casefold()
                if all(word in text for word in wanted):
                    found.append(message)
            if len(found) == count:
                break
        return found[::-1]


class ModemMail:
    """Set ``come`` when a message may have come."""

    def __init__(self, box: MailBox, reply: str, answer: AnswerText | None = None) -> None:
        """``answer`` gives the reply to a message; ``reply`` is sent where it gives none."""
        self.come = asyncio.Event()
        self.tally = ModemTally()
        self._box, self._reply, self._answer = box, reply, answer
        self._assembly = Assembly()
        self._reference = 0
        self._replied: dict[str, list[float]] = {}
        self._stuck: dict[int, Piece] = {}
        """Messages that were kept and answered, and that the card did not delete."""

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

        Either way it is kept. Raises ``ValueError`` for a number or text that can't be sent, ``ModemError``.
        """
        self._reference = self._reference % 255 + 1
        taken, pdus = False, submit(number, text, self._reference)
        try:
            taken = await self._give(at, pdus)
        finally:
            self.tally.messages_out += taken
            self.tally.messages_failed += not taken
            await self._note(Message(_now(), "out", number, text, "" if taken else "failed"))
        return taken

    async def _give(self, at: AtPort, pdus: list[Pdu]) -> bool:
        for pdu in pdus:
            if not (await at.ask(f"AT+CMGS={pdu.length}", SEND_S, pdu.hexadecimal)).ok:
                return False
        return True

    async def _note(self, message: Message) -> bool:
        try:
            await asyncio.to_thread(self._box.add, message)
        except RecordError as error:
            log.warning("%s", error)
            return False
        return True

    async def _collect(self, at: AtPort) -> None:
        answer = await at.ask("AT+CMGL=4", SEND_S)
        found = dict(_pieces(answer))
        for place, piece in found.items():
            if self._stuck.get(place) == piece:  # known: only the card would not let it go
                await self._drop(at, place, piece)
            elif (whole := self._assembly.take(piece, place)) is not None:
                await self._keep(at, *whole, found)

    async def _drop(self, at: AtPort, place: int, piece: Piece) -> None:
        self._stuck.pop(place, None)
        if not (await at.ask(f"AT+CMGD={place}")).ok:
            self._stuck[place] = piece

    async def _keep(self, at: AtPort, piece: Piece, places: tuple[int, ...], found: dict[int, Piece]) -> None:
        sent = piece.sent.isoformat() if piece.sent else _now()
        if not await self._note(Message(sent, "in", piece.number, piece.text)):
            return  # it stays on the card
        self.tally.messages_in += 1
        for place in places:
            await self._drop(at, place, found.get(place, piece))
        log.info("modem: a message was received")
        if self._may_reply(piece.number) and (reply := await self._reply_to(piece)):
            with suppress(ValueError):  # a text that is too long
                await self.send(at, piece.number, reply)

    async def _reply_to(self, piece: Piece) -> str:
        if self._answer is not None:
            try:
                answer = await self._answer(piece.number, piece.text)
            except AlloError as error:
                log.warning("modem: a message was not answered: %s: %s", error.code, error)
            else:
                return answer or self._reply
        return self._reply

    def _may_reply(self, number: str) -> bool:
        """A person's number that was not written to too often; counts the reply."""
        digits = number.removeprefix("+")
        if not (digits.isascii() and digits.isdecimal() and len(digits) >= SHORTEST):
            return False
        now = asyncio.get_running_loop().time()
        before = [at for at in self._replied.pop(number, []) if now - at < REPLIES_S]
        if len(before) >= REPLIES_MOST:
            self._replied[number] = before
            log.warning("modem: a number has had %d replies within the hour and gets no more", REPLIES_MOST)
            return False
        if len(self._replied) >= ASKERS_MOST:
            del self._replied[next(iter(self._replied))]
        self._replied[number] = [*before, now]
        return True


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
