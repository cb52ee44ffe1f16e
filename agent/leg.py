"""The leg of a call as its conversation meets it: its events, taken one by one, and its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal

from agent.ports import HungUp, Line, LineEvent
from agent.prompts import Prompts
from audio.frame import AudioFrame

STEPS = 3
"""Turns of the event loop from a decision to the first question it puts to an engine."""


class Over(Exception):  # noqa: N818 - not a fault: the way to tell a TaskGroup to cancel its children
    """The leg is gone; everything of the call stops at once."""

    def __init__(self, ended: HungUp) -> None:
        super().__init__(ended.cause)
        self.ended = ended


async def one_by_one(
    events: AsyncIterator[LineEvent], take: Callable[[AudioFrame], bool], _gather: object, _together: object
) -> LineEvent | None:
    """``agent.ports.Handing.until`` for events that are not ``Handing``."""
    async for event in events:
        if not isinstance(event, AudioFrame):
            return event
        if take(event):
            return None
    return HungUp("lost")


async def settled() -> None:
    """What was just set off begins here, even where late frames come all at once behind this one."""
    for _ in range(STEPS):
        await asyncio.sleep(0)


async def give_up(line: Line, say: Callable[[str], Awaitable[None]], prompts: Prompts) -> None:
    """Hand the caller to a person, or part where there is none; ``say`` speaks what needs no engine."""
    await say(prompts.transfer)
    if not await line.transfer(""):
        await say(prompts.closing)
        await line.hangup()


async def until_over(conversing: Awaitable[None]) -> HungUp:
    """Await it to the end of the leg, of which ``Over`` tells in the group of what its tasks raised."""
    ended = HungUp("lost")
    try:
        await conversing
    except* Over as over:  # here, since agent/call.py may be compiled: mypyc knows no such clause
        ended = ending(over)
    return ended


def ending(over: ExceptionGroup[Over]) -> HungUp:
    """The end that stopped the call's tasks."""
    first = over.exceptions[0]
    return first.ended if isinstance(first, Over) else ending(first)


def outcome(ended: HungUp) -> Literal["completed", "transferred", "failed", "abandoned"]:
    """How the call log calls this end."""
    match ended.cause:
        case "caller" | "agent":
            return "completed"
        case "transfer":
            return "transferred"
        case "cancelled":
            return "abandoned"
    return "failed"
