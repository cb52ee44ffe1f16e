"""A model's ZIP archive to a folder; nothing of it may land anywhere else."""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from agent.errors import StartError

MOST_UNPACKED = 12 << 30
"""No model is larger, bytes: a guard against an archive that unpacks without end."""


def unpack(archive: Path, target: Path) -> Path:
    """Unpack a Vosk model into ``target``; return the folder that holds it. The archive's own CRCs are checked too.

    A bad archive is thrown away, so that the next pull fetches it anew; raises ``StartError``.
    """
    try:
        with zipfile.ZipFile(archive) as pack:
            _refuse_tricks(archive, pack.infolist())
            pack.extractall(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        archive.unlink(missing_ok=True)
        raise StartError(f"{archive.name}: the archive is damaged ({error}); it was thrown away, try again") from None
    inner = [path for path in target.iterdir() if path.is_dir()]
    model = inner[0] if len(inner) == 1 and not (target / "am").is_dir() else target
    if not ((model / "am" / "final.mdl").is_file() or (model / "final.mdl").is_file()):
        archive.unlink(missing_ok=True)
        raise StartError(f"{archive.name}: there is no Vosk model in this archive; it was thrown away")
    return model


def _refuse_tricks(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    """No entry may leave the folder, be a link, or unpack without end."""
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        link = stat.S_ISLNK(entry.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or ":" in entry.filename or link:
            archive.unlink(missing_ok=True)
            raise StartError(f"{archive.name}: refused, an entry of it points outside its folder; it was thrown away")
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        archive.unlink(missing_ok=True)
        raise StartError(f"{archive.name}: refused, it unpacks to more than {MOST_UNPACKED >> 30} GB")
