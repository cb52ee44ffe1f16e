"""The language tables beside the code: read once, on first use."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from agent.errors import StartError

DATA = Path(__file__).parent / "data"


@cache
def table(name: str) -> dict[str, Any]:
    """The table ``data/<name>.toml``; raises ``StartError`` naming the file when it can't be used."""
    path = DATA / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartError(f"{path}: language table can't be read: {error.strerror}; reinstall allo") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{path}: language table is not valid TOML: {error}") from None
