"""SIPp, an independent SIP stack, against the daemon as a process."""

import subprocess
from pathlib import Path

import pytest

from bench.daemon import DaemonProcess
from bench.ports import HOST, free_port
from tests.e2e.conftest import Launch

SCENARIOS = Path(__file__).parent / "sipp"
TEN = ["-m", "10", "-r", "5", "-timeout", "40", "-timeout_error"]


def run(sipp: str, daemon: DaemonProcess, tmp_path: Path, *options: str) -> None:
    """Ten calls; SIPp's status says whether each went as its scenario is written."""
    errors = tmp_path / "errors"
    command = [sipp, f"{HOST}:{daemon.sip_port}", "-i", HOST, "-mi", HOST, "-mp", str(free_port()), *TEN, "-nostdin"]
    command += ["-p", str(free_port()), "-s", "allo", "-trace_err", "-error_file", str(errors), *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, errors.read_text() if errors.exists() else done.stdout[-1500:]
    daemon.wait_for(lambda: daemon.health()["calls"] == 0, 5, "free of calls")


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_calls_are_answered_and_ended(daemon: DaemonProcess, sipp: str, tmp_path: Path, transport: str) -> None:
    run(sipp, daemon, tmp_path, "-sn", "uac", "-d", "700", "-t", transport)
    for scenario in ("basic", "hold", "timer", "options"):
        run(sipp, daemon, tmp_path, "-sf", str(SCENARIOS / f"{scenario}.xml"), "-t", transport)
    daemon.wait_for(lambda: not daemon.rows("SELECT 1 FROM calls WHERE ended_at IS NULL"), 2, "all on record")
    (count,) = daemon.rows("SELECT count(*) AS n FROM calls WHERE answered_at IS NOT NULL AND status = 'completed'")
    assert count["n"] == 40


def test_strangers_are_forbidden(launch: Launch, sipp: str, tmp_path: Path) -> None:
    daemon = launch({"SIP__ALLOW": "192.0.2.0/24"})
    run(sipp, daemon, tmp_path, "-sf", str(SCENARIOS / "forbidden.xml"))
    assert daemon.rows("SELECT 1 FROM calls") == []
    assert daemon.log.count("sip: 403 to ") == 1  # of ten, since it could be thousands
