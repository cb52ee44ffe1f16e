"""What a person at the machine may ask of a modem that the daemon holds: a socket file beside the messages.

One JSON object a line in, one out: ``{"do": "at", "words": ["AT+CSQ"]}`` -> ``{"ok": true, "said": ["+CSQ: 21,99"]}``.
Only the daemon's own user can open it.
"""

import asyncio
import contextlib
import json
import logging
import re
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from agent.errors import AlloError
from telephony.at import split_fields
from telephony.modem_session import ModemSession
from telephony.modem_wire import ModemError

log = logging.getLogger(__name__)

USSD_S = 30.0
"""The network may take so long to answer a code such as ``*100#``, seconds."""
LONGEST = 65_536
"""A request is no longer, bytes."""
MUST_NOT = ("+CHUP", "+CPIN", "+CLCK", "+CPWD", "+CMGS", "+CMSS", "+CKPD")
"""Commands that have ways of their own, hold secrets or break the dialogue."""
BASIC = re.compile(r"I\d?|&V|S\d+\?|Q\?|")
"""Commands without a plus that only tell; others could dial, also hidden behind them on one line (V.250, 5.2.1)."""


async def obey(session: ModemSession, do: str, words: list[str]) -> list[str]:
    """Do one thing and return what to show; raises ``AlloError`` or ``ValueError`` that says why not."""
    deeds: dict[str, Callable[[ModemSession, list[str]], Awaitable[list[str]]]] = {
        "at": _at, "sms": _sms, "ussd": _ussd, "dial": _dial, "info": _info,
    }  # fmt: skip
    if do not in deeds:
        raise ValueError(f"a modem can do {', '.join(deeds)}")
    return await deeds[do](session, words)


async def _at(session: ModemSession, words: list[str]) -> list[str]:
    (command,) = words
    if not harmless(command):
        raise ValueError("that would disturb the line; use `allo dial`, `allo modem sms`, or stop the daemon")
    answer = await session.at.ask(command, 9.0)
    return [*answer.lines, answer.final or "no answer"]


def harmless(command: str) -> bool:
    """Whether a person may send this to a modem that answers calls."""
    written = re.sub(r"\s", "", command.upper())
    parts = written.removeprefix("AT").split(";")
    return written.startswith("AT") and all(
        BASIC.fullmatch(part) or (part[0] in "+^$*#" and not part.startswith(MUST_NOT)) for part in parts
    )


async def _sms(session: ModemSession, words: list[str]) -> list[str]:
    number, text = words
    return ["sent" if await session.mail.send(session.at, number, text) else "the network did not take it"]


async def _ussd(session: ModemSession, words: list[str]) -> list[str]:
    (code,) = words
    if not code or set(code) - set("0123456789*#"):
        raise ValueError("a code is made of digits, * and #, such as *100#")
    session.ussd = asyncio.get_running_loop().create_future()
    answer = await session.at.ask(f'AT+CUSD=1,"{code}",15', USSD_S)
    if not answer.ok:
        raise ModemError("the network did not take the code")
    try:
        async with asyncio.timeout(USSD_S):
            return [ussd_text(await session.ussd)]
    except TimeoutError:
        raise ModemError("the network did not answer the code in time") from None


def ussd_text(said: str) -> str:
    """The text of ``+CUSD: 0,"0411...",72``: UCS2 in hexadecimal, or as it is."""
    fields = split_fields(said)
    text = fields[1] if len(fields) > 1 else ""
    with contextlib.suppress(ValueError):
        if len(text) >= 4 and len(text) % 4 == 0:
            return bytes.fromhex(text).decode("utf-16-be")
    return text


async def _dial(session: ModemSession, words: list[str]) -> list[str]:
    number, *why = words
    return [(await session.dial(number, " ".join(why))).words]


async def _info(session: ModemSession, _words: list[str]) -> list[str]:
    facts = session.facts
    return [f"state     {session.state}"] + (
        [f"firmware  {facts.firmware}", f"audio     {facts.rate} Hz"] if facts is not None else []
    )


class ModemDesk:
    """Serves one source's socket while the source runs."""

    def __init__(self, path: Path, session: Callable[[], ModemSession | None], state: Callable[[], str]) -> None:
        """``session`` gives the modem while it is there, ``state`` says why it is not."""
        self._path, self._session, self._state = path, session, state

    async def run(self) -> None:
        """Serve until cancelled; without a socket calls are answered all the same."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LONGEST)
            self._path.chmod(0o600)
        except OSError as error:
            log.warning("%s: can't be made, `allo modem` will not reach the daemon: %s", self._path, error.strerror)
            return
        try:
            async with server:
                await server.serve_forever()
        finally:
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(120):
                request = json.loads(await reader.readline())
                reply = await self._reply(str(request["do"]), [str(word) for word in request.get("words", [])])
                writer.write(json.dumps(reply, ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except (ValueError, KeyError, TypeError, AttributeError, OSError, TimeoutError):
            log.warning("modem: a request that can't be read, or whose asker left")
        finally:
            writer.close()

    async def _reply(self, do: str, words: list[str]) -> dict[str, object]:
        session = self._session()
        try:
            if session is None or session.facts is None:
                raise ModemError(self._state())
            return {"ok": True, "said": await obey(session, do, words)}
        except (AlloError, ValueError) as error:
            return {"ok": False, "said": [str(error)]}


def ask(path: Path, do: str, words: list[str], seconds: float = 130.0) -> tuple[bool, list[str]] | None:
    """Ask a running daemon; ``None`` when none listens there. Blocking, for commands."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(seconds)
        try:
            line.connect(str(path))
        except OSError:
            return None
        line.sendall(json.dumps({"do": do, "words": words}).encode() + b"\n")
        with line.makefile("rb") as answers:
            reply = json.loads(answers.readline() or b'{"ok": false, "said": ["the daemon hung up"]}')
    return bool(reply["ok"]), [str(text) for text in reply["said"]]
