"""The call log at a terminal."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from agent.call_report import show_call, show_calls, waterfall
from agent.errors import StartError
from agent.events import CallEnded
from agent.settings import Settings, Storage
from tests.agent.test_journal import CALLER, hold_a_call, journal_in


async def settings_with_a_call(folder: Path) -> Settings:
    async with journal_in(folder) as journal:
        hold_a_call(journal)
        journal.observe(CALLER.call_id, CallEnded("completed", "caller"))
    return Settings(storage=Storage(dir=folder))


def console() -> Console:
    return Console(file=StringIO(), width=120, color_system=None)


def written(on: Console) -> str:
    assert isinstance(on.file, StringIO)
    return on.file.getvalue()


async def test_the_newest_calls_are_listed(tmp_path: Path) -> None:
    on = console()
    await show_calls(await settings_with_a_call(tmp_path), 20, on)

    assert "0123456789ab" in written(on)
    assert "completed" in written(on)


async def test_a_call_shows_its_turns_what_was_not_heard_and_where_the_time_went(tmp_path: Path) -> None:
    on = console()
    await show_call(await settings_with_a_call(tmp_path), "0123", on)

    shown = written(on)
    assert "> какая гарантия" in shown
    assert "< [general] Гарантия два года. Есть и больше.  (not heard)" in shown
    assert "turn over         400 ms" in shown
    assert "first audio       500 ms" in shown
    assert "dtmf 5" in shown


async def test_an_unknown_call_and_a_missing_log_are_named(tmp_path: Path) -> None:
    settings = await settings_with_a_call(tmp_path)
    with pytest.raises(StartError, match="ffff: no such call"):
        await show_call(settings, "ffff")
    with pytest.raises(StartError, match="there is no call log yet"):
        await show_calls(Settings(storage=Storage(dir=tmp_path / "elsewhere")), 20)


def test_a_waterfall_has_a_bar_for_each_stage_reached() -> None:
    rows = waterfall({"speech_end": 0, "turn_end": 240, "first_token": 640, "first_audio": 700})

    assert [(name, at) for name, at, _ in rows] == [("turn over", 240), ("first token", 640), ("first audio", 700)]
    assert all(bar.strip() for _, _, bar in rows)
    assert len(rows[1][2].strip()) > len(rows[0][2].strip()) > len(rows[2][2].strip())
