"""A question is asked over SIP; the right fact of the knowledge base was spoken, by the call log."""

import re
from collections.abc import Mapping

import pytest

from audio.level import dbfs
from audio.wav import read_mono
from bench.daemon import DaemonProcess
from bench.speech import interruption
from bench.wire import Plan, PlanItem, WireReport, place
from tests.e2e.conftest import Launch
from tests.e2e.facts import ENGLISH, FIRST, RUSSIAN, TECHNICAL, path

TURNS = "SELECT t.* FROM turns t JOIN calls c ON c.id = t.call_id WHERE c.number = ? ORDER BY n"


def ask(daemon: DaemonProcess, names: list[str]) -> list[WireReport]:
    """One call for each question, half a second apart."""
    calls = [[PlanItem(path(name))] for name in names]
    return place(Plan(daemon.uri, calls, apart_ms=500, hangup_after_s=18, user="caller"), timeout_s=55)


def check(daemon: DaemonProcess, facts: Mapping[str, str], source: str) -> None:
    """Every question got its fact, and the caller heard it."""
    names = list(facts)
    reports = ask(daemon, names)
    assert [report.status for report in reports] == [200] * len(names)
    assert all(report.lost == 0 for report in reports)
    daemon.wait_for_records()
    wrong = []
    for number, name in enumerate(names):
        turns = daemon.rows(TURNS, f"caller{number}")
        answers = [turn for turn in turns if turn["heard"]]
        if not any(re.search(facts[name], turn["said_heard"]) and turn["source"] == source for turn in answers):
            wrong.append((name, answers))
    assert wrong == []
    assert all(turn["reply_ms"] is not None and turn["reply_ms"] < 3000 for report in reports for turn in report.turns)


def test_general_questions_in_russian(daemon: DaemonProcess) -> None:
    check(daemon, RUSSIAN, "general")


def test_technical_questions_in_russian(daemon: DaemonProcess) -> None:
    check(daemon, TECHNICAL, "tech")


def test_questions_in_english(launch: Launch) -> None:
    check(launch(language="en"), ENGLISH, "general")


def test_an_interruption_stops_the_agent_and_only_what_was_heard_is_kept(daemon: DaemonProcess) -> None:
    script = [PlanItem(path(FIRST)), PlanItem(interruption(), interrupt_after_s=1.0)]
    (report,) = place(Plan(daemon.uri, [script], user="caller"))
    asked, cut_in = report.turns
    assert (asked["kind"], cut_in["kind"]) == ("say", "interrupt")
    assert cut_in["stop_ms"] < 600
    daemon.wait_for_records()
    cut = [turn for turn in daemon.rows(TURNS, "caller0") if turn["cut"]]
    assert len(cut) == 1
    assert len(cut[0]["said_heard"]) < len(cut[0]["said"])
    assert cut[0]["said"].startswith(cut[0]["said_heard"][:10])


def test_the_record_of_a_call_and_nothing_private_in_the_log(daemon: DaemonProcess) -> None:
    (report,) = ask(daemon, [FIRST])
    assert report.ended_by == "caller"
    daemon.wait_for(lambda: bool(daemon.rows("SELECT 1 FROM calls WHERE ended_at IS NOT NULL")), 5, "on record")
    (call,) = daemon.rows("SELECT * FROM calls")
    assert (call["line"], call["number"], call["status"], call["language"]) == ("sip", "caller0", "completed", "ru")
    assert call["started_at"] <= call["answered_at"] <= call["ended_at"]
    folder = daemon.storage / "calls_log"
    transcript = (folder / call["transcript"]).read_text(encoding="utf-8")
    assert "график" in transcript
    assert "[general]" in transcript
    mixed = read_mono(folder / call["recording"])
    assert abs(len(mixed) / 16000 - report.packets / 50) < 1.5
    assert dbfs(mixed) > -45
    assert call["recording_note"] == ""
    assert "график" not in daemon.log
    assert "caller0" not in daemon.log
    assert "llm:" not in daemon.log  # none is configured, so nothing failed


@pytest.mark.timeout(90)
def test_silence_is_asked_about_twice_and_then_ended(launch: Launch) -> None:
    daemon = launch({"TURNS__REPROMPT_S": 2})
    (report,) = place(Plan(daemon.uri, [[]], hangup_after_s=60, user="caller"), timeout_s=80)
    assert report.ended_by == "far side"
    daemon.wait_for(lambda: bool(daemon.rows("SELECT 1 FROM calls WHERE ended_at IS NOT NULL")), 5, "on record")
    silences = daemon.rows("SELECT detail FROM events WHERE kind = 'silence'")
    assert len(silences) >= 2
