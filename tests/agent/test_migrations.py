"""A call log of any released Allo is taken over whole: one file of SQL for each schema there ever was."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import StartError
from agent.record.archive import Selection, open_archive
from agent.store import MIGRATIONS, SCHEMA_VERSION, open_log

SCHEMAS = sorted((Path(__file__).parent / "schemas").glob("*.sql"), key=lambda path: int(path.stem))


def made(folder: Path, script: str | Path) -> Path:
    """A call log in ``folder`` by SQL, or by a file of it."""
    path = folder / "calls.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script if isinstance(script, str) else script.read_text(encoding="utf-8"))
    return path


def shape(path: Path) -> dict[str, set[str]]:
    """Tables, indexes and triggers, each with its columns where it has some."""
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")]
        return {name: {row[1] for row in db.execute(f"PRAGMA table_xinfo('{name}')")} for name in names}


def test_every_schema_that_was_released_has_its_file() -> None:
    """Whoever makes a new schema keeps the one of before: it is out there on people's machines."""
    assert [int(path.stem) for path in SCHEMAS][: SCHEMA_VERSION - 1] == list(range(1, SCHEMA_VERSION))
    assert [schema for schema, _ in MIGRATIONS] == list(range(2, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("script", SCHEMAS, ids=lambda path: f"schema {path.stem}")
async def test_it_is_taken_over_whole(script: Path, tmp_path: Path) -> None:
    path = made(tmp_path, script)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (int(script.stem),)
    log = await open_log(path)
    archive = await open_archive(path, log, tmp_path, "ru")
    try:
        found = await archive.page(Selection(q="гарантия"))
        first = await archive.call("first")
        third = await log.read("SELECT status, ended_at, seq FROM calls WHERE id = 'third'")
        await log.write([("UPDATE calls SET ended_at = started_at, status = 'failed' WHERE id = 'third'", ())])
        spruce = await archive.page(Selection(q="елку"))
        assert (await archive.page(Selection())).total == 3
    finally:
        await archive.close()
        await log.close()
    assert [row["id"] for row in found.calls] == ["first"]
    assert first is not None
    assert (first["number"], first["status"], first["recording"], first["seconds"]) == (
        "79161234567",
        "completed",
        "first.wav",
        pytest.approx(60),
    )
    assert [turn["said_heard"] for turn in first["turns"]] == ["Здравствуйте!", "Гарантия двенадцать"]
    assert first["turns"][1]["stages"] == {"turn_end": 240}
    assert first["turns"][1]["passages"] == []
    assert [event["kind"] for event in first["events"]] == ["interruption"]
    assert third == [{"status": "active", "ended_at": None, "seq": 3}]
    assert [row["id"] for row in spruce.calls] == ["third"]


@pytest.mark.parametrize("script", SCHEMAS, ids=lambda path: f"schema {path.stem}")
async def test_it_becomes_the_same_as_a_new_one(script: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    for path in (made(old, script), new / "calls.sqlite"):
        await (await open_log(path)).close()
    assert shape(old / "calls.sqlite") == shape(new / "calls.sqlite")


async def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    path = made(tmp_path, SCHEMAS[0])
    await (await open_log(path)).close()
    before = shape(path)
    log = await open_log(path)
    try:
        assert len(await log.read("SELECT id FROM calls")) == 3
    finally:
        await log.close()
    assert shape(path) == before


async def test_a_newer_one_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = made(tmp_path, f"CREATE TABLE calls (id TEXT); PRAGMA user_version = {SCHEMA_VERSION + 1};")
    with pytest.raises(StartError, match=rf"newer Allo \(schema {SCHEMA_VERSION + 1}\); upgrade Allo"):
        await open_log(path)
    assert set(shape(path)) == {"calls"}
