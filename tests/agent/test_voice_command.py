import asyncio
import json
from pathlib import Path

import pytest

from agent.commands import engine_bench
from agent.commands.engine_bench import plain, resident_bytes
from agent.commands.main import main
from agent.settings import Settings, Storage, Tts
from audio.loudness import TARGET_DBFS, active_level
from audio.wav import read_mono
from tests.agent.voices import Wire, understood


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "allo.toml"
    file.write_text(f'[storage]\ndir = "{tmp_path}"\n')
    return str(file)


def test_say_writes_words_into_a_file(tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "said.wav"
    assert main(["say", "Гарантия 24 месяца.", "--voice", "espeak:ru+f2", "-o", str(out), "--config", config]) == 0
    pcm = read_mono(out, 16000)
    assert 1.5 < len(pcm) / 2 / 16000 < 4
    assert abs(active_level(pcm, 16000) - TARGET_DBFS) <= 2.0
    assert "espeak-ng ru+f2" in capsys.readouterr().out


async def test_what_is_said_is_understood(tmp_path: Path, config: str) -> None:
    out = tmp_path / "said.wav"
    await asyncio.to_thread(main, ["say", "Гарантия 24 месяца.", "-o", str(out), "--config", config])
    assert await understood(Wire(8000, bytearray(read_mono(out)))) == "гарантия двадцать четыре месяца"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Да", "--voice", "klingon"], "there is no such engine"),
        (["...", "-o", "x.wav"], "nothing in it that can be spoken"),
        (["Да", "-o", "/nowhere/x.wav"], "can't be written"),
        (["Да", "-o", "/"], "can't be written"),
        (["Да", "--voice", "espeak:nobody", "-o", "x.wav"], "espeak-ng has no voice 'nobody'"),
        (["Да", "--voice", "piper:nobody", "-o", "x.wav"], "allo models pull"),
        (["Да", "--voice", "yandex:alena", "-o", "x.wav"], "[yandex] api_key"),
        (["Да", "--voice", "openai", "-o", "x.wav"], "[openai] api_key"),
    ],
)
def test_say_tells_what_is_wrong(
    arguments: list[str], said: str, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", *arguments, "--config", config]) == 2
    assert said in capsys.readouterr().err


def test_voices_are_listed_with_what_they_lack(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["voices", "--config", config]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "espeak-ng ru 165 wpm" in shown
    assert "in use" in shown
    for engine in ("piper", "yandex", "openai", "wyoming"):
        assert engine in shown


def test_the_bench_measures_voice_and_recogniser(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "bench", "--rounds", "1", "--json", "--config", config]) == 0
    voice, recogniser = json.loads(capsys.readouterr().out)
    assert (voice["kind"], voice["name"]) == ("voice", "espeak-ng ru 165 wpm")
    assert 0 < voice["first_ms"] < 1000
    assert 0 < voice["factor"] < 1
    assert recogniser["kind"] == "recogniser"
    assert 0 < recogniser["factor"] < 2
    assert recogniser["errors"] < 0.3


async def test_an_engine_that_is_not_here_is_a_row_with_its_fault(tmp_path: Path) -> None:
    settings = Settings(storage=Storage(dir=tmp_path), tts=Tts(engine=("openai",)))
    rows = await engine_bench.bench(settings, 1)
    assert "no key" in rows[0].fault
    assert len(engine_bench._table(rows).rows) == 2


def test_the_bench_says_in_whole_lines_what_an_engine_lacks(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("ALLO_TTS__ENGINE", "openai, espeak")
    monkeypatch.setenv("ALLO_STT__ENGINE", "sherpa")
    assert main(["engines", "bench", "--rounds", "1", "--config", config]) == 1
    lines = capsys.readouterr().out.splitlines()
    key = "voice openai: [tts] engine openai has no key: set [openai] api_key, or OPENAI_API_KEY"
    assert key in lines
    assert any(line.startswith("recogniser sherpa: [") for line in lines)
    assert len(lines) < 24


def test_words_are_bare_and_memory_is_counted() -> None:
    assert plain("Раз, «Ёлка»!") == ["раз", "елка"]
    assert resident_bytes() > 1 << 20
