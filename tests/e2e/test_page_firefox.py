"""The page in Firefox, where there is one: every view opens without an error, and the agent hears its microphone."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.daemon import DaemonProcess
from tests.gateways.firefox import firefox, open_firefox

VIEWS = ("calls", "live", "messages", "figures", "knowledge", "prompts", "settings", "chat", "health", "help", "paths")
BUTTON = "document.querySelector('.talking button')"
SOUND = ("--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "-n", "-L", "module-null-sink", "-L")

pytestmark = pytest.mark.skipif(firefox() is None, reason="Firefox is missing: apt-get install firefox-esr")


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A loudspeaker that nobody hears: without any, Firefox lets no sound be made at all."""
    program = shutil.which("pulseaudio")
    if program is None:
        pytest.skip("Firefox needs a sound device or pulseaudio: apt-get install pulseaudio")
    socket = tmp_path / "native"
    module = f"module-native-protocol-unix auth-anonymous=1 socket={socket}"
    homes = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    with subprocess.Popen(
        [program, *SOUND, module], env=os.environ | homes, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        until = time.monotonic() + 5
        while not socket.exists() and time.monotonic() < until:
            time.sleep(0.02)
        monkeypatch.setenv("PULSE_SERVER", f"unix:{socket}")
        yield
        server.terminate()


async def test_every_view_opens(daemon: DaemonProcess) -> None:
    async with open_firefox() as page:
        await page.open(f"http://127.0.0.1:{daemon.web_port}/#/calls?key={daemon.web_key}")
        for view in VIEWS:
            await page.run(f"location.hash = '#/{view}'")
            await page.until(f"document.querySelector('main').dataset.view === '{view}'")
            assert await page.run("document.documentElement.scrollWidth <= innerWidth"), view
            assert await page.run("document.querySelector('main h1').textContent.length > 0"), view
        assert page.faults == []


@pytest.mark.usefixtures("sound")
async def test_the_microphone_is_heard_and_the_agent_answers(daemon: DaemonProcess) -> None:
    async with open_firefox() as page:
        await page.open(f"http://127.0.0.1:{daemon.web_port}/#/chat?key={daemon.web_key}")
        await page.until(BUTTON)
        await page.run(f"{BUTTON}.click()")
        await page.until("document.querySelector('.talking meter').value > 0")  # the worklet hears the microphone
        await page.until("document.querySelector('.chat .agent')")  # what was played is told, so the greeting is shown
        await page.run(f"{BUTTON}.click()")
        await page.until("document.querySelector('.chat a[href^=\"#/call/\"]')")
        assert page.faults == []
    daemon.wait_for(lambda: bool(daemon.rows("SELECT 1 FROM calls WHERE ended_at IS NOT NULL")), 5, "in the log")
    assert daemon.rows("SELECT said_heard FROM turns WHERE n = 0")[0]["said_heard"]
