"""The real daemon as a process, for tests that ring it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.daemon import DaemonProcess
from tests.asterisk.install import SUITES

HERE = Path(__file__).parent

Launch = Callable[..., DaemonProcess]
"""``launch(settings, language=..., storage=...)`` -> a daemon that is ready."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is end to end: one minute where a test does not say otherwise.

    They wait for speech most of the time, so three run at once; those with the same Asterisk in one worker.
    """
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(60))
            for suite in (suite for suite in SUITES if f"[{suite}]" in item.name):
                item.add_marker(pytest.mark.xdist_group(f"asterisk-{suite}"))


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start daemons; afterwards each must end cleanly on SIGTERM, without calls and without an error in its log."""
    started: list[DaemonProcess] = []

    def start(
        settings: dict[str, object] | None = None, language: str = "ru", storage: Path | None = None
    ) -> DaemonProcess:
        folder = storage or tmp_path / f"var{len(started)}"
        folder.mkdir(exist_ok=True)
        daemon = DaemonProcess(settings, language, folder)
        started.append(daemon)
        daemon.start()
        return daemon

    yield start
    try:
        for daemon in started:
            if not daemon.killed:
                assert daemon.stop() == 0, daemon.log[-3000:]
            assert daemon.trouble == []
    finally:
        for daemon in started:
            daemon.kill()


@pytest.fixture
def daemon(launch: Launch) -> DaemonProcess:
    """One Russian daemon with default settings."""
    return launch()


@pytest.fixture
def sipp() -> str:
    """Path of SIPp; without it the test is skipped, with ALLO_REQUIRE_ASTERISK=1 it fails."""
    found = shutil.which("sipp")
    if found is None and os.environ.get("ALLO_REQUIRE_ASTERISK") == "1":
        pytest.fail("ALLO_REQUIRE_ASTERISK=1, but SIPp is missing: apt-get install sip-tester")
    if found is None:
        pytest.skip("SIPp is missing: apt-get install sip-tester, or make test does it")
    return found
