"""OpenTelemetry traces (extra ``traces``): one for each call, a span for each turn, one for each stage of its reply.

Times are those of the caller's audio, counted from the moment the call was answered. No attribute holds a caller's
number or words.
"""

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from agent.errors import StartError
from agent.events import CallAnswered, CallEnded, CallerSaid, CallEvent, CallStarted, Noted, Stage, StageReached
from agent.ports import CallerInfo

try:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import Span, StatusCode, Tracer, set_span_in_context
except ImportError:
    raise StartError(
        "[traces] endpoint needs OpenTelemetry: `.venv/bin/python -m pip install -e '.[traces]'`"
    ) from None

SECOND_NS = 1_000_000_000
WAIT_MS = 3000
"""How long what is left may take at shutdown, milliseconds."""
KEPT = frozenset(
    ["stt", "tts", "llm", "kb", "tool", "stall", "record", "interruption", "resumed", "silence", "transfer"]
)
"""Kinds of notes that become events of the call's span."""


class Spans:
    """An observer of calls that sends their traces to any OTLP endpoint over HTTP, from a thread of its own."""

    def __init__(self, endpoint: str, version: str, now_ns: Callable[[], int] = time.time_ns) -> None:
        """``endpoint``: such as ``http://127.0.0.1:4318/v1/traces``."""
        self._provider = TracerProvider(resource=Resource.create({"service.name": "allo", "service.version": version}))
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=WAIT_MS / 1000))
        )
        self._tracer = self._provider.get_tracer("allo", version)
        self._now_ns = now_ns
        self._calls: dict[str, _CallSpans] = {}

    def observe(self, call_id: str, event: CallEvent) -> None:
        """Take one event of a call (some 20 µs for those that matter)."""
        if isinstance(event, CallStarted):
            self._calls[call_id] = _CallSpans(self._tracer, event.caller, self._now_ns())
        call = self._calls.get(call_id)
        if call is not None:
            call.take(event, self._now_ns())
        if isinstance(event, CallEnded):
            self._calls.pop(call_id, None)

    def close(self) -> None:
        """Send what is left; blocks for ``WAIT_MS`` at most where nobody listens."""
        self._provider.force_flush(WAIT_MS)
        self._provider.shutdown()


class _CallSpans:
    """The trace of one call."""

    def __init__(self, tracer: Tracer, caller: CallerInfo, now_ns: int) -> None:
        self._tracer, self._rate = tracer, caller.rate
        self._answered_ns = now_ns
        self._call = tracer.start_span("call", start_time=now_ns, attributes={"allo.line": caller.line})
        self._turns: dict[int, dict[Stage, int]] = {}

    def take(self, event: CallEvent, now_ns: int) -> None:
        """One event, as it happens."""
        match event:
            case CallAnswered():
                self._answered_ns = now_ns
                self._call.add_event("answered", timestamp=now_ns)
            case CallerSaid(turn, _, _, reached):
                self._turns[turn] = dict(reached)
            case StageReached(turn, stage, position) if turn in self._turns:
                self._turns[turn][stage] = position
                if stage == "heard":
                    self._turn(turn, self._turns.pop(turn))
            case Noted(kind) if kind in KEPT:
                self._call.add_event(kind, timestamp=now_ns)
            case CallEnded(status, cause):
                self._end(status, cause, now_ns)

    def _end(self, status: str, cause: str, now_ns: int) -> None:
        for turn, reached in self._turns.items():
            self._turn(turn, reached)
        self._call.set_attributes({"allo.status": status, "allo.cause": cause})
        if status == "failed":
            self._call.set_status(StatusCode.ERROR, cause)
        self._call.end(now_ns)

    def _turn(self, number: int, reached: Mapping[Stage, int]) -> None:
        """A span from the end of the caller's speech to the last stage, and one from each stage to the next."""
        places = sorted(reached.items(), key=lambda place: place[1])
        if len(places) < 2:
            return
        turn = self._span("turn", self._call, places[0][1], {"allo.turn": number})
        for (_, begin), (stage, end) in pairwise(places):
            self._span(stage, turn, begin, {}).end(self._ns(end))
        turn.end(self._ns(places[-1][1]))

    def _span(self, name: str, parent: Span, begin: int, attributes: dict[str, Any]) -> Span:
        within = set_span_in_context(parent)
        return self._tracer.start_span(name, within, start_time=self._ns(begin), attributes=attributes)

    def _ns(self, position: int) -> int:
        return self._answered_ns + position * SECOND_NS // self._rate
