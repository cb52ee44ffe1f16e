"""Where settings come from: file, credentials, environment, other bots' names; and what is wrong with them."""

import os
import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.errors import SettingsError

ENV_PREFIX = "ALLO_"
TEST_PREFIX = "ALLO_REQUIRE_"
"""Switches of the test suite, not settings."""
OLD_NAMES = {
    "OPENAI_API_KEY": ("llm", "api_key"),
    "LLM_MODEL_PRIMARY": ("llm", "model"),
    "LLM_MODEL_FALLBACK": ("llm", "fallback_model"),
    "LLM_TEMPERATURE": ("llm", "temperature"),
    "KB_TOP_K": ("kb", "top_k"),
    "KB_FALLBACK_THRESHOLD": ("kb", "fallback_threshold"),
    "KNOWLEDGE_BASE_PATH": ("kb", "general"),
    "KNOWLEDGE_BASE2_PATH": ("kb", "tech"),
    "API_SECRET_KEY": ("web", "api_key"),
    "PERSIST_DIRECTORY": ("kb", "chroma_dir"),
}
"""Variables that are honoured as they are: over the file, under ``ALLO_...``."""
CREDENTIAL = "allo_"
"""How systemd names the files of a folder that is loaded as ``allo``."""
GENTLE = ("OPENAI_API_KEY",)
"""Those that every program on a machine may share: they fill what the file leaves empty."""


def read(path: Path | None) -> dict[str, Any]:
    """The file's tree; raises ``SettingsError``."""
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}; see docs/settings.md") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None


def with_credentials(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree with the secrets that systemd hands over (``LoadCredential=allo:FOLDER``; systemd.exec(5)).

    A file of that folder is named after its setting, ``llm.api_key``; raises ``SettingsError`` naming one that can't
    be read or is named otherwise.
    """
    filled = dict(tree)
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    for path in sorted(Path(folder).glob(f"{CREDENTIAL}*")) if folder else ():
        section, dot, key = path.name.removeprefix(CREDENTIAL).partition(".")
        if not dot:
            raise SettingsError(
                f"credential {path.name}: the file must be named after its setting, such as llm.api_key"
            )
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"credential {path.name}: can't be read, or is no text") from None
        own = filled.get(section, {})
        filled[section] = {**own, key: value} if isinstance(own, dict) else own
    return filled


def with_old_names(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree with what ``OLD_NAMES`` say."""
    filled = dict(tree)
    for name, (section, key) in OLD_NAMES.items():
        value = os.environ.get(name, "")
        own = filled.get(section, {})
        if value and isinstance(own, dict) and not (name in GENTLE and own.get(key)):
            filled[section] = {**own, key: value}
    return filled


def variable_of(section: str, key: str) -> str:
    """The variable of the environment that sets ``[section] key`` now; empty: none does."""
    names = [ENV_PREFIX + f"{section}__{key}".upper()]
    names += [name for name, at in OLD_NAMES.items() if at == (section, key) and name not in GENTLE]
    return next((name for name in names if os.environ.get(name)), "")


def refuse_unknown_environment(sections: Container[str]) -> None:
    """pydantic-settings passes over variables of no known section; a typo there must not be silent."""
    for name in os.environ:
        if not name.startswith(ENV_PREFIX) or name.startswith(TEST_PREFIX):
            continue
        if name.removeprefix(ENV_PREFIX).split("__")[0].lower() not in sections:
            raise SettingsError(f"environment {name}: there is no such setting; see docs/settings.md")


def first_fault(error: ValidationError, path: Path | None) -> str:
    """One line about the first thing that is wrong."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    keys = [str(part) for part in fault["loc"]]
    variable = ENV_PREFIX + "__".join(keys[:2]).upper()
    if variable not in os.environ:
        variable = variable_of(*keys[:2]) if len(keys) > 1 else ""
    where = f"environment {variable}" if variable else str(path or "settings")
    name = f"[{keys[0]}] {'.'.join(keys[1:])}" if len(keys) > 1 else keys[0]
    said = (
        "there is no such setting"
        if fault["type"] == "extra_forbidden"
        else fault["msg"].lower().removeprefix("value error, ")
    )
    return f"{where}: {name}: {said}; see docs/settings.md"
