"""The record of a call, through a real database and real files."""

import asyncio
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.adoption import TRIES, left_open
from agent.errors import StartError
from agent.events import AgentSaid, CallAnswered, CallEnded, CallerSaid, CallStarted, Noted, StageReached
from agent.far_end import FarEnd
from agent.journal import Journal
from agent.ports import CallerInfo
from agent.record.earlier_part import ASIDE, go_on
from agent.record.vault import Vault
from agent.store import open_log
from audio.wav import StereoWriter
from tests.fakes.line import stamp

CALLER = CallerInfo("0123456789abcdef", "sip", "100", "200", 8000)


@asynccontextmanager
async def journal_in(folder: Path, record: bool = True) -> AsyncIterator[Journal]:
    (folder / "calls_log").mkdir(exist_ok=True)
    journal = Journal(await open_log(folder / "calls.sqlite"), folder / "calls_log", "ru", record)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(journal.run())
        try:
            yield journal
        finally:
            await journal.close()


async def rows(folder: Path, *queries: str) -> list[list[dict[str, Any]]]:
    """What the call log of ``folder`` answers to each query."""
    log = await open_log(folder / "calls.sqlite")
    try:
        return [await log.read(query) for query in queries]
    finally:
        await log.close()


def hold_a_call(journal: Journal) -> None:
    journal.observe(CALLER.call_id, CallStarted(CALLER))
    journal.observe(CALLER.call_id, CallAnswered())
    journal.observe(CALLER.call_id, AgentSaid(0, "Здравствуйте.", "Здравствуйте.", cut=False, source=""))
    journal.observe(CALLER.call_id, CallerSaid(1, "какая гарантия", 8000, {"speech_end": 16000, "turn_end": 19200}))
    journal.observe(CALLER.call_id, StageReached(1, "first_audio", 20000))
    journal.observe(
        CALLER.call_id, AgentSaid(1, "Гарантия два года. Есть и больше.", "Гарантия", cut=True, source="general")
    )
    journal.observe(CALLER.call_id, Noted("dtmf", "5"))


