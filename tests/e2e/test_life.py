"""Starting, stopping and being killed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from agent.settings import HOUSE
from bench.daemon import DaemonProcess
from bench.speech import interruption
from bench.wire import Plan, PlanItem, place
from tests import prometheus
from tests.e2e.caller import Caller
from tests.e2e.conftest import Launch
from tests.e2e.facts import FIRST, path


def refused_start(settings: dict[str, object], storage: Path) -> tuple[int, str]:
    """Exit status and last words of a daemon that can't start."""
    daemon = DaemonProcess(settings, storage=storage)
    daemon.launch()
    assert daemon.process is not None
    try:
        return daemon.process.wait(20), daemon.log
    finally:
        daemon.kill()


def test_health_tells_what_runs(daemon: DaemonProcess) -> None:
    health = daemon.health()
    assert health["http"] == 200
    assert health["ready"] is True
    assert health["calls"] == 0
    assert health["lines"] == {"sip": "up"}
    assert {"stt", "tts", "llm"} <= set(health["engines"])
    assert health["version"]


@pytest.mark.parametrize("section", ["SIP", "WEB"])
def test_a_port_in_use_is_named(daemon: DaemonProcess, tmp_path: Path, section: str) -> None:
    port = daemon.sip_port if section == "SIP" else daemon.web_port
    status, said = refused_start({f"{section}__PORT": port}, tmp_path)
    assert status not in {0, -signal.SIGABRT}
    assert f":{port}" in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"SIP__PROT": 5070}, "[sip] prot"),
        ({"SIPP__PORT": 5070}, "ALLO_SIPP__PORT"),
        ({"SIP__PORT": "many"}, "[sip] port"),
        ({"KB__DIR": "/nonexistent"}, "/nonexistent"),
        ({"PROMPTS__DIR": "/nonexistent"}, "/nonexistent"),
        ({"STT__MODEL": "/nonexistent"}, "/nonexistent"),
        ({"STORAGE__DIR": "/proc/nowhere"}, "/proc/nowhere"),
    ],
)
def test_what_can_not_be_used_is_named_in_one_line(settings: dict[str, object], named: str, tmp_path: Path) -> None:
    status, said = refused_start(settings, tmp_path)
    assert status > 0
    assert named in said
    assert len(said.strip().splitlines()) == 1


def test_sigterm_lets_a_call_finish_and_takes_no_new_one(launch: Launch) -> None:
    daemon = launch({"SHUTDOWN__GRACE_S": 20})
    caller = Caller(Plan(daemon.uri, [[PlanItem(path(FIRST))]], user="caller", hangup_after_s=12))
    daemon.wait_for(lambda: daemon.health().get("calls") == 1, 10, "in a call")
    os.kill(daemon.pid, signal.SIGTERM)
    daemon.wait_for(lambda: daemon.health().get("http") == 503, 5, "closing")
    (late,) = place(Plan(daemon.uri, [[]], hangup_after_s=1))
    assert late.status == 503
    assert int(late.retry_after) > 0
    report = caller.report()
    assert report.ended_by == "caller"
    assert report.turns[0]["reply_ms"] is not None
    assert daemon.stop(10) == 0
    (call,) = daemon.rows("SELECT * FROM calls WHERE number = 'caller0'")
    assert call["status"] == "completed"


def test_after_the_grace_a_call_hears_goodbye(launch: Launch) -> None:
    daemon = launch({"SHUTDOWN__GRACE_S": 1})
    caller = Caller(Plan(daemon.uri, [[]], hangup_after_s=40))
    daemon.wait_for(lambda: daemon.health().get("calls") == 1, 10, "in a call")
    asked = time.monotonic()
    assert daemon.stop(20) == 0
    assert 1.0 <= time.monotonic() - asked < 12
    assert caller.report().ended_by == "far side"
    (call,) = daemon.rows("SELECT * FROM calls")
    assert call["ended_at"]


