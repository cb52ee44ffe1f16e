"""Backups: one archive of records, knowledge, prompts and settings, taken while calls go on, checked when restored.

A backup is a gzipped tar: the files under ``storage/``, ``kb/``, ``prompts/`` and ``settings/``, and ``manifest.json``
with their SHA-256 sums. Caches and indexes are not in it: they are made anew from the rest.
"""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from agent.errors import RecordError, StartError
from agent.settings import Settings

FORMAT = 1
"""Of the archive; a newer one is refused."""
MANIFEST = "manifest.json"
DATABASES = ("calls.sqlite", "callers.sqlite", "versions.sqlite")
KEPT_FILES = (
    *("modem/sms.jsonl", "modem/call_backs.json", "wrong_answers.tsv"),
    *("settings.toml", "web.key", "costs.json", "deletions.jsonl"),
)
RECORDINGS = "calls_log"
VOICES = "voices"
"""Cloned ones, with the recordings that they were cloned from."""
CODE = (".py", ".pyc")
TABLES = "data"
"""Beside the demo knowledge lie the search's own tables; they belong to the program."""
NAME = "allo-%Y%m%d-%H%M%S.tar.gz"
BLOCK = 1 << 20
"""Bytes read at a time."""

Progress = Callable[[int, int], None]
"""Files done, files in all."""


def make(settings: Settings, target: Path, recordings: bool, progress: Progress) -> Path:
    """Write a backup to ``target``, a file or a folder; raises ``RecordError`` and leaves no half behind."""
    if target.is_dir() or not target.suffix:
        target /= datetime.now(UTC).strftime(NAME)
    unfinished = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            _pack(unfinished, list(_files(settings, Path(scratch), recordings)), progress)
        unfinished.replace(target)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        why = error.strerror if isinstance(error, OSError) else error
        raise RecordError(f"{target}: the backup can't be written: {why}") from None
    return target


def thin_out(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest ``keep`` backups of a folder; those that are gone."""
    old = sorted(folder.glob("allo-*.tar.gz"))[: -keep or None]
    for path in old:
        path.unlink()
    return old


def restore(
    archive: Path, settings: Settings, settings_file: Path | None, force: bool, progress: Progress
) -> list[str]:
    """Put a backup back where ``settings`` say; what is told to the person, line by line.

    Everything is unpacked and compared with its sum before anything is changed. Raises ``StartError`` for an archive
    that is damaged, or where records are already and ``force`` is not given; with it they are kept beside the new.
    """
    places = {"storage": settings.storage.dir, "kb": settings.kb.dir, "prompts": settings.prompts.dir}
    if settings_file is not None:
        places["settings"] = settings_file.parent
    if (settings.storage.dir / DATABASES[0]).exists() and not force:
        raise StartError(f"{settings.storage.dir}: there are records already; --force keeps them beside the others")
    settings.storage.dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.storage.dir) as scratch:
        names = _unpack(archive, Path(scratch), progress)
        return [_place(Path(scratch), name, places, settings_file) for name in names]


def _files(settings: Settings, scratch: Path, recordings: bool) -> Iterator[tuple[str, Path]]:
    """(name in the archive, file) of all that is kept; of databases a copy in ``scratch``."""
    storage = settings.storage.dir
    for name in DATABASES:
        if (storage / name).exists():
            yield f"storage/{name}", _copy_database(storage / name, scratch / name)
    yield from ((f"storage/{name}", storage / name) for name in KEPT_FILES if (storage / name).is_file())
    if recordings:
        yield from _under(storage / RECORDINGS, f"storage/{RECORDINGS}")
    yield from _under(storage / VOICES, f"storage/{VOICES}")
    yield from _under(settings.kb.dir, "kb")
    yield from _under(settings.prompts.dir, "prompts")
    if settings.source is not None and settings.source.is_file() and settings.source.parent != storage:
        yield f"settings/{settings.source.name}", settings.source


def _under(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and path.suffix not in CODE and inside.parts[0] != TABLES:
            yield f"{name}/{inside.as_posix()}", path


def _copy_database(source: Path, target: Path) -> Path:
    """SQLite's online backup: a whole copy whatever is being written meanwhile (sqlite.org/backup.html)."""
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy, pages=1000)
    return target


