"""`make demo`: three questions and an interruption, live."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.daemon import DaemonProcess
from bench.demo import by_bench

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(90)
def test_the_demo_shows_the_conversation_and_the_figures() -> None:
    done = subprocess.run(
        [sys.executable, "bench/demo.py"],
        cwd=ROOT,
        env={**os.environ, "ALLO_LANGUAGE": "en"},
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Caller: ") == 4
    assert "Caller: when do you close" in done.stdout
    assert re.search(r"Agent \[general\]: .*5:30", done.stdout)
    assert done.stdout.count("(cut)") == 1
    assert re.search(r"\(interrupt\) +\d+ ms +\d+ ms", done.stdout)


def test_another_language_is_refused_in_one_line() -> None:
    environment = {**os.environ, "ALLO_LANGUAGE": "fr"}
    done = subprocess.run(
        [sys.executable, "-m", "bench.demo"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "ALLO_LANGUAGE=fr: choose ru or en\n"


@pytest.mark.timeout(90)
def test_the_caller_without_pjsua2_asks_the_same(daemon: DaemonProcess) -> None:
    done = subprocess.run(by_bench(daemon.uri, "ru"), cwd=ROOT, capture_output=True, text=True, timeout=80, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("(say)") == 3
    assert done.stdout.count("(interrupt)") == 1
    assert "none" not in done.stdout.splitlines()[1]
