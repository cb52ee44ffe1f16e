"""The whole house behind a real Asterisk: phone -> PJSIP -> Stasis -> daemon."""

import re
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.asterisk import NUMBER, behind, caller_uri
from bench.daemon import DaemonProcess
from bench.speech import interruption
from bench.wire import Plan, PlanItem, place
from telephony import phone
from tests.asterisk.install import SUITES
from tests.asterisk.pbx import Pbx, need
from tests.e2e.caller import Caller
from tests.e2e.conftest import Launch
from tests.e2e.facts import FIRST, RUSSIAN, path

OPERATOR_HZ = 1004

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(90)]


@pytest.fixture(scope="module", params=SUITES)
def pbx(request: pytest.FixtureRequest) -> Iterator[Pbx]:
    need(str(request.param))
    with Pbx(str(request.param)) as running:
        yield running


def connected(launch: Launch, pbx: Pbx) -> DaemonProcess:
    daemon = launch(behind(pbx))
    daemon.wait_for(lambda: daemon.health()["lines"] == {"asterisk": "up"}, 15, "connected to Asterisk")
    return daemon


def empty(daemon: DaemonProcess, pbx: Pbx) -> None:
    """No call, and nothing of one left in Asterisk."""
    daemon.wait_for_records()
    daemon.wait_for(lambda: pbx.channels() == 0 and pbx.bridges() == 0, 5, "gone from Asterisk")


def test_a_question_is_answered_and_an_answer_interrupted(launch: Launch, pbx: Pbx) -> None:
    daemon = connected(launch, pbx)
    script = [PlanItem(path(FIRST)), PlanItem(interruption(), interrupt_after_s=1.0)]
    (report,) = place(Plan(caller_uri(pbx), [script]))
    assert (report.status, report.ended_by) == (200, "caller")
    asked, cut_in = report.turns
    assert asked["reply_ms"] < 2000
    assert cut_in["kind"] == "interrupt"
    assert cut_in["stop_ms"] < 800
    empty(daemon, pbx)
    (call,) = daemon.rows("SELECT * FROM calls")
    assert (call["line"], call["called"], call["status"]) == ("asterisk", NUMBER, "completed")
    first, *_ = daemon.rows("SELECT * FROM turns WHERE heard <> '' ORDER BY n")
    assert re.search(RUSSIAN[FIRST], first["said"])
    assert (first["source"], first["cut"]) == ("general", 1)


@pytest.mark.skipif(not phone.installed(), reason="pjsua2 has no wheel for this Python or machine")
def test_key_0_rings_the_operator(launch: Launch, pbx: Pbx, tmp_path: Path) -> None:
    daemon = connected(launch, pbx)
    record = tmp_path / "call.wav"
    words = [caller_uri(pbx), "--dtmf", "0", "--hangup-after", "14", "--record", str(record)]
    command = [sys.executable, "-m", "telephony.phone_command", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    empty(daemon, pbx)
    assert loudest_hz(record) == pytest.approx(OPERATOR_HZ, abs=4)
    (call,) = daemon.rows("SELECT status FROM calls")
    assert call["status"] == "transferred"


def test_without_a_daemon_the_operator_is_rung(pbx: Pbx) -> None:
    (report,) = place(Plan(caller_uri(pbx), [[]], hangup_after_s=1))
    assert report.status == 200
    assert report.greeting_ms is not None
    assert report.greeting_ms < 500


def test_a_call_outlives_a_killed_daemon(launch: Launch, pbx: Pbx) -> None:
    daemon = connected(launch, pbx)
    caller = Caller(Plan(caller_uri(pbx), [[]], hangup_after_s=15))
    daemon.wait_for(lambda: bool(daemon.rows("SELECT 1 FROM calls WHERE answered_at <> ''")), 10, "in a call")
    daemon.kill()
    again = connected(launch, pbx)
    again.wait_for(lambda: bool(again.rows("SELECT 1 FROM turns WHERE said_heard <> ''")), 12, "greeting anew")
    assert caller.report().ended_by == "caller"
    empty(again, pbx)


def loudest_hz(record: Path) -> float:
    """Strongest frequency in the last second that was heard."""
    with wave.open(str(record)) as wav:
        pairs = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
    heard = pairs[-wav.getframerate() :, 1].astype(np.float64)
    strongest = int(np.argmax(np.abs(np.fft.rfft(heard))))
    return strongest * float(wav.getframerate()) / heard.size