def _pack(target: Path, files: list[tuple[str, Path]], progress: Progress) -> None:
    sums: dict[str, dict[str, object]] = {}
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            for number, (name, path) in enumerate(files):
                progress(number, len(files))
                size, digest = _add(archive, name, path)
                sums[name] = {"bytes": size, "sha256": digest}
            made = datetime.now(UTC).isoformat(timespec="seconds")
            manifest = {"format": FORMAT, "allo": version("allo"), "made_at": made, "files": sums}
            _add_bytes(archive, MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
        out.flush()
        os.fsync(out.fileno())
    progress(len(files), len(files))


def _add(archive: tarfile.TarFile, name: str, path: Path) -> tuple[int, str]:
    """A file as it is now: what is appended to it while it is read is left out."""
    with path.open("rb") as file:
        entry = tarfile.TarInfo(name)
        status = os.fstat(file.fileno())
        entry.size, entry.mtime, entry.mode = status.st_size, int(status.st_mtime), 0o600
        reader = _Summed(file)
        archive.addfile(entry, reader)
        return entry.size, reader.sum.hexdigest()


class _Summed(io.RawIOBase):
    """A file whose bytes are summed up as they are read."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file, self.sum = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self.sum.update(data)
        return data


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o600
    archive.addfile(entry, io.BytesIO(data))


def _unpack(archive: Path, scratch: Path, progress: Progress) -> list[str]:
    """All files of a backup under ``scratch``, each as its sum says; their names."""
    try:
        with tarfile.open(archive, "r:gz") as packed:
            for entry in packed:
                _extract(packed, entry, scratch)
        manifest = json.loads((scratch / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise StartError(f"{archive}: not a whole backup of Allo: {error}") from None
    if manifest.get("format", 0) > FORMAT:
        raise StartError(f"{archive}: made by a newer Allo ({manifest.get('allo')}); upgrade, then restore")
    names = sorted(manifest["files"])
    for number, name in enumerate(names):
        progress(number, len(names))
        if not (scratch / name).is_file() or _sum(scratch / name) != manifest["files"][name]["sha256"]:
            raise StartError(f"{archive}: {name} is damaged; nothing was changed")
    progress(len(names), len(names))
    return names


def _extract(packed: tarfile.TarFile, entry: tarfile.TarInfo, scratch: Path) -> None:
    """One plain file; raises ``ValueError`` for anything else, and for a name that leads out of ``scratch``."""
    target = scratch / entry.name
    content = packed.extractfile(entry) if entry.isfile() else None
    if content is None or not target.resolve().is_relative_to(scratch.resolve()):
        raise ValueError(f"{entry.name} does not belong there")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        shutil.copyfileobj(content, out, BLOCK)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _place(scratch: Path, name: str, places: dict[str, Path], settings_file: Path | None) -> str:
    room, _, rest = name.partition("/")
    if room not in places or not rest:
        return f"{name}: left in the archive; --config FILE says where the settings go"
    target = settings_file if room == "settings" and settings_file is not None else places[room] / rest
    target.parent.mkdir(parents=True, exist_ok=True)
    note = ""
    if target.exists() and _sum(target) != _sum(scratch / name):
        before = target.with_name(f"{target.name}.before-restore")
        target.replace(before)
        note = f"; what was there is {before.name}"
    for leftover in (f"{target.name}-wal", f"{target.name}-shm"):  # of the database that was here before
        target.with_name(leftover).unlink(missing_ok=True)
    shutil.move(scratch / name, target)
    return f"{target}{note}"
