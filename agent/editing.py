"""Changing prompts and settings while the daemon runs: checked as a whole first, written in one step, else refused.

What is written here is noticed before the next turn (``agent.hot``).
"""

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from agent.errors import SettingsError, StartError
from agent.settings import Settings, parse
from agent.settings_file import variable_of
from agent.texts import load_texts, text_files

Value = str | int | float | bool
HOT = {
    "llm": frozenset(
        [
            "model",
            "fallback_model",
            "temperature",
            "max_tokens",
            "stall_s",
            "first_token_s",
            "base_url",
            "fallback_base_url",
        ]
    ),
    "prompts": frozenset(["persona"]),
    "kb": frozenset(["top_k", "threshold", "fallback_threshold"]),
}
"""Settings that the next turn uses."""
BACKUP = ".bak"


def prompt_texts(settings: Settings) -> dict[str, str]:
    """File name -> text, of everything that ``save_prompts`` takes."""
    files = text_files(settings.prompts.dir, settings.language, settings.prompts.persona)
    return {path.name: path.read_text(encoding="utf-8-sig") for path in files if path.is_file()}


def save_prompts(settings: Settings, changes: Mapping[str, str]) -> None:
    """Replace texts of the prompts folder, by file name; what was there before stays beside them as ``.bak``.

    Raises ``StartError`` naming the file and what is wrong with it; then nothing was changed.
    """
    directory, language, persona = settings.prompts.dir, settings.language, settings.prompts.persona
    known = {path.name: path for path in text_files(directory, language, persona)}
    for name in changes:
        if name not in known:
            raise StartError(f"{name}: there is no such prompt file; it may be one of {', '.join(known)}")
    with tempfile.TemporaryDirectory() as trial:
        for path in known.values():
            copy = Path(trial) / path.relative_to(directory)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.name in changes:
                copy.write_text(changes[path.name], encoding="utf-8")
            elif path.is_file():
                shutil.copyfile(path, copy)
        tried = settings.prompts.model_copy(update={"dir": Path(trial)})
        try:
            load_texts(settings.model_copy(update={"prompts": tried}))
        except StartError as error:
            raise StartError(str(error).replace(f"{trial}{os.sep}", "")) from None
    for name, text in changes.items():
        _replace(known[name], text)


def apply_settings(settings: Settings, changes: Mapping[str, Value]) -> Settings:
    """Write ``section.key -> value`` into the settings file, comments and order kept; what the file says then.

    Raises ``SettingsError`` with one line naming the key; then nothing was changed.
    """
    path = settings.source
    if path is None:
        raise SettingsError("there is no settings file to be changed; start with --config FILE")
    text = path.read_text(encoding="utf-8")
    for name, value in changes.items():
        section, _, key = name.partition(".")
        if key not in HOT.get(section, ()):
            raise SettingsError(f"{name}: can't be changed while Allo runs; edit {path} and start again")
        variable = variable_of(section, key)
        if variable:
            raise SettingsError(f"{name}: the environment sets it by {variable}, which wins over {path}")
        text = _with_key(text, section, key, value)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: can't be changed by itself, edit it by hand: {error}") from None
    changed = parse(tree, path)
    _replace(path, text)
    return changed


def _with_key(text: str, section: str, key: str, value: Value) -> str:
    """TOML text with one key set; a section or key that is absent is added."""
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    found = re.search(rf"(?m)^[ \t]*\[[ \t]*{section}[ \t]*\][^\n]*\n?", text)
    if found is None:
        return f"{text.rstrip()}\n\n[{section}]\n{line}\n".lstrip()
    begin = found.end()
    following = re.search(r"(?m)^[ \t]*\[", text[begin:])
    end = begin + following.start() if following else len(text)
    body, count = re.subn(rf"(?m)^[ \t]*{key}[ \t]*=[^\n]*$", lambda _: line, text[begin:end], count=1)
    head = text[:begin] if text[:begin].endswith("\n") else text[:begin] + "\n"
    return head + (body if count else f"{line}\n{body}") + text[end:]


def _replace(path: Path, text: str) -> None:
    """In one step, so that nobody reads a half."""
    if path.exists():
        shutil.copyfile(path, path.with_name(path.name + BACKUP))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as fresh:
        fresh.write(text)
    if path.exists():
        shutil.copymode(path, fresh.name)
    os.replace(fresh.name, path)
