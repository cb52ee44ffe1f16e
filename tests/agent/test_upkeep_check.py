"""What the doctor says of keys, clock, prices, backups and units."""

import os
from pathlib import Path

import pytest

from agent.commands.service_command import COMMAND, CONFIG, SYSTEM, UNITS, unit
from agent.doctor.upkeep_check import backups, clock, prices, recordings, units
from agent.record.sealed import SealedWriter, new_key, read_key
from agent.settings import Settings, load

KEY, OTHER = new_key(), new_key()


def house(folder: Path, **sections: object) -> Settings:
    return Settings.model_validate({"storage": {"dir": folder}, **sections})


def sealed(folder: Path, key: str) -> None:
    (folder / "calls_log").mkdir(exist_ok=True)
    SealedWriter(folder / "calls_log" / "one.sealed", 8000, read_key(key)).close()


def test_plain_recordings_are_well(tmp_path: Path) -> None:
    assert recordings(house(tmp_path)).state == "ok"


def test_the_key_must_be_there_and_be_one(tmp_path: Path) -> None:
    none = recordings(house(tmp_path, recording={"encrypt": True}))
    wrong = recordings(house(tmp_path, recording={"encrypt": True, "key": "short"}))
    assert [found.state for found in (none, wrong)] == ["fault", "fault"]
    assert "there is no key" in none.result
    assert "not a key" in wrong.result
    assert "new-key" in none.advice


def test_the_key_must_open_what_is_there(tmp_path: Path) -> None:
    sealed(tmp_path, OTHER)
    lost = recordings(house(tmp_path, recording={"encrypt": True, "key": KEY}))
    assert lost.state == "fault"
    assert "old_keys" in lost.advice
    assert recordings(house(tmp_path, recording={"encrypt": True, "key": KEY, "old_keys": OTHER})).state == "ok"
    assert recordings(house(tmp_path)).state == "fault"


def test_a_key_in_the_settings_file_is_in_every_backup(tmp_path: Path) -> None:
    path = tmp_path / "allo.toml"
    path.write_text(f'[recording]\nencrypt = true\nkey = "{KEY}"\n[storage]\ndir = "{tmp_path}"\n', encoding="utf-8")
    assert "credential" in recordings(load(path)).advice


def test_a_backup_is_to_be_young(tmp_path: Path) -> None:
    assert backups(house(tmp_path)).state == "warning"
    made = tmp_path / "backups" / "allo-20261101-033000.tar.gz"
    made.parent.mkdir()
    made.touch()
    assert backups(house(tmp_path)).state == "ok"
    os.utime(made, (0, 0))
    assert backups(house(tmp_path)).result.startswith("the newest is of 1970")


def test_the_clock_is_looked_at() -> None:
    assert clock().state in ("ok", "warning")
    assert clock().check == "clock"


PRICE = {"kind": "stt", "name": "yandex", "per_minute": 1}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({}, []),
        ({"llm": {"base_url": "http://127.0.0.1:11434/v1"}}, []),
        ({"llm": {"base_url": "http://vllm:8000/v1"}}, []),
        ({"llm": {"api_key": "sk"}}, ["gpt-4o-mini: no price"]),
        ({"stt": {"engine": ["yandex", "vosk"]}}, ["yandex: no price"]),
        ({"stt": {"engine": ["yandex", "vosk"]}, "costs": {"engines": [PRICE]}}, ["yandex: no limit"]),
        (
            {"stt": {"engine": ["yandex"]}, "costs": {"engines": [{**PRICE, "money_a_day": 5}]}},
            ["yandex: nobody takes over when its day is used up"],
        ),
        (
            {"stt": {"engine": ["yandex", "vosk"]}, "costs": {"engines": [{**PRICE, "money_a_day": 5}]}},
            ["yandex: 5 RUB a day at most"],
        ),
        ({"tts": {"engine": ["openai", "espeak"]}, "openai": {"base_url": "http://gpu:1/v1"}}, []),
    ],
)
def test_what_sends_a_bill_has_a_price_and_a_limit(
    tmp_path: Path, sections: dict[str, object], said: list[str]
) -> None:
    assert [finding.result for finding in prices(house(tmp_path, **sections))] == said


def test_units_are_those_of_this_version(tmp_path: Path) -> None:
    assert units(tmp_path) == []
    folder = tmp_path / SYSTEM
    folder.mkdir(parents=True)
    for name in UNITS:
        (folder / name).write_text(unit(name, "/srv/allo/bin/allo", "/srv/allo.toml"), encoding="utf-8")
    assert [found.state for found in units(tmp_path)] == ["ok"]
    (folder / "allo.service").write_text(unit("allo.service", COMMAND, CONFIG) + "# mine\n", encoding="utf-8")
    (folder / "allo-retention.timer").unlink()
    (found,) = units(tmp_path)
    assert found.result == "allo.service differs, allo-retention.timer is missing"
