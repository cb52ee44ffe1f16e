"""A restart for an upgrade with calls up: the next process loads, takes the calls over, or is given up."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.asterisk import beside, caller_uri
from bench.live_caller import LiveCallers, wait_for
from bench.speech import wav
from bench.supervisor import Supervised
from tests.asterisk.pbx import Pbx, need

DELIVERY = wav("ru", "espeak-f3_53")
GAP_S = 4.0
"""The bar is 1.5 s (``bench.drills.restart``); the machine of the tests does other things meanwhile."""


@pytest.fixture
def pbx() -> Iterator[Pbx]:
    need("sid")
    with Pbx("sid") as running:
        yield running


@pytest.mark.timeout(120)
@pytest.mark.xdist_group("asterisk-sid")
def test_callers_of_both_lines_go_on_in_the_next_process(pbx: Pbx) -> None:
    with ExitStack() as stack:
        daemon = stack.enter_context(Supervised(beside(pbx)))
        daemon.wait_for(lambda: daemon.health()["lines"] == {"asterisk": "up", "sip": "up"}, 15, "connected")
        through_asterisk = stack.enter_context(LiveCallers(caller_uri(pbx), 3))
        direct = stack.enter_context(LiveCallers(daemon.uri, 2))
        calls = (*through_asterisk.calls, *direct.calls)
        wait_for(lambda: all(call.loud for call in calls), 20, "greeted")
        first = daemon.pid
        ended = daemon.restart()
        wait_for(lambda: all(call.speech_after(ended) is not None for call in calls), 15, "spoken to again")
        gaps = [(call.speech_after(ended) or 0.0) - ended for call in calls]
        assert daemon.pid != first
        assert all(call.side.talking for call in calls)
        assert max(gaps) < GAP_S, gaps
        daemon.wait_for(lambda: daemon.health().get("calls") == len(calls), 10, "serving its page")
        daemon.hear()
        assert daemon.said == [f"MAINPID={daemon.pid}", "BARRIER=1", "READY=1"]
        assert len(daemon.rows("SELECT DISTINCT call_id FROM events WHERE kind = 'adopted'")) == len(calls)
        for call in calls:
            call.leave()
        daemon.wait_for_records()
        records = daemon.rows("SELECT status, cause FROM calls")
        assert [tuple(record.values()) for record in records] == [("completed", "caller")] * len(calls)
        assert daemon.trouble == []
    pbx.emptied(5)


def test_one_that_does_not_come_up_harms_no_call(tmp_path: Path) -> None:
    settings = tmp_path / "allo.toml"
    settings.write_text("[calls]\nmax = 5\n", encoding="utf-8")
    daemon = Supervised()
    daemon.arguments = ("--config", str(settings))
    daemon.expected = "no restart"
    with daemon, LiveCallers(daemon.uri) as callers:
        (call,) = callers.calls
        wait_for(lambda: bool(call.loud), 15, "greeted")
        settings.write_text("[calls]\nmax = many\n", encoding="utf-8")
        first = daemon.pid
        os.kill(first, signal.SIGUSR1)
        daemon.wait_for(lambda: "no restart: the next process ended with status 2" in daemon.log, 20, "given up")
        wait_for(lambda: call.quiet_for() > 0.9, 20, "greeted to the end")
        call.say(DELIVERY)
        wait_for(lambda: not call.saying, 5, "asked")
        daemon.wait_for(lambda: bool(daemon.rows("SELECT 1 FROM turns WHERE heard <> ''")), 10, "on record")
        assert daemon.pid == first
        assert daemon.rows("SELECT 1 FROM events WHERE kind = 'adopted'") == []
        daemon.hear()
        assert [line for line in daemon.said if line.startswith("MAINPID")] == []
        assert [line for line in daemon.trouble if "allo.toml" not in line] == []
