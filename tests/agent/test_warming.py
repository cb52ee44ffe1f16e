import asyncio
import sqlite3
from pathlib import Path

import pytest

from agent.backends.tts_espeak import Espeak
from agent.store import open_log
from agent.voices import warming
from agent.voices.phrases import Phrases
from agent.voices.warming import commonest, warm
from tests.agent.test_phrases import Piano, speech

SAID = ["Гарантия два года. Что ещё?", "Да, есть. Что ещё?", "Гарантия два года.", "Один раз.", ""]


async def logged(tmp_path: Path) -> Path:
    path = tmp_path / "calls.sqlite"
    call_log = await open_log(path)
    call = "INSERT INTO calls (id, line, number, called, language, started_at, status) VALUES ('c','','','','','','')"
    turn = "INSERT INTO turns (call_id, n, heard, said) VALUES ('c', ?, '', ?)"
    await call_log.write([(call, ()), *((turn, (n, said)) for n, said in enumerate(SAID))])
    await call_log.close()
    return path


async def test_the_commonest_sentences_of_the_call_log(tmp_path: Path) -> None:
    path = await logged(tmp_path)
    assert set(commonest(path, 200)) == {"Гарантия два года.", "Что ещё?"}
    assert len(commonest(path, 1)) == 1


def test_no_call_log_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert commonest(tmp_path / "none.sqlite", 200) == []
    assert "can't be read" in caplog.text
    with sqlite3.connect(tmp_path / "empty.sqlite"):
        pass
    assert commonest(tmp_path / "empty.sqlite", 200) == []


async def test_they_are_ready_before_they_are_asked_for(tmp_path: Path) -> None:
    """And from memory the first sample is there in less than 2 ms."""
    phrases = Phrases(await Espeak.load("ru"), tmp_path / "phrases", 10)
    await warm(phrases, ["гарантия два года", "что ещё"], 8000, lambda: True)
    assert phrases.ready("что ещё", 8000) is not None
    waits = []
    for _ in range(50):
        began = asyncio.get_running_loop().time()
        async for _ in phrases.speech("гарантия два года", 8000):
            waits.append(asyncio.get_running_loop().time() - began)
            break
    assert sorted(waits)[len(waits) // 2] <= 0.002


async def test_calls_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "WAIT_S", 0.001)
    piano, seen = Piano(), list[int]()
    phrases = Phrases(piano, tmp_path / "phrases", 10)

    def empty() -> bool:
        seen.append(len(piano.made))
        return len(seen) > 3

    await warm(phrases, ["do", "re"], 8000, empty)
    assert seen[:4] == [0, 0, 0, 0]
    assert piano.made == ["do", "re"]


async def test_a_voice_that_fails_is_not_asked_for_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    piano = Piano()
    phrases = Phrases(piano, tmp_path / "phrases", 10)
    await warm(phrases, ["do", "broken", "re"], 8000, lambda: True)
    assert "re" not in piano.made
    assert "not synthesised ahead" in caplog.text
    assert await speech(phrases, "re")
