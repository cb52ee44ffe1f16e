"""A call of the real daemon, lived again by ``allo replay``."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.daemon import DaemonProcess
from bench.speech import interruption
from bench.wire import Plan, PlanItem, place
from tests.e2e.facts import FIRST, TECHNICAL, path


def allo(daemon: DaemonProcess, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command, with the daemon's own settings."""
    command = [sys.executable, "-m", "agent", *arguments]
    environment = {**daemon.environment, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


@pytest.fixture
def call_id(daemon: DaemonProcess) -> str:
    """A call with two questions, an interruption and a key, on record."""
    script = [
        PlanItem(path(FIRST)),
        PlanItem(interruption(), interrupt_after_s=1.0),
        PlanItem(path(next(iter(TECHNICAL)))),
    ]
    place(Plan(daemon.uri, [script], hangup_after_s=25), timeout_s=55)
    daemon.wait_for_records()
    daemon.wait_for(lambda: bool(daemon.rows("SELECT 1 FROM calls WHERE ended_at IS NOT NULL")), 5, "on record")
    (row,) = daemon.rows("SELECT id FROM calls")
    return str(row["id"])


def todays_engines_hear_the_same_words_twice(daemon: DaemonProcess, call_id: str, tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for kept in (first, second):
        done = allo(daemon, "replay", call_id, "--engines", "today", "--save", str(kept))
        assert done.returncode in (0, 1), done.stderr
    rows = [json.loads(line) for line in first.read_text(encoding="utf-8").splitlines()[1:]]
    heard = [row[3]["text"] for row in rows if row[1:3] == ["event", "CallerSaid"]]
    then = daemon.rows("SELECT heard FROM turns WHERE n > 0 ORDER BY n")

    assert heard == [row["heard"] for row in then]
    assert first.read_text(encoding="utf-8") == second.read_text(encoding="utf-8")


def test_a_call_makes_the_same_decisions_again(daemon: DaemonProcess, call_id: str, tmp_path: Path) -> None:
    kept = tmp_path / "trace.jsonl"
    recorded = allo(daemon, "replay", call_id[:10], "--save", str(kept))

    assert recorded.returncode == 0, recorded.stdout + recorded.stderr
    assert "the same, bit for bit" in recorded.stdout
    speed = re.search(r"(\d+) x real time", recorded.stdout)
    assert speed is not None
    assert int(speed[1]) >= 30
    rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    decisions = [row[2] for row in rows[1:] if row[1] == "decision"]
    assert "Interruption" in decisions
    assert decisions.count("EndOfTurn") >= 2

    todays_engines_hear_the_same_words_twice(daemon, call_id, tmp_path)


def test_what_can_not_be_replayed_is_named(daemon: DaemonProcess, tmp_path: Path) -> None:
    text = tmp_path / "call.wav"
    text.write_text("no audio", encoding="utf-8")

    for arguments, fault in (((str(text),), "not a PCM WAV file"), (("nobody",), "no such call")):
        done = allo(daemon, "replay", *arguments)
        assert done.returncode == 2
        assert fault in done.stderr
