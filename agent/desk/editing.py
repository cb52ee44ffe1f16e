"""Changing prompts and settings while the daemon runs: checked as a whole first, written in one step, else refused.

What is written here is noticed before the next turn (``agent.hot``).
"""

import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.desk.phrase_file import Value, with_key
from agent.desk.tunable import TUNABLE
from agent.errors import RecordError, SettingsError, StartError
from agent.prompts import FILES, LISTS, SPOKEN, load_prompts
from agent.settings import Settings, parse
from agent.settings_file import read, variable_of
from agent.texts import TOOLS, load_texts, text_files

LANGUAGES = ("ru", "en")
PHRASES = "phrases.toml"
PERSONAS = "personas"

Keep = Callable[[str, str], object]
"""Told a text's name and what it was before it is replaced."""


def _kept_nowhere(_name: str, _text: str) -> None:
    """What was there before is lost."""


# ---------------------------------------------------------------- prompts


def prompt_texts(settings: Settings) -> dict[str, str]:
    """``ru/system.txt`` -> its text, of everything that ``save_prompts`` takes: each language, every persona."""
    return {name: path.read_text(encoding="utf-8-sig") for name, path in _files(settings) if path.is_file()}


def phrases(settings: Settings, language: str) -> dict[str, Any]:
    """Phrase -> as it is written, ``!`` included; empty for a language without a folder or with a broken file."""
    try:
        return tomllib.loads((settings.prompts.dir / language / PHRASES).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def save_prompts(settings: Settings, changes: Mapping[str, Any], keep: Keep = _kept_nowhere) -> list[str]:
    """Replace texts of the prompts folder; return the names of the files that changed.

    A name is that of a file (``ru/system.txt``), of a phrase (``ru/greeting``) or of a text for the model
    (``ru/system``); without the folder it is the one of the language in force. Raises ``StartError`` naming what is
    wrong; then nothing was changed. ``keep`` is told the old texts.
    """
    known = dict(_files(settings))
    before = prompt_texts(settings)
    after = dict(before)
    for name, value in changes.items():
        _change(after, known, _whole_name(settings, name), value)
    changed = [name for name in known if after.get(name) != before.get(name)]
    _try(settings, known, after, changed)
    for name in changed:
        if name in before:
            keep(name, before[name])
        replace(known[name], after[name])
    return changed


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Name and path of each text that may be changed. Not the tools: what they may reach is the machine's matter."""
    directory = settings.prompts.dir
    for language in LANGUAGES:
        if (directory / language).is_dir():
            for path in text_files(directory, language, ""):
                if path.name != TOOLS:
                    yield f"{language}/{path.name}", path
    for path in sorted((directory / PERSONAS).glob("*.txt")):
        yield f"{PERSONAS}/{path.name}", path


def _whole_name(settings: Settings, name: str) -> str:
    return name if "/" in name else f"{settings.language}/{name}"


def _change(texts: dict[str, str], known: Mapping[str, Path], name: str, value: Any) -> None:
    """One change in ``texts``; raises ``StartError``."""
    folder, _, rest = name.partition("/")
    if rest in SPOKEN and f"{folder}/{PHRASES}" in known:
        _check_phrase(name, rest, value)
        file = f"{folder}/{PHRASES}"
        texts[file] = with_key(texts.get(file, ""), rest, value)
        return
    name = f"{folder}/{FILES[rest]}" if rest in FILES else name
    if name not in known:
        raise StartError(f"{name}: there is no such prompt; it may be one of {', '.join(known)}, or a phrase")
    if not isinstance(value, str):
        raise StartError(f"{name}: a text is needed")
    texts[name] = value


def _check_phrase(name: str, phrase: str, value: Any) -> None:
    listed = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if not (listed if phrase in LISTS else isinstance(value, str)):
        raise StartError(f"{name}: {'a list of texts' if phrase in LISTS else 'a text'} is needed")


def _try(settings: Settings, known: Mapping[str, Path], texts: Mapping[str, str], changed: list[str]) -> None:
    """Load the changed languages and personas from a copy; raises ``StartError`` with names as the page knows them."""
    with tempfile.TemporaryDirectory() as trial:
        for name in known:
            if name in texts:
                copy = Path(trial) / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(texts[name], encoding="utf-8")
        here = settings.prompts.model_copy(update={"dir": Path(trial), "persona": ""})
        tried = settings.model_copy(update={"prompts": here})
        try:
            for folder in dict.fromkeys(name.partition("/")[0] for name in changed):
                if folder in LANGUAGES:
                    load_texts(tried.model_copy(update={"language": folder}))
            for name in changed:
                if name.startswith(f"{PERSONAS}/"):
                    language = next(language for language in LANGUAGES if f"{language}/{PHRASES}" in known)
                    load_prompts(Path(trial), language, Path(name).stem.partition(".")[0])
                    if not texts[name].strip():
                        raise StartError(f"{name}: prompt is empty")
        except StartError as error:
            raise StartError(str(error).replace(f"{trial}{os.sep}", "")) from None


# ---------------------------------------------------------------- settings


def settings_path(settings: Settings) -> Path:
    """The settings file; without ``--config`` the one in the data folder, which may not exist yet."""
    return settings.source or settings.storage.dir / "settings.toml"


def apply_settings(settings: Settings, changes: Mapping[str, Value]) -> Settings:
    """Write ``section.key -> value`` into the settings file, comments and order kept; what the file says then.

    Raises ``SettingsError`` with one line naming the key; then nothing was changed.
    """
    path = settings_path(settings)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for name, value in changes.items():
        section, _, key = name.partition(".")
        if name not in TUNABLE:
            raise SettingsError(f"{name}: can't be changed while Allo runs; edit {path} and start again")
        variable = variable_of(section, key)
        if variable:
            raise SettingsError(f"{name}: the environment sets it by {variable}, which wins over {path}")
        if not isinstance(value, str | int | float | bool):
            raise SettingsError(f"{name}: a text, a number, true or false is needed")
        text = with_key(text, key, value, section)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: can't be changed by itself, edit it by hand: {error}") from None
    changed = parse(tree, path)
    if changes:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, text)
    return changed


def current_file(settings: Settings) -> Settings:
    """What the settings file says now; raises ``SettingsError``."""
    path = settings_path(settings)
    return parse(read(path), path) if path.exists() else settings


def replace(path: Path, text: str) -> None:
    """Write in one step, so that nobody reads a half; raises ``RecordError`` when it can't be written."""
    fresh = None
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as fresh:
            fresh.write(text)
        if path.exists():
            shutil.copymode(path, fresh.name)
        os.replace(fresh.name, path)
    except OSError as error:
        if fresh is not None:
            Path(fresh.name).unlink(missing_ok=True)
        why = error.strerror or error
        raise RecordError(f"{path}: can't be written: {why}; give Allo's user the right to write there") from None
