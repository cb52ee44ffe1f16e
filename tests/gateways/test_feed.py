"""Calls in progress as server-sent events."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientResponse

from agent import feed as feed_module
from agent.events import AgentSaid, CallAnswered, CallEnded, CallerSaid, CallStarted, Noted, StageReached
from agent.feed import QUEUE, Feed
from agent.ports import CallerInfo
from agent.trace import Note
from tests.gateways.conftest import Office

CALLER = CallerInfo("abc", "sip", "100", "200", 8000)
NEWS = {"text": "Два года.", "source": "general", "action": None, "effect": "", "firm": False}


@asynccontextmanager
async def watching(office: Office) -> AsyncIterator["Watcher"]:
    async with office.web.get("/api/live") as reply:
        yield Watcher(reply)


class Watcher:
    """Reads the stream as a browser does."""

    def __init__(self, reply: ClientResponse) -> None:
        self.reply = reply
        assert reply.content_type == "text/event-stream"

    async def next(self) -> dict[str, Any]:
        while True:
            text = (await self.reply.content.readline()).decode()
            assert text, "the stream ended"
            if text.startswith("data: "):
                news: dict[str, Any] = json.loads(text.removeprefix("data: "))
                return news

    async def until(self, key: str) -> dict[str, Any]:
        while key not in (news := await self.next()):
            continue
        return news


def begin(feed: Feed) -> None:
    feed.observe("abc", CallStarted(CALLER))
    feed.observe("abc", CallAnswered())


async def test_a_watcher_sees_the_calls_that_go_on_and_then_each_change(office: Office) -> None:
    begin(office.feed)

    async with watching(office) as watcher:
        first = await watcher.next()
        office.feed.observe("abc", CallEnded("completed", "caller"))

        assert [(call["id"], call["number"], call["state"]) for call in first["calls"]] == [("abc", "100", "speaks")]
        assert await watcher.next() == {"id": "abc", "ended": {"status": "completed", "cause": "caller"}}


async def test_words_grow_while_they_are_said_and_the_answer_while_it_sounds(office: Office) -> None:
    begin(office.feed)
    tap = office.feed.tapped("abc", None)

    async with watching(office) as watcher:
        await watcher.next()
        tap([100, "partial", "какая", 90])
        assert (await watcher.next())["set"] == {"partial": "какая", "state": "hears"}
        tap([100, "answer", 0, "says", NEWS])
        office.feed.observe("abc", CallerSaid(1, "какая гарантия", 0, {"speech_end": 8000}))
        assert (await watcher.until("said"))["said"]["text"] == "какая гарантия"
        office.feed.observe("abc", StageReached(1, "first_packet", 10400))
        assert (await watcher.until("set"))["set"] == {"state": "thinks", "partial": ""}
        assert (await watcher.until("set"))["set"] == {"state": "speaks", "latency_ms": 300}
        said = await watcher.until("said")
        assert (said["said"]["text"], said["said"]["heard"]) == ("Два года.", None)
        office.feed.observe("abc", AgentSaid(1, "Два года.", "Два", cut=True, source="general"))
        assert (await watcher.until("said"))["said"] == {
            "who": "agent",
            "turn": 1,
            "text": "Два года.",
            "heard": "Два",
            "cut": True,
            "source": "general",
        }


async def test_a_guess_that_was_wrong_is_never_shown(office: Office) -> None:
    begin(office.feed)
    tap = office.feed.tapped("abc", None)
    tap([100, "answer", 0, "says", NEWS])
    office.feed.observe("abc", Noted("speculation", "miss 3"))
    office.feed.observe("abc", CallerSaid(1, "алло", 0, {}))
    office.feed.observe("abc", StageReached(1, "first_packet", 100))

    async with watching(office) as watcher:
        (call,) = (await watcher.next())["calls"]

        assert [each["text"] for each in call["lines"]] == ["алло"]


async def test_the_trace_still_reaches_its_file() -> None:
    kept: list[Note] = []

    tap = Feed().tapped("abc", kept.append)
    tap({"version": 1})
    tap([100, "played", 1, 2])

    assert kept == [{"version": 1}, [100, "played", 1, 2]]


async def test_who_reads_too_slowly_is_let_go() -> None:
    feed = Feed()
    news = feed.watch()
    await anext(news)
    begin(feed)
    for _ in range(QUEUE + 1):
        feed.observe("abc", Noted("paused"))

    assert [text async for text in news] == []


async def test_a_quiet_stream_beats(monkeypatch: Any) -> None:
    monkeypatch.setattr(feed_module, "BEAT_S", 0.001)
    feed = Feed()
    news = feed.watch()
    await anext(news)

    assert await anext(news) == ""
    feed.close()
    assert [text async for text in news if text] == []


async def test_hanging_up_a_call_that_is_over_says_so(office: Office) -> None:
    assert (await office.web.post("/api/live/abc/hangup")).status == 404
    assert (await office.web.post("/api/live/abc/transfer")).status == 409
