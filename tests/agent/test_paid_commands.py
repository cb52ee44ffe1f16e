"""What a person's command has a paid engine do counts with what the daemon has it do, and ends with the same day.

espeak-ng and Vosk are given prices here: what is counted is what they really say and hear.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from agent.commands.main import main
from agent.costs import FILE
from audio.level import silence
from audio.wav import read_mono, write_mono

SPOKEN = Path(__file__).parent.parent / "speech" / "ru" / "domain" / "espeak-f3_53.wav"


@dataclass(frozen=True)
class House:
    """Settings and sums of one."""

    config: Path
    sums: Path

    def used(self, engine: str) -> dict[str, float]:
        return dict(json.loads(self.sums.read_text(encoding="utf-8"))["used"].get(engine, {}))

    def run(self, *arguments: str) -> int:
        return main([*arguments, "--config", str(self.config)])


def house(folder: Path, kind: str, name: str, limit: str) -> House:
    """One where an engine has a limit; nothing was stored there before."""
    storage = folder / "var"
    config = folder / "allo.toml"
    config.write_text(
        f'[storage]\ndir = "{storage}"\n[tts]\nengine = "espeak"\n'
        f'[[costs.engines]]\nkind = "{kind}"\nname = "{name}"\n{limit}\n'
    )
    return House(config, storage / FILE)


def test_a_text_is_said_until_the_day_is_used_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here, out = house(tmp_path, "tts", "espeak", "per_million_characters = 1e6\nmoney_a_day = 15"), tmp_path / "a.wav"
    for options in ((), ("--voice", "espeak:ru+f2")):
        assert here.run("say", "Добрый день", "-o", str(out), *options) == 0
    used = here.used("tts espeak")
    assert used["characters"] == 2 * len("Добрый день")
    assert used["minutes"] > 0.01
    out.unlink()
    capsys.readouterr()
    for options in ((), ("--voice", "espeak")):
        assert here.run("say", "Добрый день", "-o", str(out), *options) == 2
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1
        assert said[0].endswith(
            "tts espeak: the day's limit is used up (22.00 RUB, 0.0 minutes today of 15 RUB; spent, passed over until "
            "midnight); see [costs]"
        )
    assert not out.exists()
    assert here.used("tts espeak") == used


def test_a_file_is_heard_until_the_day_is_used_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = house(tmp_path, "stt", "vosk", "minutes_a_day = 0.01")
    sentence = read_mono(SPOKEN)
    write_mono(tmp_path / "two.wav", sentence + silence(16_000) + sentence, 8000)
    assert here.run("transcribe", str(tmp_path / "two.wav")) == 2
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 1
    assert "allo: stt vosk: the day's limit is used up (" in told.err
    seconds = here.used("stt vosk")["minutes"] * 60
    assert seconds == pytest.approx(len(sentence) / 2 / 8000, abs=1.0)
    assert here.run("transcribe", str(tmp_path / "two.wav"), "--engine", "vosk") == 2
    assert capsys.readouterr().out == ""


def test_what_the_daemon_used_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = house(tmp_path, "stt", "vosk", "per_minute = 2\nmoney_a_day = 10")
    here.sums.parent.mkdir()
    today = datetime.now().astimezone().date().isoformat()
    here.sums.write_text(json.dumps({"day": today, "used": {"stt vosk": {"minutes": 5.0}}}))
    assert here.run("transcribe", str(SPOKEN)) == 2
    assert "(10.00 RUB, 5.0 minutes today of 10 RUB" in capsys.readouterr().err


def test_the_bench_counts_and_says_what_it_could_not_measure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = house(tmp_path, "tts", "espeak", "minutes_a_day = 0.02")
    assert here.run("engines", "bench", "--rounds", "1", "--json") == 1
    voice, recogniser = json.loads(capsys.readouterr().out)
    assert voice["fault"].startswith("tts espeak: the day's limit is used up (")
    assert recogniser["fault"] == ""
    assert here.used("tts espeak")["minutes"] >= 0.02


def test_the_bench_counts_what_recognisers_hear(tmp_path: Path) -> None:
    here = house(tmp_path, "stt", "vosk", "per_minute = 1")
    assert here.run("engines", "bench", "--rounds", "1", "--json") == 0
    assert 5 < here.used("stt vosk")["minutes"] * 60 < 30
