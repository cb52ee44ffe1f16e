"""The call log's index: an old log gets it, and it follows every change."""

import sqlite3
from pathlib import Path

import pytest

from agent.record.archive import Archive, Selection, excerpt, open_archive
from agent.store import SCHEMA, SCHEMA_VERSION, SEARCH, CallLog, open_log

CALL = """INSERT INTO calls (id, line, number, called, language, started_at, ended_at, status)
VALUES (?, 'sip', ?, '', 'ru', ?, ?, ?)"""


def old_log(path: Path) -> None:
    """As the first version of Allo left it."""
    db = sqlite3.connect(path)
    with db:
        db.executescript(SCHEMA + "PRAGMA user_version=1;")
        for number in (3, 1, 2):  # not in the order of time
            at = f"2026-01-0{number}T00:00:00.000+00:00"
            db.execute(CALL, (f"c{number}", f"10{number}", at, at.replace("00.000", "30.500"), "completed"))
            db.execute(
                "INSERT INTO turns (call_id, n, heard) VALUES (?, 1, ?)", (f"c{number}", f"гарантия номер {number}")
            )
    db.close()


async def both(folder: Path) -> tuple[CallLog, Archive]:
    log = await open_log(folder / "calls.sqlite")
    return log, await open_archive(folder / "calls.sqlite", log, folder, "ru")


async def test_an_old_log_gets_its_index(tmp_path: Path) -> None:
    old_log(tmp_path / "calls.sqlite")

    log, archive = await both(tmp_path)
    try:
        found = await archive.page(Selection(q="гарантию"))
        version = await log.read("PRAGMA user_version")
    finally:
        await archive.close()
        await log.close()

    assert [(call["id"], call["seq"], call["seconds"]) for call in found.calls] == [
        ("c3", 3, 30.5),
        ("c2", 2, 30.5),
        ("c1", 1, 30.5),
    ]
    assert version == [{"user_version": SCHEMA_VERSION}]


async def test_a_log_of_the_second_schema_gets_a_place_for_passages(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    db = sqlite3.connect(path)
    with db:
        db.executescript(SCHEMA + SEARCH)
        at = "2026-01-01T00:00:00.000+00:00"
        db.execute(CALL, ("c1", "100", at, at, "completed"))
        db.execute("INSERT INTO turns (call_id, n, heard) VALUES ('c1', 1, 'какая гарантия')")
    db.close()

    log, archive = await both(tmp_path)
    try:
        call = await archive.call("c1")
        version = await log.read("PRAGMA user_version")
    finally:
        await archive.close()
        await log.close()

    assert call is not None
    assert call["turns"][0]["passages"] == []
    assert version == [{"user_version": SCHEMA_VERSION}]


async def test_the_index_survives_vacuum(tmp_path: Path) -> None:
    old_log(tmp_path / "calls.sqlite")
    log, archive = await both(tmp_path)
    try:
        assert await archive.delete_call("c1")
        await log.write([])
        db = sqlite3.connect(tmp_path / "calls.sqlite")
        db.execute("VACUUM")
        db.close()
        await log.write([(CALL, ("c4", "104", "2026-01-04T00:00:00.000+00:00", None, "active"))])
        await log.write([("UPDATE calls SET ended_at = started_at WHERE id = 'c4'", ())])
        found = {
            q: [call["id"] for call in (await archive.page(Selection(q=q))).calls] for q in ("гарантия", "104", "10")
        }
    finally:
        await archive.close()
        await log.close()

    assert found == {"гарантия": ["c3", "c2"], "104": ["c4"], "10": ["c4", "c3", "c2"]}


@pytest.mark.parametrize(
    ("stems", "shown"),
    [
        (["доставк"], "Есть \1доставка\2 по стране · и \1доставка\2 за рубеж"),
        (["рубеж"], "Есть доставка по стране · и доставка за \1рубеж\2"),
        (["100"], "\x01100\2 200 · Есть доставка по стране · и доставка за рубеж"),
    ],
)
def test_an_excerpt_shows_whole_words_and_numbers_only_when_asked_for(stems: list[str], shown: str) -> None:
    assert excerpt("100 200\nЕсть доставка по стране\nи доставка за рубеж", stems) == shown
