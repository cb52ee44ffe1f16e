"""Calls that go another way: busy, hung up, transferred, under fire."""

import random
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from bench.daemon import DaemonProcess
from bench.speech import interruption
from bench.wire import Plan, PlanItem, place, run
from telephony import phone
from tests.e2e.conftest import Launch
from tests.e2e.facts import FIRST, path
from tests.telephony.phone_parrot import Parrot

ENDED = "SELECT 1 FROM calls WHERE ended_at IS NOT NULL"
GARBAGE = 10_000


def test_the_second_caller_hears_busy(launch: Launch) -> None:
    daemon = launch({"CALLS__MAX": 1})
    taken, refused = place(Plan(daemon.uri, [[], []], apart_ms=700, hangup_after_s=2))
    assert taken.status == 200
    assert refused.status in {486, 503}
    assert int(refused.retry_after) > 0
    (again,) = place(Plan(daemon.uri, [[]], hangup_after_s=1))
    assert again.status == 200


def test_a_stranger_is_forbidden(launch: Launch) -> None:
    daemon = launch({"SIP__ALLOW": "192.0.2.0/24"})
    (report,) = place(Plan(daemon.uri, [[]], hangup_after_s=1))
    assert report.status == 403
    assert daemon.health()["calls"] == 0


def test_who_is_on_the_block_list_is_not_answered(launch: Launch) -> None:
    daemon = launch({"LIMITS__BLOCK": "caller*"})
    (refused,) = place(Plan(daemon.uri, [[]], user="caller", hangup_after_s=1))
    assert refused.status == 480
    (taken,) = place(Plan(daemon.uri, [[]], user="friend", hangup_after_s=1))
    assert taken.status == 200
    daemon.wait_for(lambda: len(daemon.rows(ENDED)) == 2, 5, "on record")
    causes = daemon.rows("SELECT status, cause FROM calls ORDER BY started_at")
    assert (causes[0]["status"], causes[0]["cause"]) == ("abandoned", "blocked")


@pytest.mark.parametrize("after_s", [0.2, 4.0])
def test_hanging_up_ends_everything_of_the_call_at_once(daemon: DaemonProcess, after_s: float) -> None:
    (first,) = run(Plan(daemon.uri, [[]], hangup_after_s=1))  # what the first call loads may stay
    assert first.status == 200
    daemon.wait_for(lambda: daemon.health()["calls"] == 0, 5, "free of calls")
    before = daemon.health()["tasks"]
    run(Plan(daemon.uri, [[PlanItem(path(FIRST), interrupt_after_s=0.3)]], hangup_after_s=after_s))
    left = time.monotonic()
    daemon.wait_for(lambda: daemon.health()["calls"] == 0, 5, "free of calls")
    assert time.monotonic() - left < 0.25
    daemon.wait_for(lambda: daemon.health()["tasks"] <= before, 2, "back to the tasks of an idle daemon")


def test_hanging_up_at_any_moment_leaves_nothing(daemon: DaemonProcess) -> None:
    """36 callers speak into the greeting and leave 60 ms apart: while listening, thinking, speaking."""
    moments = [1.6 + 0.06 * number for number in range(36)]
    script = [PlanItem(interruption(), interrupt_after_s=0.1)]
    reports = place(Plan(daemon.uri, [script] * len(moments), apart_ms=97, hangup_after_s=moments))
    assert [report.status for report in reports] == [200] * len(moments)
    daemon.wait_for(lambda: daemon.health()["calls"] == 0, 1, "free of calls")
    assert daemon.trouble == []
    daemon.wait_for(lambda: not daemon.rows("SELECT 1 FROM calls WHERE ended_at IS NULL"), 2, "all on record")
    assert {row["status"] for row in daemon.rows("SELECT status FROM calls")} == {"completed"}


