"""Commands that a person runs on a machine where Allo is a service: they mean the service's records, not a new folder.

The unit tells the daemon where its records and texts lie and which secrets it gets; nothing of that stands in the
settings file. So a command that is given the service's own file reads the unit, and what it wrote as root is left to
the user that systemd made for the service.
"""

import os
import stat
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

UNIT = Path("etc/systemd/system/allo.service")
STATE = "var/lib"
"""What ``%S`` stands for in a system's unit (systemd.unit(5))."""
STORAGE = "ALLO_STORAGE__DIR"
ROOT = Path("/")
"""Where this machine's files are."""


def take_over(config: Path | None, environ: MutableMapping[str, str], root: Path | None = None) -> Path | None:
    """Fill ``environ`` with what the service of this settings file is told; return where it writes.

    ``None``, and nothing is changed: no service is installed, it has another file, or somebody has said where to write.
    What stands in ``environ`` already stays. Secrets are left out where this user may not read them.
    """
    if config is None or STORAGE in environ:
        return None
    root = root or ROOT
    try:
        lines = (root / UNIT).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    told = [line.partition("=")[::2] for line in lines]
    if str(config.absolute()) not in " ".join(value for key, value in told if key == "ExecStart").split():
        return None
    for key, value in told:
        if key == "Environment":
            for name, _, text in (word.partition("=") for word in value.split()):
                if name.startswith("ALLO_"):
                    environ.setdefault(name, text.replace("%S", str(root / STATE)))
        elif key == "LoadCredential":
            _take_secrets(root / value.partition(":")[2].lstrip("/"), environ)
    return Path(environ[STORAGE]) if STORAGE in environ else None


def _take_secrets(folder: Path, environ: MutableMapping[str, str]) -> None:
    with suppress(OSError):  # they are root's
        for path in sorted(folder.iterdir()):
            section, _, key = path.name.partition(".")
            environ.setdefault(f"ALLO_{section}__{key}".upper(), path.read_text(encoding="utf-8").strip())


def give_back(folder: Path | None) -> None:
    """Give what root wrote in ``folder`` to the folder's owner, who could not write it again otherwise."""
    if folder is None or os.geteuid() != 0:
        return
    with suppress(OSError):  # there is no such folder
        owner = folder.stat()
        if owner.st_uid:
            for place, folders, files in os.walk(folder):
                for name in (*folders, *files):
                    _give(Path(place) / name, owner)


def _give(path: Path, owner: os.stat_result) -> None:
    with suppress(OSError):  # gone meanwhile
        found = path.lstat()
        if found.st_uid == 0 and not stat.S_ISLNK(found.st_mode):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
