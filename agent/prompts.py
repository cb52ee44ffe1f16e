"""The prompt texts of one language: what the agent says by itself and what a model is told."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import StartError


@dataclass(frozen=True, slots=True)
class Prompts:
    """Frozen texts; every one is a whole utterance."""

    greeting: str
    """Said when the call is answered."""
    system: str
    """The model's instructions."""
    contextualiser: str
    """Instruction that turns a follow-up into a question that stands alone."""
    no_answer: str
    """Said when nothing was found; offers the operator, so that «да» transfers."""
    unclear: str
    """Said when there was speech and no words."""
    reprompts: tuple[str, ...]
    """Said one after the other when the caller keeps silent."""
    goodbye: str
    transfer: str
    """Said before a transfer."""
    transfer_unavailable: str
    """Said when the transfer was refused or no operator is set."""
    error: str
    """Said when an engine failed."""
    busy: str
    """Said to a caller for whom there is no room."""
    closing: str
    """Said to calls that shutdown cuts short."""
    hold: tuple[str, ...]
    """Replies to «подождите»."""
    repeat: str
    """Said before a repetition."""

    @property
    def spoken(self) -> tuple[str, ...]:
        """All that is said word for word, to be synthesised ahead."""
        single = (self.greeting, self.no_answer, self.unclear, self.goodbye, self.transfer, self.transfer_unavailable)
        return (*single, self.error, self.busy, self.closing, self.repeat, *self.reprompts, *self.hold)


LISTS = ("reprompts", "hold")


def load_prompts(directory: Path, language: str) -> Prompts:
    """Read ``phrases.toml``, ``system.txt`` and ``contextualiser.txt``; raise ``StartError`` naming a bad file."""
    folder = directory / language
    path = folder / "phrases.toml"
    phrases = read_toml(path)
    system, contextualiser = _text(folder / "system.txt"), _text(folder / "contextualiser.txt")
    names = [name for name in Prompts.__dataclass_fields__ if name not in {"system", "contextualiser"}]
    for name in phrases:
        if name not in names:
            raise StartError(f"{path}: {name}: there is no such prompt; it may be one of {', '.join(names)}")
    return Prompts(
        system=system, contextualiser=contextualiser, **{name: _phrase(phrases, name, path) for name in names}
    )


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as it is; raises ``StartError`` naming it."""
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise StartError(f"{path}: not valid TOML: {error}") from None


def _phrase(phrases: Mapping[str, Any], name: str, path: Path) -> Any:
    value = phrases.get(name)
    texts = [value] if name not in LISTS else value if isinstance(value, list) else []
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        what = "a list of texts" if name in LISTS else "a text"
        raise StartError(f"{path}: {name}: {what} is needed here")
    return tuple(texts) if name in LISTS else value


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise StartError(f"{path}: prompt can't be read: {error.strerror}; see [prompts] dir") from None
    except UnicodeDecodeError:
        raise StartError(f"{path}: prompt is not UTF-8 text; save it as UTF-8") from None
    if not text:
        raise StartError(f"{path}: prompt is empty")
    return text
