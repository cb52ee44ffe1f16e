"""A backup of one machine, restored on an empty one."""

import json
import resource
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import RecordError, StartError
from agent.record import backup
from agent.settings import Settings, load
from agent.store import open_log


def quiet(_done: int, _of: int) -> None:
    """Nobody watches."""


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str], Settings]:
    def make(name: str) -> Settings:
        home = tmp_path / name
        home.mkdir()
        lines = [f'[storage]\ndir = "{home}/var"', f'[kb]\ndir = "{home}/kb"', f'[prompts]\ndir = "{home}/prompts"']
        (home / "allo.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return load(home / "allo.toml")

    return make


async def lived_in(settings: Settings) -> None:
    """Records of a call, a text of its own."""
    storage = settings.storage.dir
    (storage / "calls_log").mkdir(parents=True)
    (storage / "calls_log/one.wav").write_bytes(b"RIFF")
    (storage / "voices/anna").mkdir(parents=True)
    (storage / "voices/anna/1.wav").write_bytes(b"RIFF")
    (storage / "costs.json").write_text("{}", encoding="utf-8")
    log = await open_log(storage / "calls.sqlite")
    columns = "(id, line, number, called, language, started_at, status)"
    values = ("one", "sip", "+79160000000", "100", "ru", "2026-11-21T10:00:00Z", "completed")
    await log.write([(f"INSERT INTO calls {columns} VALUES (?, ?, ?, ?, ?, ?, ?)", values)])
    await log.close()
    for folder, name, text in (
        (settings.kb.dir, "general.md", "# Пироги\n"),
        (settings.prompts.dir, "ru.txt", "привет"),
    ):
        folder.mkdir()
        (folder / name).write_text(text, encoding="utf-8")


def calls(settings: Settings) -> list[str]:
    with closing(sqlite3.connect(settings.storage.dir / "calls.sqlite")) as db:
        return [row[0] for row in db.execute("SELECT id FROM calls")]


async def test_an_empty_machine_is_as_the_old_one_was(machine: Callable[[str], Settings], tmp_path: Path) -> None:
    old, new = machine("old"), machine("new")
    await lived_in(old)
    archive = backup.make(old, tmp_path / "backups", recordings=True, progress=quiet)
    assert archive.stat().st_mode & 0o777 == 0o600
    assert list(archive.parent.iterdir()) == [archive]
    told = backup.restore(archive, new, tmp_path / "new/allo.toml", force=False, progress=quiet)
    assert calls(new) == ["one"]
    assert (new.kb.dir / "general.md").read_text(encoding="utf-8") == "# Пироги\n"
    assert (new.prompts.dir / "ru.txt").read_text(encoding="utf-8") == "привет"
    assert (new.storage.dir / "calls_log/one.wav").read_bytes() == b"RIFF"
    assert (new.storage.dir / "voices/anna/1.wav").read_bytes() == b"RIFF"
    assert (new.storage.dir / "costs.json").read_text(encoding="utf-8") == "{}"
    assert (tmp_path / "new/allo.toml.before-restore").exists()
    assert (tmp_path / "new/allo.toml").read_bytes() == (tmp_path / "old/allo.toml").read_bytes()
    assert len(told) == 7


async def test_what_is_written_meanwhile_does_not_tear_the_copy(
    machine: Callable[[str], Settings], tmp_path: Path
) -> None:
    settings = machine("old")
    await lived_in(settings)
    with closing(sqlite3.connect(settings.storage.dir / "calls.sqlite")) as busy:
        busy.execute("UPDATE calls SET status = 'failed'")  # begun and not committed
        archive = backup.make(settings, tmp_path / "one.tar.gz", recordings=False, progress=quiet)
    with tarfile.open(archive) as packed:
        packed.extract("storage/calls.sqlite", tmp_path / "out")
    with closing(sqlite3.connect(tmp_path / "out/storage/calls.sqlite")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT status FROM calls").fetchone() == ("completed",)


async def test_records_are_not_written_over(machine: Callable[[str], Settings], tmp_path: Path) -> None:
    settings = machine("old")
    await lived_in(settings)
    archive = backup.make(settings, tmp_path / "one.tar.gz", recordings=False, progress=quiet)
    with pytest.raises(StartError, match="--force"):
        backup.restore(archive, settings, None, force=False, progress=quiet)
    with closing(sqlite3.connect(settings.storage.dir / "calls.sqlite")) as db:
        db.execute("UPDATE calls SET id = 'newer'")
        db.commit()
    backup.restore(archive, settings, None, force=True, progress=quiet)
    assert calls(settings) == ["one"]
    with closing(sqlite3.connect(settings.storage.dir / "calls.sqlite.before-restore")) as db:
        assert db.execute("SELECT id FROM calls").fetchall() == [("newer",)]


@pytest.mark.parametrize("fault", ["cut", "changed", "newer", "outside", "no tar"])
async def test_a_damaged_backup_changes_nothing(fault: str, machine: Callable[[str], Settings], tmp_path: Path) -> None:
    old, new = machine("old"), machine("new")
    await lived_in(old)
    archive = backup.make(old, tmp_path / "one.tar.gz", recordings=False, progress=quiet)
    damage(archive, fault)
    with pytest.raises(StartError, match=r"one\.tar\.gz"):
        backup.restore(archive, new, None, force=False, progress=quiet)
    assert list(new.storage.dir.iterdir()) == []
    assert not new.kb.dir.exists()
    assert not (tmp_path / "escaped").exists()


def damage(archive: Path, fault: str) -> None:
    if fault == "cut":
        archive.write_bytes(archive.read_bytes()[:-200])
    elif fault == "no tar":
        archive.write_bytes(b"not a backup")
    else:
        rewrite(archive, fault)


def rewrite(archive: Path, fault: str) -> None:
    folder = archive.parent / "unpacked"
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    if fault == "changed":
        (folder / "kb/general.md").write_text("# Другое\n", encoding="utf-8")
    manifest = json.loads((folder / backup.MANIFEST).read_text(encoding="utf-8"))
    if fault == "newer":
        manifest["format"] = backup.FORMAT + 1
    (folder / backup.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with tarfile.open(archive, "w:gz") as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.add(path, path.relative_to(folder).as_posix())
        if fault == "outside":
            packed.add(folder / "kb/general.md", "../../escaped")


def test_only_the_newest_stay(tmp_path: Path) -> None:
    names = [f"allo-2026112{day}-033000.tar.gz" for day in range(5)]
    for name in (*names, "mine.tar.gz"):
        (tmp_path / name).touch()
    gone = backup.thin_out(tmp_path, 2)
    assert [path.name for path in gone] == names[:3]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names[3:], "mine.tar.gz"]


async def test_a_disk_that_is_full_leaves_no_half(machine: Callable[[str], Settings], tmp_path: Path) -> None:
    settings = machine("old")
    await lived_in(settings)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, hard))
    try:
        with pytest.raises(RecordError, match=r"one\.tar\.gz"):
            backup.make(settings, tmp_path / "out/one.tar.gz", recordings=False, progress=quiet)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "out").iterdir()) == []
