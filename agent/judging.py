"""What a pause of the caller means: judged by the words so far, and where they don't tell by the sound."""

from collections.abc import Callable
from contextlib import suppress

from agent.errors import AlloError, HearingError
from agent.house import House
from agent.listening import Listening
from agent.pauses import Verdict
from agent.turns import Lull

SURE, HARDLY = 0.7, 0.3
"""Probabilities of an end-of-turn model that count: the turn is over, it goes on."""


class Judging:
    """Judges the lulls of one call. An engine's fault is left to the end of the turn, which meets it again."""

    def __init__(self, house: House, rate: int, listening: Listening, guess: Callable[[str], None]) -> None:
        """``guess`` is told the words of a turn that may be over."""
        self._house, self._rate, self._listening, self._guess = house, rate, listening, guess

    async def weigh(self, lull: Lull) -> None:
        """The caller paused: what was said so far tells how long to wait, and what the answer may be."""
        with suppress(AlloError):
            text = (await self._listening.peek()).text
            if lull.over_agent:
                self._weigh_over_agent(lull, text)
                return
            verdict = await self._verdict(text)
            current = self._listening.judged(lull, verdict)
            if current and text and verdict != "open" and self._house.turns.speculate:
                self._guess(text)

    async def listen_closely(self) -> None:
        """The caller goes on over the paused agent: are there words?"""
        with suppress(AlloError):
            self._listening.understood((await self._listening.peek()).text)

    def _weigh_over_agent(self, lull: Lull, text: str) -> None:
        if not text or self._house.answers.is_backchannel(text):
            self._listening.dismissed(lull)
        else:
            self._listening.understood(text)

    async def _verdict(self, text: str) -> Verdict:
        verdict, model = self._house.finished(text), self._house.turn_model
        if model is None or verdict == "open":
            return verdict
        try:
            probability = await model.ended(self._listening.recent, self._rate)
        except HearingError:
            return verdict
        if probability >= SURE:
            return "complete"
        return "open" if probability <= HARDLY and verdict == "unsure" else "unsure"
