"""The phone as a process against a far side whose times are known."""

import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from bench.wire import Plan, PlanItem, place
from telephony import phone
from tests.telephony.phone_parrot import Parrot

SPEECH = "tests/speech/ru/domain/espeak-f3_25.wav"

needs_pjsua2 = pytest.mark.skipif(not phone.installed(), reason="pjsua2 has no wheel for this Python or machine")


def call(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "telephony.phone_command", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@needs_pjsua2
@pytest.mark.timeout(60)
def test_measures_what_the_far_side_did(tmp_path: Path) -> None:
    figures, record = tmp_path / "call.json", tmp_path / "call.wav"
    with Parrot(reply_ms=300, greet_after_ms=100, stop_after_ms=160) as far:
        done = call(far.uri, "--play", SPEECH, "--interrupt", SPEECH, "--json", str(figures), "--record", str(record))
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(figures.read_text())
    say, cut_in = report["turns"]
    assert (say["kind"], cut_in["kind"]) == ("say", "interrupt")
    assert report["answer_ms"] < 200
    assert 90 < report["greeting_ms"] < 300
    assert 280 < say["reply_ms"] < 450
    assert 140 < cut_in["stop_ms"] < 400
    assert report["ended_by"] == "phone"
    assert far.seen == ["INVITE", "ACK", "BYE"]
    with wave.open(str(record)) as wav:
        assert (wav.getnchannels(), wav.getframerate()) == (2, 8000)
        assert abs(wav.getnframes() / 8000 - report["duration_s"]) < 0.1
    assert "ended by: phone" in done.stdout


@needs_pjsua2
def test_a_refusal_is_told(tmp_path: Path) -> None:
    figures = tmp_path / "call.json"
    with Parrot(refuse="486 Busy Here") as far:
        done = call(far.uri, "--json", str(figures))
    assert done.returncode == 1
    assert json.loads(figures.read_text())["ended_by"].startswith("486")


@pytest.mark.timeout(60)
def test_the_load_caller_measures_the_same() -> None:
    with Parrot(reply_ms=300, greet_after_ms=100, stop_after_ms=160) as far:
        (report,) = place(Plan(far.uri, [[PlanItem(SPEECH), PlanItem(SPEECH, interrupt_after_s=1.0)]]))
    assert report.status == 200
    assert report.answer_ms is not None
    assert report.answer_ms < 100
    assert report.greeting_ms is not None
    assert 95 < report.greeting_ms < 160
    say, cut_in = report.turns
    assert 300 <= say["reply_ms"] < 380
    assert 140 < cut_in["stop_ms"] < 280
    assert (report.lost, report.ended_by) == (0, "caller")
    assert report.packets > 100
    assert max(report.gaps_ms) < 200
