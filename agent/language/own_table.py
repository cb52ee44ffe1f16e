"""A user's own rows of the language tables, tried out before a call depends on them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.errors import StartError
from agent.language import tables
from agent.language.normalise import normalise
from agent.language.verbalise import verbalise


def load_own(path: Path, language: str) -> None:
    """``tables.load_tables``, and each row put to use once; raises ``StartError`` naming one that does not work."""
    rows = tables.load_tables(path, language)
    if _works(rows, language):
        return
    try:
        for section, content in rows.items():
            for key, value in content.items():
                tables.use_rows({section: {key: value}}, language)
                if not _works({section: {key: value}}, language):
                    raise StartError(f"{path}: [{section}] {key!r}: this row can't be used; see docs/knowledge.md")
        raise StartError(f"{path}: these rows can't be used together; see docs/knowledge.md")
    except StartError:
        tables.use_rows({}, language)
        raise


def _works(rows: Mapping[str, Mapping[str, Any]], language: str) -> bool:
    try:
        return all(
            key.strip() and tables.is_like_ours(section, value, language) and _tried(key, value, language)
            for section, content in rows.items()
            for key, value in content.items()
        )
    except (re.error, ValueError, TypeError, LookupError, AttributeError):  # what a wrong row makes of the rules
        return False


def _tried(key: str, value: Any, language: str) -> bool:
    verbalise(f"5 {key}, 2,5 {key}; {key} 5 {key}", language)
    for text in (key, *_texts(value)):
        normalise(f"5 {text}", language)
        normalise(f"5 {text} 5", language, numbers=True)
    return True


def _texts(value: Any) -> Iterator[str]:
    yield from (value,) if isinstance(value, str) else value if isinstance(value, list) else ()
