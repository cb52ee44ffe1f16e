"""Figures for a Prometheus (text format 0.0.4): counted as events pass by, written down when somebody asks.

No label ever holds a number, a word or an id of a caller.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

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
from agent.figures.engine_meters import EngineMeters
from agent.figures.modem_meters import ModemMeters
from agent.ports import CallerInfo, Health

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
STAGE_S = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Upper bounds of the stages' buckets, seconds; close where our bars are (0.35 and 0.6)."""
DELAY_S = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Upper bounds of the event loop's delays, seconds; our bar is a frame, 0.02."""
CALL_S = (5, 15, 30, 60, 120, 300, 600, 1800, 3600)
"""Upper bounds of the calls' buckets, seconds."""
TOLD = frozenset(["paused", "resumed", "interruption", "silence", "transfer"])
"""What is noted of a conversation and counted; keys and texts are not."""
ENDS = ("completed", "transferred", "failed", "abandoned")
"""How calls end; see ``agent.events.CallEnded``."""
FAILED = frozenset(["stt", "tts", "llm", "kb", "tool", "stall", "record"])
"""Codes of ``agent.errors`` that name who failed."""

SUSPECTS = ("fax", "recording", "loop", "answering machine", "silent")
"""What callers are taken for; see ``agent.machines``."""


class _Present:
    """A call in progress."""

    __slots__ = ("begins", "caller")

    def __init__(self, caller: CallerInfo) -> None:
        self.caller = caller
        self.begins: dict[int, int] = {}
        """Turn -> where the caller's speech ended, samples; only the newest."""


