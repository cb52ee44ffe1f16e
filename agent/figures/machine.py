"""What the daemon stands on: disk, versions, how long it has run. For the page of health."""

import platform
import shutil
import sqlite3
import time
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("aiohttp", "aiosqlite", "aiosipua", "aiortp", "numpy", "soxr", "vosk", "piper-tts", "openai", "uvloop")
"""Libraries whose faults a person may have to report."""
MEGA = 1_000_000
LOW_MB = 1000
"""With less room recordings of a busy week may not fit, megabytes."""
_BEGAN = time.monotonic()


def machine(folder: Path) -> dict[str, Any]:
    """Free room where ``folder`` lies in megabytes, versions, seconds since the start."""
    return {"disk": _disk(folder), "versions": _versions(), "up_s": round(time.monotonic() - _BEGAN)}


def _disk(folder: Path) -> dict[str, Any]:
    try:
        room = shutil.disk_usage(folder)
    except OSError as error:
        return {"folder": str(folder), "fault": error.strerror or "unreadable"}
    free = room.free // MEGA
    return {"folder": str(folder), "free_mb": free, "of_mb": room.total // MEGA, "low": free < LOW_MB}


@lru_cache(1)
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "system": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # an extra that is not installed
    return found
