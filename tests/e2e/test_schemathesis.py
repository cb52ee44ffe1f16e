"""Requests made from our own description of the API, right ones and wrong ones, never meet a fault of ours."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.daemon import ROOT, DaemonProcess

MOST_S = 20
"""Time for the requests, seconds: some thousand on a quiet machine, fewer on a busy one, in the same order."""
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance"
PASSED_OVER = "^/(api/live|api/live/.*/listen|api/talk|ws|api/session)$"
"""Streams and WebSockets never end, and wrong keys lock out who gives them."""


class Unhurried(DaemonProcess):
    """The daemon without its rate limit."""

    program = "tests.e2e.unhurried"


@pytest.fixture
def house(tmp_path: Path) -> DaemonProcess:
    """With texts of its own: they will be written over."""
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    (tmp_path / "kb").mkdir()
    for base in ("general", "tech"):
        shutil.copyfile(ROOT / f"kb/{base}.md", tmp_path / f"kb/{base}.md")
    (tmp_path / "var").mkdir()
    settings = {"KB__DIR": tmp_path / "kb", "PROMPTS__DIR": tmp_path / "prompts"}
    return Unhurried(settings, storage=tmp_path / "var")


def test_no_request_that_the_description_suggests_is_a_fault_of_ours(house: DaemonProcess, tmp_path: Path) -> None:
    with house:
        address = f"http://127.0.0.1:{house.web_port}/api/openapi.json"
        wanted = (
            f"--checks={CHECKS} --phases=coverage,fuzzing --seed=1 --max-examples=2"
            " --continue-on-failure --report=ndjson --generation-database=none"
            f" --max-time={MOST_S} --request-timeout=20"
        ).split()
        wanted += ["--exclude-path-regex", PASSED_OVER, "--header", f"X-API-Key: {house.web_key}"]
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", address, *wanted],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert house.trouble == []
    told = re.search(r"(\d+) generated", done.stdout)
    assert told is not None
    assert int(told[1]) > 100, "so few requests prove nothing"
