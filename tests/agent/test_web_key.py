"""The key of the page where nobody chose one."""

import os
import stat
from pathlib import Path

import pytest

from agent.desk.web_key import NAME, WebKey, web_key
from agent.errors import StartError
from agent.settings import Settings, Storage, Web

ADDRESS = "http://127.0.0.1:9000/"


def house(folder: Path, key: str = "") -> Settings:
    return Settings(storage=Storage(dir=folder), web=Web(api_key=key))  # type: ignore[arg-type]


def test_it_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = web_key(house(tmp_path / "var"))
    file = tmp_path / "var" / NAME

    assert len(first.value) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first.place(ADDRESS) == f"{ADDRESS}#/calls?key={first.value}"
    file.chmod(0o644)
    again = web_key(house(tmp_path / "var"))
    assert (again.value, again.fresh) == (first.value, False)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first.value not in again.place(ADDRESS)
    assert str(file) in again.place(ADDRESS)


def test_the_journal_does_not_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, out = web_key(house(tmp_path)), os.fstat(1)
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")  # somebody else's: a terminal inherits it
    assert key.value in key.place(ADDRESS)
    monkeypatch.setenv("JOURNAL_STREAM", f"{out.st_dev}:{out.st_ino}")
    assert key.value not in key.place(ADDRESS)
    assert str(tmp_path / NAME) in key.place(ADDRESS)


def test_a_key_of_the_settings_goes_before_it(tmp_path: Path) -> None:
    key = web_key(house(tmp_path, "chosen"))

    assert key == WebKey("chosen")
    assert key.place(ADDRESS) == ADDRESS
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_filled_and_a_broken_one_explained(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("\n", encoding="ascii")
    assert web_key(house(tmp_path)).fresh
    (tmp_path / NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(StartError, match=r"web\.key: the key of the page can't be kept there: not a key"):
        web_key(house(tmp_path))
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).mkdir()
    with pytest.raises(StartError, match=r"set \[web\] api_key"):
        web_key(house(tmp_path))
