"""Traces as an OTLP endpoint receives them: a real HTTP server, the protocol's own messages."""

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agent.events import CallAnswered, CallEnded, CallerSaid, CallEvent, CallStarted, Noted, StageReached
from agent.figures.spans import SECOND_NS, WAIT_MS, Spans
from agent.ports import CallerInfo

CALLER = CallerInfo("one", "sip", "+79161234567", "100", 8000)
BEGAN = 1_700_000_000 * SECOND_NS
A_CALL: tuple[CallEvent, ...] = (
    CallStarted(CALLER),
    CallAnswered(),
    CallerSaid(1, "сколько стоит пресс", 8000, {"speech_end": 16_000, "turn_end": 17_920}),
    StageReached(1, "first_packet", 18_400),
    StageReached(1, "heard", 40_000),
    Noted("interruption"),
    Noted("dtmf", "7"),
    CallerSaid(2, "спасибо", 48_000, {"speech_end": 56_000, "turn_end": 57_920}),
    CallEnded("failed", "tts"),
)


class Collector(HTTPServer):
    """Takes what is sent to ``/v1/traces``."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Taker)

    @property
    def spans(self) -> list[Span]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for one in requests
            for part in one.resource_spans
            for scope in part.scope_spans
            for span in scope.spans
        ]


class _Taker(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def sent(collector: Collector) -> dict[str, list[Span]]:
    spans = Spans(f"http://127.0.0.1:{collector.server_port}/v1/traces", "1", now_ns=lambda: BEGAN)
    for event in A_CALL:
        spans.observe("one", event)
    spans.close()
    named: dict[str, list[Span]] = {}
    for span in collector.spans:
        named.setdefault(span.name, []).append(span)
    return named


def test_a_call_is_a_trace_of_turns_and_stages(collector: Collector) -> None:
    named = sent(collector)
    (call,) = named["call"]
    assert len({span.trace_id for spans in named.values() for span in spans}) == 1
    assert {span.parent_span_id for span in named["turn"]} == {call.span_id}
    assert [event.name for event in call.events] == ["answered", "interruption"]
    assert call.status.code == call.status.STATUS_CODE_ERROR
    assert len(named["turn"]) == 2
    first = named["turn"][0].span_id
    inside = [span.name for spans in named.values() for span in spans if span.parent_span_id == first]
    assert inside == ["turn_end", "first_packet", "heard"]


def test_times_are_those_of_the_audio(collector: Collector) -> None:
    named = sent(collector)
    turn, packet = named["turn"][0], named["first_packet"][0]
    assert turn.start_time_unix_nano == BEGAN + 2 * SECOND_NS
    assert turn.end_time_unix_nano == BEGAN + 5 * SECOND_NS
    assert packet.end_time_unix_nano - packet.start_time_unix_nano == 60_000_000


def test_nothing_tells_of_the_caller(collector: Collector) -> None:
    sent(collector)
    assert collector.bodies
    for body in collector.bodies:
        assert b"79161234567" not in body
        assert "пресс".encode() not in body


def test_an_endpoint_that_is_gone_stops_nobody() -> None:
    spans = Spans("http://127.0.0.1:9/v1/traces", "1")
    for event in A_CALL:
        spans.observe("one", event)
    began = time.monotonic()
    spans.close()
    assert time.monotonic() - began < 3 * WAIT_MS / 1000
