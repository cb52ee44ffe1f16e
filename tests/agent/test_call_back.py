"""What a model wrote of a caller's wish to be called back, and what tools can do over which line."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import pytest

from agent.call_back import read_wish
from agent.errors import RecordError
from agent.ports import CallerInfo
from agent.prompts import load_prompts
from agent.reach import TEXT_MOST, means_of
from tests.fakes.line import FakeLine

PROMPTS = load_prompts(Path(__file__).parents[2] / "prompts", "ru")
NOW = datetime(2026, 11, 21, 17, 20, 30, tzinfo=timezone(timedelta(hours=3)))


@pytest.mark.parametrize(
    ("arguments", "due", "about", "words"),
    [
        ({"minutes": 10}, "2026-11-21 17:30:30", "", "at 17:30, in 10 minutes"),
        ({"time": "18:00", "about": " сроки  доставки."}, "2026-11-21 18:00:00", "сроки доставки", "at 18:00, in 40"),
        ({"time": "9.05"}, "2026-11-22 09:05:00", "", "at 09:05 tomorrow, in 944 minutes"),
        ({"time": "17:20"}, "2026-11-22 17:20:00", "", "at 17:20 tomorrow"),
        ({"minutes": 1440, "time": ""}, "2026-11-22 17:20:30", "", "at 17:20 tomorrow, in 1440 minutes"),
    ],
)
def test_a_time_is_the_next_of_its_kind(arguments: Mapping[str, Any], due: str, about: str, words: str) -> None:
    wish = read_wish(arguments, NOW)
    assert (f"{wish.due:%Y-%m-%d %H:%M:%S}", wish.about) == (due, about)
    assert words in wish.words(NOW)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "ask the caller when"),
        ({"minutes": 5, "time": "18:00"}, "one of them"),
        ({"minutes": 0}, "1 to 1440"),
        ({"minutes": 1441}, "1 to 1440"),
        ({"time": "half past six"}, "such as 18:30"),
        ({"time": "25:00"}, "such as 18:30"),
        ({"minutes": 5, "about": "скидка 90 процентов"}, "without numbers"),
        ({"minutes": 5, "about": "а" * 121}, "120 characters"),
    ],
)
def test_what_can_not_be_a_wish_is_explained_to_the_model(arguments: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_wish(arguments, NOW)


class Reaching(FakeLine):
    """A line that can write and call."""

    def __init__(self, *ways: Literal["text", "call"], number: str = "+79161234567") -> None:
        super().__init__([], caller=CallerInfo("c1", "modem", number, "", 8000))
        self.ways: frozenset[Literal["text", "call"]] = frozenset(ways)
        self.sent: list[str] = []
        self.asked: list[tuple[datetime, str]] = []
        self.answers: Literal["sent", "on its way", "refused"] = "sent"
        self.full = False

    async def send_text(self, text: str) -> Literal["sent", "on its way", "refused"]:
        if text == "\0":
            raise ValueError("no such letter")
        self.sent.append(text)
        return self.answers

    async def call_back(self, due: datetime, why: str) -> None:
        if self.full:
            raise RecordError("the disk is full")
        self.asked.append((due, why))


async def no_webhook(*_: object) -> str:
    return ""


def test_tools_are_offered_by_what_the_line_can() -> None:
    def offered(line: FakeLine) -> list[str]:
        means = means_of(line, PROMPTS, no_webhook)
        return [kind for kind in ("send_sms", "call_back", "http_webhook") if means.can(kind)]

    assert offered(FakeLine([])) == ["http_webhook"]
    assert offered(Reaching("text")) == ["send_sms", "http_webhook"]
    assert offered(Reaching("text", "call")) == ["send_sms", "call_back", "http_webhook"]
    assert offered(Reaching(number="")) == ["http_webhook"]


async def test_a_call_back_is_noted_with_what_will_be_said() -> None:
    line = Reaching("call")
    means = means_of(line, PROMPTS, no_webhook)
    assert means.call_back is not None
    before = datetime.now().astimezone()
    assert (await means.call_back({"minutes": 10, "about": "сроки"})).startswith("noted: the caller will be called at ")
    ((due, why),) = line.asked
    assert timedelta(minutes=10) <= due - before < timedelta(minutes=11)
    assert why == PROMPTS.called_back_about.replace("{}", "сроки")
    assert (await means.call_back({})).startswith("error: give minutes or time")
    line.full = True
    assert await means.call_back({"minutes": 10}) == "error: the call-back could not be noted"


async def test_what_became_of_a_message_is_told_to_the_model() -> None:
    line = Reaching("text")
    send = means_of(line, PROMPTS, no_webhook).send_text
    assert send is not None
    assert await send("Тверь") == "sent"
    line.answers = "on its way"
    assert await send("Тверь") == "on its way"
    line.answers = "refused"
    assert (await send("Тверь")).startswith("error: the network")
    assert await send("\0") == "error: no such letter"
    assert (await send("а" * (TEXT_MOST + 1))).startswith("error: the message must be at most")
    assert line.sent == ["Тверь"] * 3


def test_a_call_that_we_make_begins_otherwise() -> None:
    assert PROMPTS.calling_for("").opening == [PROMPTS.calling]
    why = PROMPTS.why_called_back("")
    assert PROMPTS.calling_for(why).opening == [PROMPTS.calling, PROMPTS.called_back]
    assert not [text for text in PROMPTS.spoken if "{}" in text]
