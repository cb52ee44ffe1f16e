"""The ``allo`` command itself."""

import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.commands.main import main

THREADS_AFTER_A_PRODUCT = """
import os, sys
import agent.commands.main
assert "numpy" not in sys.modules, "it would be too late to tell numpy how many threads it may use"
agent.commands.main.main(["calls", "show"])
import numpy
numpy.ones((1000, 1000), "f4") @ numpy.ones((1000, 1000), "f4")
print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_numpy_leaves_the_cores_to_the_calls() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", THREADS_AFTER_A_PRODUCT], capture_output=True, text=True, check=True, env=environment
    )

    assert done.stdout == "1\n"


@pytest.fixture(autouse=True)
def whole_process() -> Iterator[None]:
    """``serve`` ends with the process: it leaves the signals ignored and the collector as it wants it."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
    kept, collecting = [(number, signal.getsignal(number)) for number in numbers], gc.isenabled()
    yield
    for number, handler in kept:
        signal.signal(number, handler)
    (gc.enable if collecting else gc.disable)()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("models list --config {here}/none.toml", "none.toml: can't be read: No such file or directory; see"),
        ("models --config {here}/none.toml list", "none.toml: can't be read"),
        ("kb --config {here}/none.toml search what", "none.toml: can't be read"),
        ("modem callbacks --config {here}/none.toml", "none.toml: can't be read"),
        ("calls --config {here}", "can't be read: Is a directory"),
        ("calls --config {here}/wrong.toml", "[llm] base_url: an address must begin with http:// or https://; see"),
        ("serve --config {here}/file.toml", "page.toml: can't be made: File exists; set [storage] dir to a writable"),
        (
            "serve --after 99 --config {here}/page.toml",
            "--after 99: Bad file descriptor; this option is for the daemon",
        ),
        ("serve --config {here}/page.toml", "web: 192.0.2.1:9000: Cannot assign requested address: check [web] host"),
        ("replay {here}/none.wav", "none.wav: can't be read: No such file or directory"),
        ("restore {here}/none.tar.gz", "none.tar.gz: there is no such file; `allo backup` writes one"),
        ("modem simulate --dir /proc/nowhere", "--dir /proc/nowhere: no ports can be made there"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.toml").write_text("[llm]\nbase_url = 'llm.example'\n", encoding="utf-8")
    (tmp_path / "page.toml").write_text("[web]\nhost = '192.0.2.1'\n", encoding="utf-8")
    (tmp_path / "file.toml").write_text("[storage]\ndir = 'page.toml'\n", encoding="utf-8")
    assert main(words.format(here=tmp_path).split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("allo: ")
    assert told in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("words", ["calls --last 0", "calls --last -3", "engines bench --rounds x"])
def test_a_number_of_nothing_is_refused(capsys: pytest.CaptureFixture[str], words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    assert "is no number from 1 up" in capsys.readouterr().err


def test_models_are_listed_by_their_whole_names_with_their_notes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a terminal of 80 columns, and though `[stt]` looks like markup."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["models", "list"]) == 0
    listed = capsys.readouterr().out
    assert "sherpa-onnx-nemo-ctc-giga-am-v2-russian-2025-04-19 " in listed
    assert "needs the extra sherpa and [stt] engine = 'sherpa'" in listed


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may read everything")
def test_records_of_another_user_are_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir(mode=0)
    humble = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    command = [*humble, sys.executable, "-m", "agent", "calls"]
    environment = {**os.environ, "ALLO_STORAGE__DIR": str(tmp_path / "var")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"allo: {tmp_path}/var/")
    assert "Permission denied; run it as the user" in done.stderr
    assert done.stderr.count("\n") == 1
