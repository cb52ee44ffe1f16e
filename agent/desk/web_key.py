"""The key of the page where the settings name none: made once, kept in a file that only its owner reads."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from agent.errors import StartError
from agent.settings import Settings

NAME = "web.key"
KEY_BYTES = 24
"""Randomness of a key, bytes."""


@dataclass(frozen=True, slots=True)
class WebKey:
    """What ``X-API-Key`` must say."""

    value: str
    file: Path | None = None
    """Where it is kept; None: it stands in the settings."""
    fresh: bool = False
    """It was made just now."""

    def place(self, address: str) -> str:
        """Where the page is, as a person is told: with the key only when it is new, and no journal keeps it."""
        if self.fresh and not _journalled():
            return f"{address}#/calls?key={self.value}"
        return f"{address}  (its key: {self.file})" if self.file else address


def _journalled() -> bool:
    """Standard output is systemd's journal (systemd.exec(5), ``JOURNAL_STREAM``), which keeps it for years."""
    out = os.fstat(1)
    return os.environ.get("JOURNAL_STREAM") == f"{out.st_dev}:{out.st_ino}"


def web_key(settings: Settings) -> WebKey:
    """The key of the settings, else the kept one, else a new one; raises ``StartError`` naming the file."""
    given = settings.web.api_key.get_secret_value()
    path = settings.storage.dir / NAME
    try:
        return WebKey(given) if given else _kept(path) or _made(path)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a key"
        raise StartError(f"{path}: the key of the page can't be kept there: {why}; set [web] api_key") from None


def _kept(path: Path) -> WebKey | None:
    if not path.exists():
        return None
    if path.stat().st_mode & 0o777 != 0o600:
        path.chmod(0o600)  # a copy or a backup may have opened it to others
    value = path.read_text(encoding="ascii").strip()
    return WebKey(value, path) if value else None


def _made(path: Path) -> WebKey:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        # it is the first file of a new house that is written: nothing else could be kept there either
        why = f"can't be made: {error.strerror}; set [storage] dir to a writable folder"
        raise StartError(f"{path.parent}: {why}") from None
    value = secrets.token_urlsafe(KEY_BYTES)
    fresh = path.with_suffix(".part")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(value + "\n")
    fresh.replace(path)
    return WebKey(value, path, fresh=True)
