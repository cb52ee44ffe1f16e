"""The GSM lines on the page's desk: their state and signal, messages, codes such as ``*100#``, call-backs."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from agent.errors import AlloError
from agent.ports import LineSource
from gateways.desk import Row
from gateways.problems import Problem

if TYPE_CHECKING:
    from telephony.modem_line import ModemSource
    from telephony.modem_network import ModemFigures

SAMPLE_S = 60.0
"""The signal is noted this often, seconds."""
SAMPLES_MOST = 24 * 60
"""A day of it."""
POINTS_MOST = 240
"""Points of a plot; of more samples each n-th is told."""


def gsm_lines(sources: Sequence[LineSource]) -> "GsmLines | None":
    """``None`` where there is none."""
    if not any(source.name.startswith("modem") for source in sources):
        return None
    from telephony.modem_line import ModemSource  # noqa: PLC0415 - serial ports and all, only where there is one

    return GsmLines([source for source in sources if isinstance(source, ModemSource)])


class GsmLines:
    """See ``gateways.desk.Modems``. All modems share one file of messages and one of call-backs."""

    def __init__(self, modems: "Sequence[ModemSource]") -> None:
        """At least one."""
        self._modems = {modem.name: modem for modem in modems}
        self._first = modems[0]
        self._signal: dict[str, deque[tuple[int, int]]] = {name: deque(maxlen=SAMPLES_MOST) for name in self._modems}
        self._asked: set[str] = set()

    async def watch(self) -> None:
        """Note the signal of each modem, for ever."""
        while True:
            for name, modem in self._modems.items():
                signal = modem.figures.signal_dbm
                if signal is not None:
                    self._signal[name].append((int(time.time()), signal))
            await asyncio.sleep(SAMPLE_S)

    def figures(self) -> "dict[str, ModemFigures]":
        """Each modem as numbers, by line."""
        return {name: modem.figures for name, modem in self._modems.items()}

    async def rows(self, count: int, words: str) -> Row:
        """State, signal, the newest messages that hold ``words``, and call-backs."""
        messages = await asyncio.to_thread(self._first.messages, count, words)
        return {
            "lines": {name: self._line(modem) for name, modem in self._modems.items()},
            "signal": {name: _thinned(samples) for name, samples in self._signal.items()},
            "messages": [asdict(message) for message in messages],
            "call_backs": [asdict(row) for row in self._first.call_backs_asked[-count:]],
        }

    async def send(self, name: str, number: str, text: str) -> Row:
        """Send a message."""
        (said,) = await self._ask(name, "sms", [number, text])
        if said != "sent":
            raise Problem(409, "the network did not take the message; it is kept as not sent")
        return {"sent": True}

    async def code(self, name: str, code: str) -> Row:
        """What the network answers to a code."""
        (said,) = await self._ask(name, "ussd", [code])
        return {"text": said}

    async def cancel(self, id_: str) -> bool:
        """Give up a call-back that waits."""
        return await asyncio.to_thread(self._first.call_backs.cancel, id_)

    def _line(self, modem: "ModemSource") -> Row:
        return {"state": modem.state, **asdict(modem.figures)}

    async def _ask(self, name: str, do: str, words: list[str]) -> list[str]:
        modem = self._modems.get(name)
        if modem is None:
            raise Problem(404, f"there is no GSM line of this name; there is {', '.join(self._modems)}")
        if name in self._asked:
            raise Problem(409, "this modem is being asked something already; try again when it has answered")
        self._asked.add(name)
        try:
            return await modem.obey(do, words)
        except ValueError as error:
            raise Problem(422, str(error)) from None
        except AlloError as error:
            raise Problem(503, str(error)) from None
        finally:
            self._asked.discard(name)


def _thinned(samples: deque[tuple[int, int]]) -> list[tuple[int, int]]:
    """(Seconds since 1970, dBm) oldest first, always with the newest."""
    step = -(-len(samples) // POINTS_MOST) or 1
    return list(samples)[::-1][::step][::-1]