class Meters:
    """An observer of calls that keeps nothing but sums."""

    def __init__(self, storage: Path) -> None:
        """``storage``: the folder whose disk is watched."""
        self._storage = storage
        self._calls: dict[str, _Present] = {}
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._ended = Counter("allo_calls", "Calls that ended", ["line", "status"], registry=registry)
        self._answered = Counter("allo_calls_answered", "Calls that were answered", ["line"], registry=registry)
        self._stages = Histogram(
            "allo_stage_seconds",
            "From the end of the caller's speech to each stage of the reply, seconds of audio",
            ["stage"],
            buckets=STAGE_S,
            registry=registry,
        )
        self._turns = Counter("allo_turns", "Turns of callers that were understood", registry=registry)
        self._speeches = Counter("allo_agent_speeches", "Speeches of the agent", ["source", "cut"], registry=registry)
        self._noted = Counter(
            "allo_conversation_events", "Pauses, interruptions, resumptions", ["kind"], registry=registry
        )
        self._guesses = Counter("allo_guessed_replies", "Replies begun on a guess", ["outcome"], registry=registry)
        self._suspects = Counter("allo_suspect_calls", "Machines and silent callers", ["kind"], registry=registry)
        self._failures = Counter("allo_engine_failures", "Failures that a call met", ["engine"], registry=registry)
        self._adopted = Counter(
            "allo_calls_left",
            "What became of calls that an earlier process left",
            ["outcome"],
            registry=registry,
        )
        self._begin_at_nought()
        self._delays = Histogram(
            "allo_event_loop_delay_seconds",
            "Delays of the event loop, ten a second",
            buckets=DELAY_S,
            registry=registry,
        )
        self.delayed = self._delays.observe
        """Takes a delay of the event loop, seconds."""
        gauges = (
            ("allo_calls_in_progress", "Calls now"),
            ("allo_ready", "1: calls are answered"),
            ("allo_event_loop_lag_seconds", "Longest delay of the event loop in ten seconds"),
            ("allo_tasks", "asyncio tasks"),
            ("allo_processors", "Processors of this machine"),
            ("allo_disk_free_bytes", "Free space where records are written"),
            ("allo_records_waiting", "Entries of the call log that the disk does not take now"),
            ("allo_records_refused", "1: the disk takes no records"),
            ("allo_answer_cache_hits", "Questions answered from the cache since the start"),
            ("allo_answer_cache_misses", "Questions that the cache did not know since the start"),
        )
        self._gauges = {name: Gauge(name, what, registry=registry) for name, what in gauges}
        self.engines, self.modems = EngineMeters(registry), ModemMeters(registry)
        engine = ["engine"]
        self._money = Gauge("allo_engine_cost_today", "Money of today, in costs.currency", engine, registry=registry)
        self._spent = Gauge("allo_engine_limit_used", "Part of today's limit, 1: all", engine, registry=registry)
        self._lines = Gauge("allo_line_up", "1: the line takes calls", ["line"], registry=registry)

    def _begin_at_nought(self) -> None:
        """What is known to happen is told from the start on: a Prometheus sees no increase in what begins at 1."""
        kinds: tuple[tuple[Counter, Iterable[str]], ...] = (
            (self._noted, TOLD),
            (self._failures, FAILED),
            (self._guesses, ("hit", "miss")),
            (self._suspects, SUSPECTS),
            (self._adopted, ("adopted", "lost")),
        )
        for counter, names in kinds:
            for name in names:
                counter.labels(name)

    def observe(self, call_id: str, event: CallEvent) -> None:
        """Count an event (a microsecond or two)."""
        if isinstance(event, CallStarted):
            self._calls[call_id] = _Present(event.caller)
            return
        call = self._calls.get(call_id)
        if call is not None:
            self._count(call_id, call, event)

    def lost(self) -> None:
        """The leg of a call that an earlier process left was gone."""
        self._adopted.labels("lost").inc()

    def page(self, health: Health) -> bytes:
        """All figures as they are now."""
        cache = health.answers.get("cache")
        kept = cache if isinstance(cache, dict) else {}
        values: tuple[tuple[str, Any], ...] = (
            ("allo_calls_in_progress", health.calls),
            ("allo_ready", health.ready),
            ("allo_event_loop_lag_seconds", health.loop_lag_ms / 1000),
            ("allo_tasks", health.tasks),
            ("allo_processors", os.cpu_count() or 1),
            ("allo_disk_free_bytes", self._free()),
            ("allo_records_waiting", health.records.get("waiting", 0)),
            ("allo_records_refused", bool(health.records)),
            ("allo_answer_cache_hits", kept.get("hits", 0)),
            ("allo_answer_cache_misses", kept.get("misses", 0)),
        )
        for name, value in values:
            self._gauges[name].set(float(value))
        self.engines.look()
        self.modems.look()
        costs = health.answers.get("costs")
        for engine, figures in (costs if isinstance(costs, dict) else {}).items():
            self._money.labels(engine).set(figures["money"])
            self._spent.labels(engine).set(figures["part"])
        for line, state in health.lines.items():
            self._lines.labels(line).set(float(state.startswith("up")))
            for end in ENDS:  # as in ``_begin_at_nought``
                self._ended.labels(line, end)
        return generate_latest(self._registry)

    def _count(self, call_id: str, call: _Present, event: CallEvent) -> None:
        match event:
            case CallAnswered():
                self._answered.labels(call.caller.line).inc()
            case CallerSaid(turn, _, _, reached):
                self._turns.inc()
                call.begins = {turn: reached["speech_end"]} if "speech_end" in reached else {}
                for stage, position in reached.items():
                    self._stage(call, turn, stage, position)
            case StageReached(turn, stage, position):
                self._stage(call, turn, stage, position)
            case AgentSaid():
                self._speeches.labels(event.source or "none", "yes" if event.cut else "no").inc()
            case Noted(kind, detail):
                self._note(kind, detail)
            case CallEnded(status):
                self._ended.labels(call.caller.line, status).inc()
                del self._calls[call_id]

    def _stage(self, call: _Present, turn: int, stage: Stage, position: int) -> None:
        begin = call.begins.get(turn)
        if begin is not None and stage != "speech_end":
            self._stages.labels(stage).observe(max(position - begin, 0) / call.caller.rate)

    def _note(self, kind: str, detail: str) -> None:
        if kind == "adopted":
            self._adopted.labels(kind).inc()
        elif kind == "speculation":
            self._guesses.labels(detail.split(maxsplit=1)[0]).inc()
        elif kind == "suspect":
            self._suspects.labels(detail).inc()
        elif kind in TOLD:
            self._noted.labels(kind).inc()
        elif kind in FAILED:
            self._failures.labels(kind).inc()

    def _free(self) -> int:
        try:
            return shutil.disk_usage(self._storage).free
        except OSError:
            return 0