@pytest.mark.timeout(90)
def test_a_killed_daemon_loses_at_most_the_turn_in_progress(launch: Launch, tmp_path: Path) -> None:
    storage = tmp_path / "var"
    daemon = launch(storage=storage)
    turns = "SELECT * FROM turns WHERE said_heard <> '' AND heard <> ''"
    script = [PlanItem(path(FIRST)), PlanItem(interruption(), interrupt_after_s=1.0)]
    caller = Caller(Plan(daemon.uri, [script], hangup_after_s=16))
    daemon.wait_for(lambda: bool(daemon.rows(turns)), 30, "through the first turn")
    daemon.kill()
    again = launch(storage=storage)
    again.wait_for_records()
    (call,) = again.rows("SELECT * FROM calls")
    assert (call["status"], call["cause"]) == ("failed", "daemon stopped")
    assert call["ended_at"]
    (turn, *_) = again.rows(turns)
    assert "график" in turn["heard"]
    assert caller.report().ended_by == "far side", "the new daemon listens on another port: it can only say goodbye"


def test_systemd_is_told_how_the_daemon_is(launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        daemon = launch()
        told = [manager.recv(100).decode()]
        while told[-1] != "READY=1":
            told.append(manager.recv(100).decode())
        assert manager.recv(100) == b"WATCHDOG=1"
        daemon.stop()
        while told[-1] != "STOPPING=1":
            told.append(manager.recv(100).decode())


def test_sighup_tells_what_a_changed_file_comes_to(tmp_path: Path) -> None:
    file = tmp_path / "allo.toml"
    file.write_text("", encoding="utf-8")
    daemon = DaemonProcess(storage=tmp_path)
    daemon.arguments = ("--config", str(file))
    with daemon:
        file.write_text("[kb]\ntop_k = 2\n[calls]\nmax = 7\n", encoding="utf-8")
        os.kill(daemon.pid, signal.SIGHUP)
        daemon.wait_for(lambda: "after a restart only: calls.max\n" in daemon.log, 5, "told what waits")
        file.write_text('[calls]\nmax = "many"\n', encoding="utf-8")
        os.kill(daemon.pid, signal.SIGHUP)
        daemon.wait_for(lambda: "the settings of before stay in use" in daemon.log, 5, "told what is wrong")
        assert "[calls] max" in daemon.log
        assert daemon.health()["ready"] is True


ABSENT = "gpu_|modem_|limit_used|engine_queue|engine_failing"
"""What the house of this test has none of: cards, modems, limits, worker processes, a chain of engines."""


@pytest.mark.skipif(not prometheus.program("prometheus"), reason=prometheus.MISSING)
def test_a_prometheus_reads_the_figures(daemon: DaemonProcess, tmp_path: Path) -> None:
    (report,) = place(Plan(daemon.uri, [[PlanItem(path(FIRST))]], user="caller"))
    assert report.turns[0]["reply_ms"] is not None
    with prometheus.scraping(f"127.0.0.1:{daemon.web_port}", tmp_path) as address:
        assert prometheus.ask(address, 'allo_calls_total{line="sip"} > 0') == 1
        assert prometheus.ask(address, 'up{job="allo"}') == 1
        assert 0 < prometheus.ask(address, 'allo_stage_seconds_sum{stage="first_packet"}') < 5
        board = json.loads((HOUSE / "docs/monitoring/grafana.json").read_text(encoding="utf-8"))
        asked_for = {target["expr"] for panel in board["panels"] for target in panel["targets"]}
        asked_for = {expr for expr in asked_for if not re.search(ABSENT, expr)}
        for expr in asked_for:  # as Grafana asks: a panel that finds no series is empty for ever
            prometheus.ask(address, expr.replace("$__rate_interval", "10s").replace("[1h]", "[10s]"))
        assert len(asked_for) > 22
    with urllib.request.urlopen(f"http://127.0.0.1:{daemon.web_port}/metrics", timeout=5) as page:
        told = set(re.findall(r"^# TYPE (\w+)", page.read().decode(), re.MULTILINE))
    for file in ("grafana.json", "alerts.yml"):
        text = (HOUSE / "docs/monitoring" / file).read_text(encoding="utf-8")
        asked = set(re.findall(r"\b(?:allo|process)_[a-z_]+\b", text))
        assert {name for name in asked if not {name, re.sub("_(sum|count|bucket)$", "", name)} & told} == set()


def test_the_command_line_explains_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--help"], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0
    assert {"serve", "doctor", "call", "models"} <= set(done.stdout.replace("{", " ").replace(",", " ").split())
