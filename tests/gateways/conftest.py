"""The real application over a real call log, asked by a real HTTP client."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from agent.desk.text_desk import new_texts
from agent.desk.web_desk import PresentCalls, new_desk, open_past
from agent.events import (
    AgentSaid,
    CallAnswered,
    CallEnded,
    CallerSaid,
    CallStarted,
    Noted,
    PassagesFound,
    StageReached,
)
from agent.feed import Feed
from agent.furnish import open_answers
from agent.journal import Journal, running
from agent.live import Live
from agent.ports import CallerInfo, Health, Passage
from agent.settings import HOUSE, Kb, Prompts, Settings, Storage, Web
from agent.store import CallLog, open_log
from audio.frame import AudioFrame
from gateways.admin import new_app
from gateways.desk import Desk

SECOND = 8000
KEPT = "a key that nobody chose"


@dataclass
class Office:
    """Everything behind the page."""

    web: TestClient  # type: ignore[type-arg]
    journal: Journal
    log: CallLog
    desk: Desk
    feed: Feed
    folder: Path

    async def hold(self, number: str, heard: str, said: str, ended: str = "completed", source: str = "general") -> str:
        """A call with one turn; return its id when it is in the log."""
        caller = CallerInfo(f"id-{number}-{len(heard)}", "sip", number, "allo", SECOND)
        observe = self.journal.observe
        observe(caller.call_id, CallStarted(caller))
        observe(caller.call_id, CallAnswered())
        self._record(caller)
        observe(caller.call_id, AgentSaid(0, "Здравствуйте.", "Здравствуйте.", cut=False, source=""))
        reached = {"speech_end": 2 * SECOND, "turn_end": 2 * SECOND + 2400, "transcript": 2 * SECOND + 2560}
        observe(caller.call_id, CallerSaid(1, heard, SECOND, reached))  # type: ignore[arg-type]
        observe(caller.call_id, PassagesFound(1, (Passage("general", "Гарантия / Срок", "Два года.", 0.81234),)))
        observe(caller.call_id, StageReached(1, "first_packet", 2 * SECOND + 3200))
        observe(caller.call_id, AgentSaid(1, said, said.split(".", maxsplit=1)[0], cut=True, source=source))
        observe(caller.call_id, Noted("dtmf", "5"))
        observe(caller.call_id, CallEnded(ended, "caller"))  # type: ignore[arg-type]
        while self.journal.waiting:  # noqa: ASYNC110 - the writer has its own thread
            await asyncio.sleep(0)
        await self.journal.written()
        return caller.call_id

    def _record(self, caller: CallerInfo) -> None:
        recording = self.journal.recording(caller)
        assert recording is not None
        trace = self.journal.trace(caller)
        assert trace is not None
        said = {"turn": 0, "said": "Да.", "heard": "Да.", "cut": False, "source": ""}
        heard = {"turn": 1, "text": "а", "position": 9600, "reached": {"speech_end": 14400}}
        trace({"version": 1, "rate": 8000, "language": "ru"})
        trace([1600, "played", 160, 160])
        trace([8000, "event", "AgentSaid", said])
        trace([16000, "event", "CallerSaid", heard])
        for _ in range(100):
            frame = AudioFrame(b"\x10\x20" * 160, SECOND, 0)
            recording.push(frame.pcm, bytes(320))
        recording.close()


Open = Callable[..., Awaitable[Office]]


@pytest.fixture
async def office(open_office: Open) -> Office:
    """On loopback, asked with the key that was made for it."""
    return await open_office()


@pytest.fixture
async def open_office(tmp_path: Path) -> AsyncIterator[Open]:
    """``await open_office(key=..., answering=True)``: with the search, which takes a moment to open."""
    async with AsyncExitStack() as stack:

        async def opened(key: str = "", *, answering: bool = False) -> Office:
            return await _open(stack, tmp_path, key, answering)

        yield opened


async def _open(stack: AsyncExitStack, folder: Path, key: str, answering: bool) -> Office:
    (folder / "calls_log").mkdir()
    shutil.copytree(HOUSE / "prompts", folder / "prompts")
    (folder / "kb").mkdir()
    for base in ("general.md", "tech.md"):
        shutil.copyfile(HOUSE / "kb" / base, folder / "kb" / base)
    settings = Settings(
        storage=Storage(dir=folder),
        web=Web(api_key=key),  # type: ignore[arg-type]
        kb=Kb(dir=folder / "kb"),
        prompts=Prompts(dir=folder / "prompts"),
    )
    log = await open_log(folder / "calls.sqlite")
    journal = Journal(log, folder / "calls_log", "ru", record=True)
    await stack.enter_async_context(running(journal))
    present = PresentCalls()
    desk = new_desk(settings, lambda: Health(ready=True, version="1"), present.feed)
    desk.calls = await open_past(settings, log, stack)
    live = (await open_answers(settings, stack))[2] if answering else Live(settings, stack)
    desk.live, desk.texts = present, new_texts(live, settings, stack)
    desk.key, desk.local = key or KEPT, not key
    given = {} if key else {"X-API-Key": KEPT}
    client = await stack.enter_async_context(TestClient(TestServer(new_app(desk)), headers=given))
    return Office(client, journal, log, desk, present.feed, folder)