async def test_a_call_is_in_the_log_with_its_turns_and_stage_times(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        hold_a_call(journal)
        journal.observe(CALLER.call_id, CallEnded("completed", "caller"))

    [call], [greeting, turn], [key] = await rows(
        tmp_path, "SELECT * FROM calls", "SELECT * FROM turns ORDER BY n", "SELECT kind, detail FROM events"
    )
    assert (call["status"], call["cause"], call["line"], call["number"]) == ("completed", "caller", "sip", "100")
    assert call["answered_at"] <= call["ended_at"]
    assert greeting["said_heard"] == "Здравствуйте."
    assert (turn["heard"], turn["said_heard"], turn["cut"], turn["source"]) == (
        "какая гарантия",
        "Гарантия",
        1,
        "general",
    )
    assert turn["stages"] == '{"speech_end": 0, "turn_end": 400, "first_audio": 500}'
    assert key == {"kind": "dtmf", "detail": "5"}


async def test_the_transcript_can_be_read_as_it_grows(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        hold_a_call(journal)

    [path] = (tmp_path / "calls_log").glob("call_*_transcript.txt")
    assert [line.split("] ", 1)[1] for line in path.read_text(encoding="utf-8").splitlines()] == [
        "Агент: Здравствуйте.",
        "Абонент: какая гарантия",
        "Агент [general]: Гарантия … (прервано)",
        "Абонент: [5]",
    ]


LEAVE_A_CALL_OPEN = """
import asyncio, os, sys
from pathlib import Path
from tests.agent.test_journal import CALLER, hold_a_call, journal_in
from tests.fakes.line import stamp

async def main():
    async with journal_in(Path(sys.argv[1])) as journal:
        hold_a_call(journal)
        recording = journal.recording(CALLER)
        recording.push(stamp(1, 8000), bytes(16000))
        while journal.waiting:
            await asyncio.sleep(0)
        await journal.written()
        os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_records_that_a_killed_daemon_left_open_are_closed_at_the_next_start(tmp_path: Path) -> None:
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", LEAVE_A_CALL_OPEN, str(tmp_path))
    assert await killed.wait() == -9

    async with journal_in(tmp_path) as journal:
        assert await journal.mend() == 1
        assert await journal.mend() == 0

    [call], turns = await rows(tmp_path, "SELECT status, cause, recording FROM calls", "SELECT n FROM turns")
    assert (call["status"], call["cause"]) == ("failed", "daemon stopped")
    assert len(turns) == 2
    with wave.open(str(tmp_path / "calls_log" / call["recording"])) as wav:
        assert wav.getnframes() == 8000


LEAVE_A_CALL_HELD = LEAVE_A_CALL_OPEN.replace(
    "recording =",
    """journal.observe(CALLER.call_id, LegKept('{"channel": "7"}'))
        journal.observe(CALLER.call_id, CallerSaid(2, "а доставка", 30000, {}))
        journal.observe(CALLER.call_id, AgentSaying(2, "Два дня. Или три.", "Два дня."))
        journal.trace(CALLER)([1])
        recording =""",
).replace("from tests.fakes", "from agent.events import AgentSaying, CallerSaid, LegKept\nfrom tests.fakes", 1)


async def test_a_call_that_a_killed_daemon_held_goes_on_in_the_same_record(tmp_path: Path) -> None:
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", LEAVE_A_CALL_HELD, str(tmp_path))
    assert await killed.wait() == -9

    async with journal_in(tmp_path) as journal:
        [left] = await left_open(journal._log, tmp_path / "alive")
        assert await journal.mend(keep={CALLER.call_id}) == 0
        assert (left.left.caller, left.left.leg) == (CALLER, {"channel": "7"})
        assert (left.resumed.question, left.resumed.turns[-1].heard) == ("а доставка", "Два дня.")
        journal.resume(replace(left, answered=left.answered - 2))
        journal.observe(CALLER.call_id, CallStarted(CALLER))
        journal.observe(CALLER.call_id, CallAnswered())
        journal.observe(CALLER.call_id, Noted("adopted"))
        recording = journal.recording(CALLER)
        assert recording is not None
        recording.push(stamp(2, 160), bytes(320))
        recording.close()
        journal.observe(CALLER.call_id, CallerSaid(3, "алло", 1600, {"speech_end": 3200}))
        journal.observe(CALLER.call_id, CallEnded("completed", "caller"))

    [call], turns, [adopted], held = await rows(
        tmp_path,
        "SELECT * FROM calls",
        "SELECT * FROM turns WHERE n > 1 ORDER BY n",
        "SELECT detail FROM events WHERE kind = 'adopted'",
        "SELECT * FROM held",
    )
    assert (call["status"], call["cause"], held) == ("completed", "caller", [])
    assert (turns[0]["said"], turns[0]["said_heard"], turns[0]["cut"]) == ("Два дня. Или три.", "Два дня.", 1)
    assert turns[1]["position"] > 16000
    assert adopted["detail"].startswith("nobody listened for ")
    with wave.open(str(tmp_path / "calls_log" / call["recording"])) as wav:
        whole = wav.readframes(wav.getnframes())
        assert wav.getnframes() == turns[1]["position"] - 1600 + 160
    assert (whole[:4], whole[-4:]) == (stamp(1, 1) + bytes(2), stamp(2, 1) + bytes(2))
    assert not list((tmp_path / "calls_log").glob(f"{ASIDE}*"))
    [transcript] = (tmp_path / "calls_log").glob("*_transcript.txt")
    assert "— nobody listened for " in transcript.read_text(encoding="utf-8")


def test_an_earlier_part_that_can_not_be_read_is_not_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(b"no WAV")
    with go_on(path, 160, lambda place: StereoWriter(place, 8000), Vault().mended) as file:
        file.write(bytes(4))
    assert (tmp_path / f"{ASIDE}call.wav").read_bytes() == b"no WAV"
    assert "stays beside it" in caplog.text
    with wave.open(str(path)) as wav:
        assert wav.getnframes() == 161


async def test_a_call_whose_leg_is_gone_is_closed(tmp_path: Path) -> None:
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", LEAVE_A_CALL_HELD, str(tmp_path))
    assert await killed.wait() == -9

    async with journal_in(tmp_path) as journal:
        for _ in range(TRIES):
            [left] = await left_open(journal._log, tmp_path / "alive")
        assert await left_open(journal._log, tmp_path / "alive") == [], "it may be what ends each process"
        journal.lost(left)

    [call], held = await rows(tmp_path, "SELECT * FROM calls", "SELECT * FROM held")
    assert (call["status"], call["cause"], held) == ("failed", "daemon stopped", [])
    with wave.open(str(tmp_path / "calls_log" / call["recording"])) as wav:
        assert wav.getnframes() == 8000


async def test_a_recording_has_the_caller_left_and_the_agent_right(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        journal.observe(CALLER.call_id, CallStarted(CALLER))
        recording = journal.recording(CALLER)
        assert recording is not None
        far = FarEnd()
        for number in range(100):
            agent = stamp(7, 160) if 20 <= number < 40 else b""
            recording.push(stamp(3, 160), far.push(agent, 320))
        recording.close(far.rest())

    [path] = (tmp_path / "calls_log").glob("call_*.wav")
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getframerate(), wav.getnframes()) == (2, 8000, 16000)
        pairs = wav.readframes(16000)
    left, right = pairs[0::4], pairs[2::4]
    assert set(left) == {3}
    assert right.count(7) == 20 * 160
    spoken = right.index(7), right.rindex(7)
    assert spoken[1] - spoken[0] == 20 * 160 - 1
    assert 20 * 160 <= spoken[0] <= 22 * 160


async def test_a_late_poll_leaves_no_hole_in_the_recorded_speech(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        journal.observe(CALLER.call_id, CallStarted(CALLER))
        recording = journal.recording(CALLER)
        assert recording is not None
        far = FarEnd()
        for number in range(60):
            agent = [stamp(7, 160), b"", stamp(7, 320), stamp(7, 160)][number % 4] if number < 40 else b""
            recording.push(stamp(3, 160), far.push(agent, 320))
        recording.close(far.rest())

    [path] = (tmp_path / "calls_log").glob("call_*.wav")
    with wave.open(str(path)) as wav:
        right = wav.readframes(wav.getnframes())[2::4]
    assert right[right.index(7) : right.rindex(7) + 1] == bytes([7]) * (40 * 160)


async def test_a_full_disk_ends_the_recording_and_the_record_says_so(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        journal.observe(CALLER.call_id, CallStarted(CALLER))
        await journal.written()
        (tmp_path / "calls_log").rename(tmp_path / "away")
        recording = journal.recording(CALLER)
        assert recording is not None
        recording.push(stamp(1, 16000), bytes(32000))
        recording.close()
        await journal.written()
        journal.observe(CALLER.call_id, CallEnded("completed", "caller"))

    [[call]] = await rows(tmp_path, "SELECT status, recording_note FROM calls")
    assert call["status"] == "completed"
    assert call["recording_note"].startswith("incomplete: ")


async def test_switched_off_there_is_no_recording(tmp_path: Path) -> None:
    async with journal_in(tmp_path, record=False) as journal:
        journal.observe(CALLER.call_id, CallStarted(CALLER))
        assert journal.recording(CALLER) is None


async def test_a_file_that_is_no_call_log_is_named(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    path.write_bytes(b"this is not a database, it is a shopping list" * 40)

    with pytest.raises(StartError, match=r"calls\.sqlite"):
        await open_log(path)
