"""The whole house behind a simulated modem: a question spoken into the PCM port, the right fact heard back."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.daemon import DaemonProcess
from bench.modem import GsmCaller, behind
from bench.ports import HOST
from bench.speech import interruption
from telephony.modem_desk import ask
from telephony.simulated.profile import Profile
from telephony.simulated.sim7600 import Sim7600
from tests.e2e.conftest import Launch
from tests.e2e.facts import FIRST, RUSSIAN, path


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim7600]:
    modem = Sim7600(tmp_path / "dev", Profile(chopped=True, chatty=True, pcm_ready_ms=200, boot_ms=500))
    modem.start()
    yield modem
    modem.stop()


def served(launch: Launch, sim: Sim7600) -> DaemonProcess:
    daemon = launch({**behind(sim), "MODEM__SMS_AGENT": "true"})
    daemon.wait_for(lambda: daemon.health()["lines"]["modem"].startswith("up; registered, signal -71 dBm"), 8, "up")
    return daemon


def over(daemon: DaemonProcess, calls: int = 1) -> list[dict[str, object]]:
    """All calls, once so many have ended."""
    ended = "SELECT number, line, status, cause FROM calls WHERE ended_at IS NOT NULL ORDER BY started_at"
    daemon.wait_for(lambda: len(daemon.rows(ended)) == calls, 6, "on record")
    return daemon.rows(ended)


def test_a_conversation_and_a_modem_that_is_pulled_out(launch: Launch, sim: Sim7600) -> None:
    """One daemon: a question answered, the answer interrupted; then the modem goes in mid-sentence and comes back."""
    daemon = served(launch, sim)
    caller = GsmCaller(sim)
    assert caller.ring() < 1500
    caller.heard_something()
    reply = caller.ask(path(FIRST))  # over the greeting
    assert reply is not None
    assert reply < 2000
    stopped = caller.interrupt(interruption())
    assert stopped is not None, "it talked on; how soon it stops is measured by the bench"
    sim.hang_up()
    assert over(daemon) == [{"number": "+79161234567", "line": "modem", "status": "completed", "cause": "caller"}]
    first, *_ = daemon.rows("SELECT * FROM turns WHERE heard <> '' ORDER BY n")
    assert re.search(RUSSIAN[FIRST], first["said"])
    assert (first["source"], first["cut"]) == ("general", 1)
    assert sim.down_lost == 0

    caller = GsmCaller(sim, "+78005553535")
    caller.ring()
    caller.heard_something()
    sim.unplug()
    assert over(daemon, 2)[1]["cause"] == "lost"
    daemon.wait_for(lambda: not daemon.health()["lines"]["modem"].startswith("up"), 2, "noticed")
    sim.plug()
    daemon.wait_for(lambda: daemon.health()["lines"]["modem"].startswith("up"), 5, "back")
    info = ask(daemon.storage / "modem" / "modem.sock", "info", [])
    assert info is not None
    assert info[1][0].startswith("state     up; registered")
    caller = GsmCaller(sim)
    caller.ring()
    caller.heard_something()  # audio runs before the call is on record as answered
    sim.hang_up()
    assert [call["cause"] for call in over(daemon, 3)] == ["caller", "lost", "caller"]
    sim.text("Какой у вас график работы?")
    sim.until(lambda: bool(sim.modem.sent), 3)
    daemon.wait_for(lambda: len((daemon.storage / "modem/sms.jsonl").read_text().splitlines()) == 2, 2, "kept")
    asked = urllib.request.Request(f"http://{HOST}:{daemon.web_port}/api/modems", headers={"X-API-Key": daemon.web_key})
    with urllib.request.urlopen(asked, timeout=5) as reply:
        shown = json.load(reply)
    line = shown["lines"]["modem"]
    assert [message["way"] for message in shown["messages"]] == ["in", "out"]
    assert re.search(RUSSIAN[FIRST], shown["messages"][1]["text"])
    assert (line["calls_in"], line["calls_lost"], line["openings"], line["on_air"]) == (3, 1, 2, True)
