"""A model that uses what the GSM line can do: a message goes out, a call-back outlives the daemon and is made."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.prompts import load_prompts
from bench.daemon import DaemonProcess
from bench.modem import GsmCaller, behind
from telephony.simulated.profile import Profile
from telephony.simulated.sim7600 import Sim7600
from tests.e2e.conftest import Launch
from tests.e2e.facts import FIRST, path
from tests.e2e.servers import started
from tests.e2e.test_language_model import MODEL_SAYS

WORDS = load_prompts(Path(__file__).parents[2] / "prompts", "ru")
HOURS = "Работаем с 9 до 18. " * 5
NUMBER = "+79161234567"


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Sim7600]:
    modem = Sim7600(tmp_path / "dev", Profile(alert_ms=50, pick_up_ms=50))
    modem.start()
    yield modem
    modem.stop()


def up(daemon: DaemonProcess) -> None:
    daemon.wait_for(lambda: daemon.health()["lines"]["modem"].startswith("up"), 8, "up")


def ended(daemon: DaemonProcess, calls: int) -> list[dict[str, object]]:
    statement = "SELECT id, status FROM calls WHERE ended_at IS NOT NULL ORDER BY started_at"
    daemon.wait_for(lambda: len(daemon.rows(statement)) == calls, 6, "on record")
    return daemon.rows(statement)


def test_a_message_and_a_call_back_that_a_model_asked_for(launch: Launch, sim: Sim7600, tmp_path: Path) -> None:
    calls = [
        ("send_sms", json.dumps({"text": HOURS}, ensure_ascii=False)),
        ("call_back", json.dumps({"minutes": 10, "about": "сроки доставки"}, ensure_ascii=False)),
    ]
    asked = [word for name, arguments in calls for word in ("--call", name, arguments)]
    settings = {**behind(sim), "MODEM__CALL_BACK": "+79*", "LLM__MODEL": "test", "LLM__API_KEY": "k", "LLM__STALL_S": 8}
    storage, book = tmp_path / "var", tmp_path / "var/modem/call_backs.json"
    with started("openai_server", "--answer", MODEL_SAYS, *asked) as address:
        daemon = launch({**settings, "LLM__BASE_URL": address}, storage=storage)
        up(daemon)
        caller = GsmCaller(sim, NUMBER)
        caller.ring()
        caller.heard_something()
        caller.ask(path(FIRST))  # over the greeting
        sim.until(lambda: len(sim.modem.sent) == 2, 9)  # 100 letters in Cyrillic: two parts
        daemon.wait_for(book.exists, 3, "asked to call back")
        sim.hang_up()
        ended(daemon, 1)
        assert daemon.stop() == 0
    first, second = (bytes.fromhex(pdu) for pdu in sim.modem.sent)
    assert (first[-134:] + second[second.index(b"\5\0\3") + 6 :]).decode("utf-16-be") == HOURS
    (turn,) = daemon.rows("SELECT said FROM turns WHERE n = 1")
    assert str(turn["said"]).startswith("Отправляю.")
    (row,) = json.loads(book.read_text(encoding="utf-8"))
    assert timedelta(minutes=8) < datetime.fromisoformat(row["due"]) - datetime.now(UTC) < timedelta(minutes=10)

    row["due"] = datetime.now(UTC).isoformat()  # ten minutes pass while the daemon is away
    book.write_text(json.dumps([row]), encoding="utf-8")
    again = launch(settings, storage=storage)
    up(again)
    sim.until(sim.talking, 10)
    assert f"ATD{NUMBER};" in sim.modem.asked
    caller.heard_something()
    sim.hang_up()
    ended(again, 2)
    (greeting,) = again.rows("SELECT said FROM turns WHERE n = 0 ORDER BY rowid DESC LIMIT 1")
    assert f"{WORDS.calling} {WORDS.why_called_back('сроки доставки')}".startswith(greeting["said"])
    assert WORDS.calling in greeting["said"]
    assert json.loads(book.read_text(encoding="utf-8"))[0]["state"] == "done"
