"""Calls in progress for those who watch: made of the events of each call and of its trace.

Nobody waits for a watcher: news is written once, put into each one's queue, and whoever is too slow is let go
(and comes back to the whole picture).
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from agent.events import (
    AgentSaid,
    CallAnswered,
    CallEnded,
    CallerSaid,
    CallEvent,
    CallStarted,
    Noted,
    Stage,
    StageReached,
)
from agent.ports import CallerInfo
from agent.trace import Note

QUEUE = 2000
"""News that a watcher may be behind."""
BEAT_S = 15.0
"""An empty text after this long without news, seconds."""
LINES_MOST = 400
"""Lines of a dialogue that are kept for the live view."""

State = Literal["rings", "listens", "hears", "thinks", "speaks"]


@dataclass(slots=True)
class LiveCall:
    """What a watcher is shown of a call."""

    id: str
    line: str
    number: str
    called: str
    started_at: str
    state: State = "rings"
    partial: str = ""
    """What is understood so far of the words that are being said."""
    latency_ms: int | None = None
    """From the caller's last sound to the first of the newest reply, milliseconds."""
    lines: list[dict[str, Any]] = field(default_factory=list)
    """The dialogue: ``who``, ``text``, ``heard`` (None while it is being said), ``cut``, ``source``, ``turn``."""


@dataclass(slots=True)
class _Followed:
    """A call and what of it is not shown yet."""

    call: LiveCall
    rate: int
    speech_end: dict[int, int] = field(default_factory=dict)
    drafted: list[dict[str, Any]] = field(default_factory=list)
    """Sentences of a reply that has not begun to sound."""
    turn: int = 0
    sounding: bool = False
    """A reply has begun to sound: its next sentences are shown at once."""


class Feed:
    """Observes calls; a watcher gets all of them and then each change."""

    def __init__(self) -> None:
        """Nobody watches yet."""
        self._calls: dict[str, _Followed] = {}
        self._watchers: set[asyncio.Queue[str | None]] = set()

    def observe(self, call_id: str, event: CallEvent) -> None:
        """Take one event of a call."""
        if isinstance(event, CallStarted):
            self._begin(event.caller)
        followed = self._calls.get(call_id)
        if followed is None:
            return
        match event:
            case CallAnswered():
                self._set(followed, state="speaks")
            case CallerSaid():
                self._caller_said(followed, event)
            case StageReached(turn, stage, position):
                self._reached(followed, turn, stage, position)
            case AgentSaid():
                self._agent_said(followed, event)
            case Noted(kind, detail):
                self._noted(followed, kind, detail)
            case CallEnded(status, cause):
                del self._calls[call_id]
                self._tell({"id": call_id, "ended": {"status": status, "cause": cause}})

    def tapped(self, call_id: str, inner: Callable[[Note], None] | None) -> Callable[[Note], None]:
        """Takes a call's trace on its way to ``inner``."""

        def push(note: Note) -> None:
            if inner is not None:
                inner(note)
            if isinstance(note, list) and note[1] in ("partial", "answer"):
                self._trace(call_id, note)

        return push

    async def watch(self) -> AsyncGenerator[str, None]:
        """JSON texts; see ``gateways.desk.Live``."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(QUEUE)
        self._watchers.add(queue)
        try:
            yield _json({"calls": [asdict(followed.call) for followed in self._calls.values()]})
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), BEAT_S)
                except TimeoutError:
                    text = ""
                if text is None:
                    return
                yield text
        finally:
            self._watchers.discard(queue)

    def close(self) -> None:
        """Let every watcher go."""
        for queue in list(self._watchers):
            self._let_go(queue)

    def _begin(self, caller: CallerInfo) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        call = LiveCall(caller.call_id, caller.line, caller.number, caller.called, now)
        self._calls[caller.call_id] = _Followed(call, caller.rate)
        self._tell({"id": call.id, "call": asdict(call)})

    def _caller_said(self, followed: _Followed, event: CallerSaid) -> None:
        followed.speech_end[event.turn] = event.reached.get("speech_end", event.position)
        followed.turn, followed.sounding = event.turn, False
        self._add(followed, who="caller", turn=event.turn, text=event.text, heard=event.text)
        self._set(followed, state="thinks", partial="")

    def _reached(self, followed: _Followed, turn: int, stage: Stage, position: int) -> None:
        if stage != "first_packet":
            return
        followed.sounding = True
        begun = followed.speech_end.get(turn, position)
        self._set(followed, state="speaks", latency_ms=(position - begun) * 1000 // followed.rate)
        for sentence in followed.drafted:
            self._say(followed, sentence)
        followed.drafted.clear()

    def _agent_said(self, followed: _Followed, event: AgentSaid) -> None:
        followed.drafted.clear()
        followed.sounding = False
        lines = followed.call.lines
        open_line = lines[-1] if lines and lines[-1]["heard"] is None else None
        told = {"text": event.said, "heard": event.heard, "cut": event.cut, "source": event.source}
        if open_line is not None:
            open_line |= told
            self._tell({"id": followed.call.id, "at": len(lines) - 1, "said": open_line})
        elif event.said:
            self._add(followed, who="agent", turn=event.turn, **told)
        if followed.call.state != "hears":
            self._set(followed, state="listens")

    def _noted(self, followed: _Followed, kind: str, detail: str) -> None:
        if kind == "speculation" and detail.startswith("miss"):
            followed.drafted.clear()
        elif kind in ("paused", "interruption"):
            self._set(followed, state="hears")
        elif kind == "resumed":
            self._set(followed, state="speaks")

    def _trace(self, call_id: str, note: list[Any]) -> None:
        followed = self._calls.get(call_id)
        if followed is None:
            return
        if note[1] == "partial":
            if note[2] and note[2] != followed.call.partial:
                self._set(followed, partial=note[2], state="hears")
        elif note[3] == "says" and note[4]["text"]:
            if followed.sounding:
                self._say(followed, note[4])
            else:
                followed.drafted.append(note[4])

    def _say(self, followed: _Followed, sentence: dict[str, Any]) -> None:
        lines = followed.call.lines
        if lines and lines[-1]["heard"] is None:
            lines[-1]["text"] += " " + sentence["text"]
            self._tell({"id": followed.call.id, "at": len(lines) - 1, "said": lines[-1]})
        else:
            source = sentence["source"]
            self._add(followed, who="agent", turn=followed.turn, text=sentence["text"], heard=None, source=source)

    def _add(self, followed: _Followed, **line: Any) -> None:
        lines = followed.call.lines
        if len(lines) < LINES_MOST:
            lines.append({"cut": False, "source": "", **line})
            self._tell({"id": followed.call.id, "at": len(lines) - 1, "said": lines[-1]})

    def _set(self, followed: _Followed, **changed: Any) -> None:
        for name, value in changed.items():
            setattr(followed.call, name, value)
        self._tell({"id": followed.call.id, "set": changed})

    def _tell(self, news: dict[str, Any]) -> None:
        if not self._watchers:
            return
        text = _json(news)
        for queue in list(self._watchers):
            try:
                queue.put_nowait(text)
            except asyncio.QueueFull:
                self._let_go(queue)

    def _let_go(self, queue: asyncio.Queue[str | None]) -> None:
        self._watchers.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)


def _json(news: dict[str, Any]) -> str:
    return json.dumps(news, ensure_ascii=False, separators=(",", ":"))
