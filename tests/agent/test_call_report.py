"""The call log at a terminal."""

import asyncio
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from agent.commands.call_report import WIDTH, show_call, show_calls, summary, waterfall
from agent.commands.main import main
from agent.errors import StartError
from agent.events import AgentSaid, CallEnded, CallerSaid, Noted, Stage, StageReached
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
    assert "< [general] Гарантия (not heard: два года. Есть и больше.)" in shown
    assert "turn over         400 ms" in shown
    assert "first audio       500 ms" in shown
    assert "dtmf 5" in shown


async def test_a_whole_call_with_guesses_and_interruptions_is_summed_up(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        hold_a_call(journal)
        tell = partial(journal.observe, CALLER.call_id)
        tell(Noted("speculation", "miss 12"))
        tell(Noted("speculation", "hit"))
        reached: dict[Stage, int] = {"speech_end": 80_000, "passages": 80_800, "first_sentence": 80_960}
        tell(CallerSaid(2, "сколько стоит доставка", 64_000, {**reached, "turn_end": 81_920, "transcript": 81_920}))
        later: dict[Stage, int] = {"first_audio": 82_080, "first_packet": 82_240, "heard": 120_000}
        for stage, position in later.items():
            tell(StageReached(2, stage, position))
        tell(AgentSaid(2, "Доставка бесплатна.", "Доставка бесплатна.", cut=False, source="general"))
        for kind in ("paused", "resumed", "paused", "interruption"):
            tell(Noted(kind))
        tell(CallEnded("completed", "caller"))
    on = console()
    await show_call(Settings(storage=Storage(dir=tmp_path)), CALLER.call_id, on)

    shown = written(on)
    order = [
        "passages          100 ms",
        "first sentence    120 ms",
        "turn over         240 ms",
        "first packet      280 ms",
    ]
    assert [shown.index(row) for row in order] == sorted(shown.index(row) for row in order)
    assert "heard            5000 ms  (to the end)" in shown
    assert "1 reply, first packet p50 280 ms, p95 280 ms after the caller's last sound" in shown
    assert "speculation: 1 hit, 1 miss, 12 tokens wasted" in shown
    assert "the caller paused the agent 2 times: 1 interruption, 1 resumed" in shown
    assert "  miss 12" not in shown  # counted, not listed
    assert "dtmf 5" in shown


def test_a_call_without_replies_is_summed_up_too() -> None:
    assert summary([{"stages": "{}"}], []).splitlines()[0] == "0 replies"


@pytest.mark.parametrize(("words", "fault"), [(["show"], "calls show"), (["a", "b"], "calls a b")])
def test_calls_that_are_named_wrongly(words: list[str], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls", *words]) == 2
    assert f"{fault}: say `allo calls show ID`" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["0123"], ["show", "0123"]])
async def test_a_call_is_shown_with_and_without_the_verb(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await settings_with_a_call(tmp_path)
    monkeypatch.setenv("ALLO_STORAGE__DIR", str(tmp_path))

    assert await asyncio.to_thread(main, ["calls", *words]) == 0
    assert "> какая гарантия" in capsys.readouterr().out


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


def test_a_waterfall_stands_in_the_order_of_time_and_within_its_width() -> None:
    rows = waterfall({"speech_end": 0, "turn_end": 300, "passages": -20, "first_packet": 320, "heard": 9000})

    assert [name for name, _, _ in rows] == ["passages", "turn over", "first packet"]
    assert max(len(bar) for _, _, bar in rows) == WIDTH
    assert all(bar.strip() for _, _, bar in rows)