@pytest.mark.skipif(not phone.installed(), reason="pjsua2 has no wheel for this Python or machine")
@pytest.mark.parametrize("script", [["--dtmf", "0"], ["--play", path("festival_54")]])
def test_the_operator_is_fetched(launch: Launch, script: list[str]) -> None:
    with Parrot() as operator:
        daemon = launch({"SIP__OPERATOR": operator.uri})
        command = [sys.executable, "-m", "telephony.phone_command", daemon.uri, *script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        assert done.returncode == 0, done.stderr
        assert "ended by: far side" in done.stdout
        assert operator.seen[:2] == ["INVITE", "ACK"]
    daemon.wait_for(lambda: bool(daemon.rows(ENDED)), 5, "on record")
    (call,) = daemon.rows("SELECT * FROM calls")
    assert call["status"] == "transferred"


@pytest.mark.skipif(not phone.installed(), reason="pjsua2 has no wheel for this Python or machine")
def test_another_sip_stack_holds_a_conversation(daemon: DaemonProcess, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "telephony.phone_command",
        daemon.uri,
        "--play",
        path(FIRST),
        "--hangup-after",
        "11",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    daemon.wait_for(lambda: bool(daemon.rows(ENDED)), 5, "on record")
    (turn,) = daemon.rows("SELECT * FROM turns WHERE heard <> ''")
    assert "график" in turn["heard"]
    assert turn["source"] == "general"


def test_garbage_on_every_port_does_not_disturb_a_call(daemon: DaemonProcess) -> None:
    ending = threading.Event()
    sent = 0

    def shoot() -> None:
        nonlocal sent
        daemon.wait_for(lambda: daemon.health()["calls"] == 1, 10, "in a call")
        ports = [c.laddr.port for c in psutil.Process(daemon.pid).net_connections("udp4")]
        chance = random.Random(4475)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gun:
            while sent < GARBAGE and not ending.wait(0.02):
                for _ in range(40):
                    gun.sendto(_garbage(chance), ("127.0.0.1", chance.choice(ports)))
                sent += 40

    shooter = threading.Thread(target=shoot)
    shooter.start()
    try:
        (report,) = place(Plan(daemon.uri, [[PlanItem(path(FIRST))]], user="caller", hangup_after_s=11))
    finally:
        ending.set()
        shooter.join(5)
    assert sent >= GARBAGE
    assert (report.status, report.ended_by, report.lost) == (200, "caller", 0)
    assert report.turns[0]["reply_ms"] < 2000
    daemon.wait_for(lambda: bool(daemon.rows(ENDED)), 5, "on record")
    (turn,) = daemon.rows("SELECT heard FROM turns WHERE heard <> ''")
    assert "график" in turn["heard"]
    assert len(daemon.log.splitlines()) < 40


def _garbage(chance: random.Random) -> bytes:
    """Random bytes, things that begin like SIP, things that begin like RTP of the call's own kind."""
    noise = chance.randbytes(chance.randrange(0, 400))
    head = chance.choice((b"", b"INVITE sip:a@b SIP/2.0\r\nVia: ", b"SIP/2.0 200 OK\r\n", b"\x80\x08", b"\x80\xc8"))
    return head + noise


def test_a_disk_that_is_full_does_not_end_the_call(daemon: DaemonProcess) -> None:
    unlimited = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (96_000, unlimited[1]))
    daemon.expected = "the call log can't be written"
    (report,) = place(Plan(daemon.uri, [[PlanItem(path(FIRST))]], hangup_after_s=12))
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, unlimited)
    assert (report.status, report.ended_by) == (200, "caller")
    assert report.turns[0]["reply_ms"] < 2000
    daemon.wait_for(lambda: bool(daemon.rows(ENDED)), 10, "on record")
    (call,) = daemon.rows("SELECT recording_note FROM calls")
    assert "incomplete" in call["recording_note"]


@pytest.mark.skipif(not phone.installed(), reason="pjsua2 has no wheel for this Python or machine")
def test_a_telephone_number_is_not_kept_where_it_must_not(launch: Launch) -> None:
    daemon = launch({"PRIVACY__REDACT": "true"})
    said = "мой телефон восемь девятьсот двенадцать триста сорок пять шестьдесят семь восемьдесят девять"
    command = [sys.executable, "-m", "agent", "call", daemon.uri, "--say", said]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    daemon.wait_for(lambda: bool(daemon.rows(ENDED)), 5, "on record")
    heard = " ".join(row["heard"] for row in daemon.rows("SELECT heard FROM turns"))
    assert "[телефон]" in heard
    kept = [path for path in (daemon.storage / "calls_log").iterdir() if path.suffix != ".wav"]
    assert [path.suffix for path in kept] == [".txt"]
    for text in (heard, kept[0].read_text(encoding="utf-8")):
        assert not re.search("двенадцать|шестьдесят", text)
