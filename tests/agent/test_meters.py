"""What a Prometheus is told, by the event; alerts and dashboard ask for nothing else."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import get_args

import pytest

from agent.events import AgentSaid, CallAnswered, CallEnded, CallerSaid, CallEvent, CallStarted, Noted, StageReached
from agent.figures.engine_times import EngineState
from agent.figures.gpus import parse
from agent.figures.meters import Meters
from agent.machines import Kind as Suspect
from agent.ports import CallerInfo, Health
from telephony.modem_network import ModemTally
from tests.prometheus import MISSING, program

MONITORING = Path(__file__).parents[2] / "docs/monitoring"
CALLER = CallerInfo("one", "sip", "+79161234567", "100", 8000)
A_CALL: tuple[CallEvent, ...] = (
    CallStarted(CALLER),
    CallAnswered(),
    CallerSaid(1, "сколько стоит пресс", 8000, {"speech_end": 16_000, "turn_end": 17_920}),
    StageReached(1, "first_packet", 18_400),
    AgentSaid(1, "Пресс стоит миллион.", "Пресс", True, "general"),
    Noted("interruption"),
    Noted("speculation", "miss 12"),
    Noted("tts", "the voice said no"),
    Noted("dtmf", "7"),
    Noted("suspect", "fax"),
    CallEnded("completed", "caller"),
)

MODEM = ModemTally(calls_lost=2, frames_missing=3).figures(None, in_call=False)


def page(meters: Meters, health: Health | None = None) -> dict[str, float]:
    lines = meters.page(health or Health(True, "1")).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


@pytest.fixture
def meters(tmp_path: Path) -> Meters:
    made = Meters(tmp_path)
    for event in A_CALL:
        made.observe("one", event)
    made.engines.told("tts", "yandex alena", 0.12)
    made.engines.told("tts", "yandex alena", None)
    made.engines.gpus.now = parse("0, 1024, 81559, 37\n")
    made.modems.state = lambda: {"modem": MODEM}
    made.engines.state = lambda: EngineState({("stt", "yandex general"): True}, {"whisper small": 3}, 8, 2)
    return made


def test_a_call_is_counted(meters: Meters) -> None:
    told = page(meters)
    assert told['allo_calls_total{line="sip",status="completed"}'] == 1
    assert told['allo_calls_answered_total{line="sip"}'] == 1
    assert told["allo_turns_total"] == 1
    assert told['allo_agent_speeches_total{cut="yes",source="general"}'] == 1
    assert told['allo_conversation_events_total{kind="interruption"}'] == 1
    assert told['allo_guessed_replies_total{outcome="miss"}'] == 1
    assert told['allo_engine_failures_total{engine="tts"}'] == 1


def test_stages_are_seconds_since_the_caller_finished(meters: Meters) -> None:
    told = page(meters)
    assert told['allo_stage_seconds_sum{stage="turn_end"}'] == pytest.approx(0.24)
    assert told['allo_stage_seconds_sum{stage="first_packet"}'] == pytest.approx(0.3)
    assert told['allo_stage_seconds_bucket{le="0.25",stage="first_packet"}'] == 0
    assert told['allo_stage_seconds_bucket{le="0.3",stage="first_packet"}'] == 1


def test_engines_are_told_apart(meters: Meters) -> None:
    told = page(meters)
    voice = 'engine="yandex alena",kind="tts"'
    assert told[f"allo_engine_first_seconds_sum{{{voice}}}"] == pytest.approx(0.12)
    assert told['allo_engine_first_seconds_bucket{engine="yandex alena",kind="tts",le="0.1"}'] == 0
    assert told['allo_engine_first_seconds_bucket{engine="yandex alena",kind="tts",le="0.15"}'] == 1
    assert told[f'allo_engine_requests_total{{{voice},outcome="failed"}}'] == 1
    assert told['allo_engine_failing{engine="yandex general",kind="stt"}'] == 1
    assert told['allo_engine_queue{engine="whisper small"}'] == 3
    assert (told["allo_phrase_cache_hits"], told["allo_phrase_cache_misses"]) == (8, 2)
    assert told['allo_gpu_memory_used_bytes{gpu="0"}'] == 1 << 30
    assert told['allo_gpu_busy_ratio{gpu="0"}'] == 0.37


def test_modems_are_told(meters: Meters) -> None:
    told = page(meters)
    assert isnan(told['allo_modem_signal_dbm{line="modem"}'])
    assert told['allo_modem_on_air{line="modem"}'] == 0
    assert told['allo_modem_calls_lost{line="modem"}'] == 2
    assert told['allo_modem_frames_missing{line="modem"}'] == 3
    meters.modems.state = lambda: {"modem": replace(MODEM, signal_dbm=-89, on_air=True)}
    told = page(meters)
    assert told['allo_modem_signal_dbm{line="modem"}'] == -89
    assert told['allo_modem_on_air{line="modem"}'] == 1


def test_a_line_without_a_call_is_told_as_nought(tmp_path: Path) -> None:
    """A counter that begins at 1 is no increase for a Prometheus: the first call would never be seen."""
    told = page(Meters(tmp_path), Health(True, "1", {"sip": "up"}))
    assert told['allo_calls_total{line="sip",status="failed"}'] == 0
    assert told['allo_calls_total{line="sip",status="completed"}'] == 0
    assert told['allo_conversation_events_total{kind="interruption"}'] == 0
    assert told['allo_engine_failures_total{engine="stt"}'] == 0
    assert told['allo_guessed_replies_total{outcome="hit"}'] == told['allo_guessed_replies_total{outcome="miss"}'] == 0
    assert told['allo_calls_left_total{outcome="lost"}'] == told['allo_calls_left_total{outcome="adopted"}'] == 0
    for kind in (*get_args(Suspect), "silent"):
        assert told[f'allo_suspect_calls_total{{kind="{kind}"}}'] == 0


def test_an_engine_that_has_not_failed_yet_is_told_as_nought(tmp_path: Path) -> None:
    made = Meters(tmp_path)
    made.engines.told("stt", "yandex general", 0.1)
    assert page(made)['allo_engine_requests_total{engine="yandex general",kind="stt",outcome="failed"}'] == 0


def test_records_that_wait_for_the_disk_are_told(meters: Meters) -> None:
    told = page(meters, Health(True, "1", records={"fault": "disk full", "waiting": 7}))
    assert (told["allo_records_refused"], told["allo_records_waiting"]) == (1, 7)
    assert page(meters)["allo_records_refused"] == 0


def test_nothing_tells_of_a_caller(meters: Meters) -> None:
    text = meters.page(Health(True, "1")).decode()
    assert not re.search('79161234567|пресс|миллион|said no|"7"', text)
    assert 'id="' not in text


def test_a_call_that_was_never_begun_is_passed_over(tmp_path: Path) -> None:
    meters = Meters(tmp_path)
    for event in A_CALL[1:]:
        meters.observe("two", event)
    assert page(meters).get("allo_turns_total") == 0


def test_health_is_told_as_figures(meters: Meters, tmp_path: Path) -> None:
    health = Health(
        False,
        "1",
        {"sip": "up", "asterisk": "no answer"},
        calls=3,
        loop_lag_ms=12.5,
        answers={"cache": {"hits": 4, "misses": 6}},
    )
    told = page(meters, health)
    assert told["allo_ready"] == 0
    assert told["allo_calls_in_progress"] == 3
    assert told['allo_line_up{line="sip"}'] == 1
    assert told['allo_line_up{line="asterisk"}'] == 0
    assert told["allo_event_loop_lag_seconds"] == 0.0125
    assert (told["allo_answer_cache_hits"], told["allo_answer_cache_misses"]) == (4, 6)
    assert told["allo_disk_free_bytes"] == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.2)
    assert told["process_resident_memory_bytes"] > 1e6


@pytest.mark.parametrize("file", ["grafana.json", "alerts.yml"])
def test_what_is_asked_for_is_told(file: str, meters: Meters) -> None:
    answers: dict[str, object] = {"costs": {"stt yandex": {"money": 1.0, "part": 0.5}}}
    told = {name.partition("{")[0] for name in page(meters, Health(True, "1", {"sip": "up"}, answers=answers))}
    asked = set(re.findall(r"\b(?:allo|process)_[a-z_]+\b", (MONITORING / file).read_text(encoding="utf-8")))
    assert asked
    assert asked - told == set()


def covered(x: int, y: int, w: int, h: int) -> list[tuple[int, int]]:
    return [(x + right, y + down) for right in range(w) for down in range(h)]


def test_the_dashboard_is_whole() -> None:
    board = json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))
    places = [panel["gridPos"] for panel in board["panels"]]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(0 <= x < 24 for x, _ in cells)


@pytest.mark.skipif(not program("promtool"), reason=MISSING)
def test_alerts_fire_when_they_should() -> None:
    for words in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]):
        done = subprocess.run(
            [program("promtool"), *words], cwd=MONITORING, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
