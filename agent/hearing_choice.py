"""Which recogniser of a chain hears an utterance, what is known of each, and what a call's ear leaves to be done."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from agent.breaker import Breaker
from agent.costs import is_spent
from agent.errors import HearingError
from agent.figures.engine_times import Told
from agent.ports import Recognizer, SpeechToText, Transcript

log = logging.getLogger(__name__)

OPEN_S = 1.0
"""An ear must be open within this, seconds."""
REST_S = 10.0
"""A recogniser that failed is not asked by the same call for so long, seconds."""
WEIGHT = 0.2
"""What one more utterance counts in what is known of a recogniser's speed."""


@dataclass(slots=True, eq=False)
class Link:
    """One recogniser of the chain and what is known of it."""

    stt: SpeechToText
    breaker: Breaker
    told: Told
    failed_at: float = float("-inf")
    """When it failed last, seconds of the chain's clock."""
    asked: int = 0
    failed: int = 0
    wait_ms: float | None = None
    """From the end of an utterance to its text, milliseconds."""

    def heard(self, seconds: float) -> None:
        """It gave the text of an utterance, so long after its end."""
        self.asked += 1
        self.breaker.succeeded()
        self.told("stt", self.stt.name, seconds)
        new = seconds * 1000
        self.wait_ms = new if self.wait_ms is None else self.wait_ms + WEIGHT * (new - self.wait_ms)

    def missed(self, now: float) -> None:
        """It failed."""
        self.asked += 1
        self.failed += 1
        self.failed_at = now
        self.told("stt", self.stt.name, None)
        self.breaker.failed()

    @property
    def state(self) -> str:
        """For health."""
        speed = "" if self.wait_ms is None else f"; text after {self.wait_ms:.0f} ms"
        failures = f"; {self.failed} of {self.asked} utterances failed" if self.failed else ""
        state = "spent" if is_spent(self.stt) else "failing" if self.breaker.open else "ok"
        return state + speed + failures


class Errands:
    """What a call's ear leaves to be done meanwhile."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Do it, whatever the recogniser says to it."""
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def over(self) -> None:
        """Wait until all is done."""
        if self._tasks:
            await asyncio.wait(self._tasks)


class Choice:
    """Which recogniser hears a call's utterance: those that failed in it are not asked again."""

    def __init__(self, links: Sequence[Link], clock: Callable[[], float], rate: int) -> None:
        self.links, self._clock, self._rate = links, clock, rate
        self.tried: set[Link] = set()
        """Those that failed in this utterance."""

    @property
    def last(self) -> bool:
        """Only one is left."""
        return len(self.tried) == len(self.links) - 1

    def candidates(self) -> Iterator[Link]:
        """Those not tried yet, in order; those that keep failing only when nobody else is left."""
        shunned = []
        for link in self.links:
            if link in self.tried:
                continue
            if not is_spent(link.stt) and link.breaker.admit():
                yield link
            else:
                shunned.append(link)
        yield from shunned

    def preferred(self, present: Link | None) -> Iterator[Link]:
        """Those before the present one that may be asked again; also those after one that has used up its day."""
        for link in self.links:
            if link is present and not is_spent(link.stt):
                return
            if link is present or is_spent(link.stt):
                continue
            if self._clock() - link.failed_at >= REST_S and link.breaker.admit():
                yield link

    async def opened(self, link: Link, on_partial: Callable[[Transcript], None]) -> Recognizer | HearingError:
        """An ear of a recogniser, or why there is none."""
        try:
            async with asyncio.timeout(OPEN_S):
                return await link.stt.open(self._rate, on_partial)
        except HearingError as error:
            fault = error
        except TimeoutError:
            fault = HearingError(f"{link.stt.name}: no ear within {OPEN_S:g} s")
        except BaseException:
            link.breaker.released()
            raise
        link.missed(self._clock())
        log.warning("stt: %s", fault)
        return fault


async def _quietly(work: Callable[[], Awaitable[None]]) -> None:
    with suppress(HearingError):
        await work()
