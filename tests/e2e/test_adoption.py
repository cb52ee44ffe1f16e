"""Calls that outlive the daemon: it is killed or restarted in the middle of a call, and the conversation goes on."""

import json
import os
import re
import shutil
import signal
import time
import urllib.request
import wave
from collections.abc import Iterator

import pytest

from bench.asterisk import behind, caller_uri
from bench.daemon import ROOT, DaemonProcess
from bench.live_caller import LiveCall, LiveCallers, wait_for
from bench.ports import HOST
from bench.speech import wav
from tests.asterisk.pbx import Pbx, need
from tests.e2e.conftest import Launch

DELIVERY, PARKING, REPEAT = wav("ru", "espeak-f3_53"), wav("ru", "espeak-f3_13"), wav("ru", "espeak-f3_17")
"""«сколько стоит доставка», «есть ли парковка», «ещё раз пожалуйста»"""
BROKE, LISTENS = "Простите, связь на секунду прервалась.", "Слушаю вас."


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Settings with a greeting that is soon over."""
    folder = tmp_path_factory.mktemp("brief") / "prompts"
    shutil.copytree(ROOT / "prompts", folder)
    phrases = folder / "ru/phrases.toml"
    text = phrases.read_text(encoding="utf-8")
    phrases.write_text(re.sub("(?m)^greeting = .*$", 'greeting = "Здравствуйте!"', text), encoding="utf-8")
    return {"PROMPTS__DIR": folder}


@pytest.fixture(scope="module")
def pbx() -> Iterator[Pbx]:
    need("sid")
    with Pbx("sid") as running:
        yield running


def asks(call: LiveCall, question: str) -> None:
    """The caller was greeted and has asked."""
    wait_for(lambda: call.quiet_for() > 0.6, 15, "greeted")
    call.say(question)
    wait_for(lambda: not call.saying, 5, "asked")


def answering(daemon: DaemonProcess, turn: int) -> dict[str, str]:
    """What is on the disk of the answer under way, once something is."""
    like = f'{{"turn": {turn},%'
    query = "SELECT * FROM held WHERE saying LIKE ?"
    daemon.wait_for(lambda: bool(daemon.rows(query, like)), 12, f"answering turn {turn}")
    (held,) = daemon.rows(query, like)
    said: dict[str, str] = json.loads(held["saying"])
    return said


def next_one(launch: Launch, daemon: DaemonProcess, settings: dict[str, object], call: LiveCall) -> DaemonProcess:
    """The daemon that comes after one that has ended; it has spoken to the caller."""
    ended = time.time()
    again = launch(settings, storage=daemon.storage)
    wait_for(lambda: call.speech_after(ended) is not None, 10, "spoken to again")
    return again


def test_a_killed_daemon_answers_the_question_again(launch: Launch, pbx: Pbx, brief: dict[str, object]) -> None:
    daemon = launch(behind(pbx) | brief)
    daemon.wait_for(lambda: daemon.health()["lines"] == {"asterisk": "up"}, 15, "connected")
    with LiveCallers(caller_uri(pbx)) as callers:
        (call,) = callers.calls
        asks(call, DELIVERY)
        answering(daemon, 1)
        daemon.kill()
        (left,) = daemon.rows("SELECT saying FROM held")
        again = next_one(launch, daemon, behind(pbx) | brief, call)
        answering(again, 2)
    again.wait_for_records()
    again.wait_for(lambda: pbx.channels() == 0 and pbx.bridges() == 0, 5, "gone from Asterisk")
    (record,) = again.rows("SELECT * FROM calls")
    assert (record["status"], record["cause"]) == ("completed", "caller")
    greeting, first, second = again.rows("SELECT * FROM turns ORDER BY n")
    assert greeting["said_heard"].endswith(f"{BROKE} Вы спрашивали: сколько стоит доставка.")
    assert (first["cut"], first["said_heard"]) == (1, json.loads(left["saying"])["heard"])
    assert second["heard"] == "сколько стоит доставка"
    assert second["said"].startswith("Доставка по Москве стоит")
    assert again.rows("SELECT * FROM held") == []
    with wave.open(str(again.storage / "calls_log" / record["recording"])) as recording:
        assert recording.getnframes() / recording.getframerate() == pytest.approx(record["seconds"], abs=0.5)


def test_after_a_restart_the_dialogue_is_remembered(launch: Launch, pbx: Pbx, brief: dict[str, object]) -> None:
    daemon = launch(behind(pbx) | brief)
    daemon.wait_for(lambda: daemon.health()["lines"] == {"asterisk": "up"}, 15, "connected")
    with LiveCallers(caller_uri(pbx)) as callers:
        (call,) = callers.calls
        asks(call, PARKING)
        daemon.wait_for(lambda: bool(daemon.rows("SELECT 1 FROM turns WHERE n = 1 AND said <> ''")), 15, "done")
        os.kill(daemon.pid, signal.SIGUSR1)
        assert daemon.process is not None
        assert daemon.process.wait(5) == 0
        again = next_one(launch, daemon, behind(pbx) | brief, call)
        wait_for(lambda: call.quiet_for() > 0.8, 10, "quiet")
        call.say(REPEAT)
        said = answering(again, 2)["said"]
    again.wait_for_records()
    greeting, first, _ = again.rows("SELECT * FROM turns ORDER BY n")
    assert greeting["said"].endswith(f"{BROKE} {LISTENS}")
    assert f"Повторяю. {first['said']}".startswith(said)
    (adopted,) = again.rows("SELECT detail FROM events WHERE kind = 'adopted'")
    assert adopted["detail"].startswith("nobody listened for ")


@pytest.mark.parametrize("leaver", ["caller", "agent"])
def test_a_sip_dialog_goes_on_in_the_next_process(launch: Launch, brief: dict[str, object], leaver: str) -> None:
    daemon = launch(brief)
    with LiveCallers(daemon.uri) as callers:
        (call,) = callers.calls
        asks(call, DELIVERY)
        answering(daemon, 1)
        daemon.kill()
        ended = time.time()
        daemon.killed = False
        daemon.start()
        wait_for(lambda: call.speech_after(ended) is not None, 10, "spoken to again")
        if leaver == "caller":
            answering(daemon, 2)
        else:
            (record,) = daemon.rows("SELECT id FROM calls")
            url = f"http://{HOST}:{daemon.web_port}/api/live/{record['id']}/hangup"
            asking = urllib.request.Request(url, method="POST", headers={"X-API-Key": daemon.web_key})
            with urllib.request.urlopen(asking, timeout=5) as reply:
                assert reply.status == 200
            wait_for(lambda: call.side.over, 5, "hung up by the agent")
            assert call.side.ended_by == "far side"
    daemon.wait_for_records()
    (record,) = daemon.rows("SELECT * FROM calls")
    assert (record["status"], record["cause"]) == ("completed", leaver)
    assert len(daemon.rows("SELECT * FROM events WHERE kind = 'adopted'")) == 1
