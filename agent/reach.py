"""What can be done for one caller besides talking: write to him, call him back. Where his line can."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Literal, Protocol, runtime_checkable

from agent.call_back import read_wish
from agent.errors import RecordError
from agent.ports import Line
from agent.prompts import Prompts
from agent.tools import Means, WebhookCall

TEXT_MOST = 600
"""Longest message that a tool may send, characters: nine parts in Cyrillic."""


@runtime_checkable
class Reach(Protocol):
    """A line that can do more for its caller than talk."""

    @property
    def ways(self) -> frozenset[Literal["text", "call"]]:
        """What can be done for this caller."""

    async def send_text(self, text: str) -> Literal["sent", "on its way", "refused"]:
        """Send a text message; it is sent to its end even when nobody waits for the answer. Raises ``ValueError``."""

    async def call_back(self, due: datetime, why: str) -> None:
        """Call the caller at ``due`` and say ``why`` after the greeting; raises ``agent.errors.RecordError``."""


def means_of(line: Line, prompts: Prompts, webhook: WebhookCall) -> Means:
    """The means that tools have in a call over ``line``."""
    ways = line.ways if isinstance(line, Reach) else frozenset()
    if not isinstance(line, Reach) or not ways:
        return Means(webhook, number=line.caller.number)
    return Means(
        webhook,
        send_text=partial(_send, line) if "text" in ways else None,
        call_back=partial(_call_back, line, prompts) if "call" in ways else None,
        number=line.caller.number,
    )


async def _send(line: Reach, text: str) -> str:
    """Send a message; what to tell the model."""
    if len(text) > TEXT_MOST:
        return f"error: the message must be at most {TEXT_MOST} characters"
    try:
        sent = await line.send_text(text)
    except ValueError as error:
        return f"error: {error}"
    return "error: the network did not take the message" if sent == "refused" else sent


async def _call_back(line: Reach, prompts: Prompts, arguments: Mapping[str, Any]) -> str:
    """Note a call-back; what to tell the model."""
    now = datetime.now().astimezone()
    try:
        wish = read_wish(arguments, now)
        await line.call_back(wish.due, prompts.why_called_back(wish.about))
    except ValueError as error:
        return f"error: {error}"
    except RecordError:
        return "error: the call-back could not be noted"
    return f"noted: the caller will be called {wish.words(now)}"
