"""A voice that goes on after the last word understood, «эээ» or a word that was missed: the turn waits for the rest."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from agent.house import House
from agent.judging import HUM_MS, LONG_HUM_MS, Judging
from agent.listening import Listening
from agent.pauses import Verdict
from agent.ports import Transcript, Word
from agent.replies import Replies
from agent.settings import Turns
from agent.turns import Lull

RATE, ENDS = 8000, 16000


@dataclass
class Ear:
    """Has understood ``heard``, and notes how it was judged."""

    heard: Transcript
    verdicts: list[Verdict] = field(default_factory=list)

    async def peek(self, trailing: bool = False) -> Transcript:
        return self.heard

    def judged(self, lull: Lull, verdict: Verdict) -> bool:
        self.verdicts.append(verdict)
        return False


@dataclass
class Room:
    """Whatever is said sounds like ``verdict``."""

    verdict: Verdict
    language: str = "ru"
    turn_model: None = None
    turns: Turns = field(default_factory=Turns)

    def finished(self, text: str, said: str) -> Verdict:
        return self.verdict


@dataclass
class Mute:
    last_said: str = ""
    offered: bool = False


async def judged(verdict: Verdict, hum_ms: int, *, aligned: bool = True) -> Verdict:
    end = ENDS - hum_ms * RATE // 1000
    heard = Transcript("какая гарантия", False, ENDS + 800, (Word("гарантия", end - 4000, end),), aligned=aligned)
    ear = Ear(heard)
    house, listening, replies = cast("House", Room(verdict)), cast("Listening", ear), cast("Replies", Mute())
    judging = Judging(house, RATE, listening, replies, asyncio.ensure_future)
    await judging.weigh(Lull(ENDS, over_agent=False))
    [found] = ear.verdicts
    return found


@pytest.mark.parametrize(
    ("verdict", "hum_ms", "found"),
    [
        ("complete", -30, "complete"),
        ("complete", HUM_MS, "complete"),
        ("complete", HUM_MS + 10, "unsure"),
        ("likely", HUM_MS + 10, "unsure"),
        ("open", HUM_MS + 10, "open"),
        ("complete", LONG_HUM_MS + 10, "open"),
        ("unsure", LONG_HUM_MS + 10, "open"),
    ],
)
async def test_who_hums_after_the_words_is_given_time(verdict: Verdict, hum_ms: int, found: Verdict) -> None:
    assert await judged(verdict, hum_ms) == found


async def test_where_words_end_is_only_asked_of_those_who_know() -> None:
    assert await judged("complete", LONG_HUM_MS + 10, aligned=False) == "complete"
