"""The language tables beside the code, read once on first use, and what a user adds to them.

A user's file has the same sections as ours; its rows are added to them or stand in their place:

    [units]                               # written = [stem, declension, prefixes]
    "дптр" = ["диоптри", "line", ""]
    [words]                               # written short = said long
    "СТО" = "станция техобслуживания"
"""

import tomllib
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from agent.errors import StartError

DATA = Path(__file__).parent / "data"
DERIVED = 4096
"""Results kept of each function over the tables."""
EXTENDABLE = ("units", "normalise", "verbalise")
"""Tables that a user's file may add to."""
F = TypeVar("F", bound=Callable[..., Any])

_added: dict[str, dict[str, Any]] = {}
_caches: list[Callable[[], None]] = []


@cache
def table(name: str) -> dict[str, Any]:
    """The table ``data/<name>.toml`` with the user's rows; raises ``StartError`` naming a file that can't be used."""
    read = _read(DATA / f"{name}.toml", "reinstall allo")
    return {section: _merged(rows, _added.get(name, {}).get(section)) for section, rows in read.items()}


def derived(function: F) -> F:
    """Cache what is made of the tables, until ``load_tables`` changes them."""
    cached = lru_cache(DERIVED)(function)
    _caches.append(cached.cache_clear)
    return cast("F", cached)


def user_table(folder: Path, language: str) -> Path:
    """Where a user's own table of ``language`` lies: beside the knowledge base."""
    return folder / f"language_{language}.toml"


def load_tables(extra: Path | None, language: str) -> dict[str, dict[str, Any]]:
    """Add the rows of ``extra`` to the tables of ``language``, and return them; None or an absent file: ours alone.

    Raises ``StartError`` naming the file and the section that can't be used.
    """
    rows = _read(extra, "correct it or remove it") if extra is not None and extra.is_file() else {}
    known = _sections(language)
    for section, content in rows.items():
        if section not in known or not isinstance(content, dict):
            raise StartError(f"{extra}: [{section}] is no section of the language tables; known: {', '.join(known)}")
    use_rows(rows, language)
    return rows


def use_rows(rows: Mapping[str, dict[str, Any]], language: str) -> None:
    """Add ``rows`` of known sections to the tables of ``language`` in the place of those that were added before."""
    known = _sections(language)
    for name in known.values():
        _added.pop(name, None)
    for section, content in rows.items():
        _added.setdefault(known[section], {})[section] = content
    forget()


def is_like_ours(section: str, value: Any, language: str) -> bool:
    """Whether a row is written as ours of the section are: a text, or a list of texts."""
    ours = _read(DATA / f"{_sections(language)[section]}.toml", "reinstall allo")[section]
    examples = list(ours.values()) if isinstance(ours, dict) else []
    if {type(each) for each in examples} == {list}:
        lengths = {len(each) for each in examples}
        texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return texts and (len(value) in lengths if section == "units" else bool(value))
    return {type(each) for each in examples} != {str} or isinstance(value, str)


def _sections(language: str) -> dict[str, str]:
    """Each section that a user may add to -> its table."""
    return {
        section: f"{name}_{language}"
        for name in EXTENDABLE
        for section in _read(DATA / f"{name}_{language}.toml", "reinstall allo")
    }


def forget() -> None:
    """Drop everything that was made of the tables."""
    table.cache_clear()
    for clear in _caches:
        clear()


def _merged(ours: Any, added: Any) -> Any:
    return {**ours, **added} if isinstance(ours, dict) and added else ours


def _read(path: Path, remedy: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartError(f"{path}: language table can't be read: {error.strerror}; {remedy}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{path}: language table is not valid TOML: {error}") from None
