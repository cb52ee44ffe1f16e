"""The prompt texts of one language: what the agent says by itself and what a model is told."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    """How a model is to understand a question that goes on with what was said before: part of its instructions."""
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
    slower: str
    """Said by a voice that has just slowed down, and so on."""
    faster: str
    louder: str
    quieter: str
    fillers: tuple[str, ...]
    """Short; said while the answer is late."""
    stalled: str
    """Said when no answer came in time: an apology and a way out."""
    limit_warning: str
    """Said a minute before the longest call ends."""
    unheard_note: str
    """What a model is told of the end of its answer that the caller did not hear, ``{}`` for the words."""
    persona: str = ""
    """Who speaks, and how: the model's further instructions."""
    ungrounded_note: str = ""
    """What a model is told of a sentence that says what no passage says, ``{}`` for what that is."""
    returning: str = ""
    """What a model is told of a caller who is remembered, with ``{name}``, ``{topics}`` and ``{day}``."""
    calling: str = ""
    """Said in place of the greeting in calls that we make; empty: the greeting."""
    called_back: str = ""
    """Said after it to who asked to be called back."""
    called_back_about: str = ""
    """The same where it is known what about, ``{}``."""
    cut_off: str = ""
    """Said first when a call goes on after the daemon died or was restarted."""
    you_asked: str = ""
    """Said then before the answer that is still owed, ``{}`` for the question."""
    go_ahead: str = ""
    """Said then when nothing is owed."""
    reasons: tuple[str, ...] = ()
    """Said after the greeting in this call: why we call."""
    notice: str = ""
    """Legal notice, said before the greeting and never interrupted; empty: none."""
    firm_texts: frozenset[str] = frozenset()
    """Texts that the caller may not interrupt."""

    @property
    def spoken(self) -> tuple[str, ...]:
        """All that is said word for word, to be synthesised ahead."""
        said = (getattr(self, name) for name in SPOKEN)
        texts = [text for value in said for text in (value if isinstance(value, tuple) else (value,))]
        return tuple(dict.fromkeys(text for text in texts if text and "{}" not in text))

    @property
    def instructions(self) -> str:
        """All that a model is told before it is told about a call; always the same, so that a server can keep it."""
        return "\n\n".join(filter(None, (self.system, self.contextualiser, self.persona)))

    @property
    def opening(self) -> list[str]:
        """What a call begins with."""
        return [text for text in (self.notice, self.greeting, *self.reasons) if text]

    def calling_for(self, reason: str) -> "Prompts":
        """As in a call that we make; ``reason`` is said after the greeting."""
        return replace(self, greeting=self.calling or self.greeting, reasons=(reason,) if reason else ())

    def why_called_back(self, about: str) -> str:
        """What is said after the greeting to who asked to be called back."""
        return self.called_back_about.replace("{}", about) if about and self.called_back_about else self.called_back

    @property
    def again(self) -> dict[str, str]:
        """For each kind of intent that wants the last answer again, what is said before it."""
        return {kind: getattr(self, kind) for kind in ("repeat", "slower", "faster", "louder", "quieter")}

    def firm(self, text: str) -> bool:
        """True when the caller may not interrupt ``text``."""
        return text in self.firm_texts


LISTS = ("reprompts", "hold", "fillers")
OPTIONAL = ("notice", "calling", "called_back", "called_back_about", "cut_off", "you_asked", "go_ahead")
FILES = {
    "system": "system.txt",
    "contextualiser": "contextualiser.txt",
    "unheard_note": "unheard.txt",
    "ungrounded_note": "ungrounded.txt",
    "returning": "returning.txt",
}
"""Texts for the model, each a file."""
WITH_PLACE = ("unheard_note", "ungrounded_note")
"""Those of them in which ``{}`` stands for words."""
SPOKEN = tuple(
    name for name in Prompts.__dataclass_fields__ if name not in {*FILES, "persona", "firm_texts", "reasons"}
)
FIRM = "!"
"""At the beginning of a text: the caller may not interrupt it."""


def load_prompts(directory: Path, language: str, persona: str = "") -> Prompts:
    """Read ``phrases.toml`` and the texts for the model; raise ``StartError`` naming a bad file."""
    folder = directory / language
    path = folder / "phrases.toml"
    phrases = read_toml(path)
    for name in phrases:
        if name not in SPOKEN:
            raise StartError(f"{path}: {name}: there is no such prompt; it may be one of {', '.join(SPOKEN)}")
    texts: dict[str, Any] = {name: _text(folder / file) for name, file in FILES.items()}
    texts["persona"] = _text(persona_file(directory, language, persona)) if persona else ""
    for name in WITH_PLACE:
        if "{}" not in texts[name]:
            raise StartError(f"{folder / FILES[name]}: {{}} is missing; the words that it is about stand there")
    written = {name: _phrase(phrases, name, path) for name in SPOKEN}
    firm = {text for value in written.values() for text in _firm(value)}
    said: dict[str, Any] = {
        name: tuple(map(unmarked, value)) if name in LISTS else unmarked(value) for name, value in written.items()
    }
    return Prompts(**texts, **said, firm_texts=frozenset(firm | {said["notice"]} - {""}))


def persona_file(directory: Path, language: str, name: str) -> Path:
    """Where a persona is described: ``personas/NAME.LANGUAGE.txt``, or ``personas/NAME.txt`` for every language."""
    folder = directory / "personas"
    if not re.fullmatch(r"[\w-]+", name):
        raise StartError(f"[prompts] persona {name!r}: a name of letters, digits, - and _ is needed")
    own = folder / f"{name}.{language}.txt"
    return own if own.exists() else folder / f"{name}.txt"


def unmarked(text: str) -> str:
    """A text without the mark that the caller may not interrupt it."""
    return text.removeprefix(FIRM).lstrip()


def is_firm(text: str) -> bool:
    """True for a text with this mark."""
    return text.startswith(FIRM)


def _firm(value: Any) -> list[str]:
    return [unmarked(text) for text in ([value] if isinstance(value, str) else value) if is_firm(text)]


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as it is; raises ``StartError`` naming it."""
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise StartError(f"{path}: not valid TOML: {error}") from None


def read_rows(tables: Mapping[str, Any], name: str, path: Path, beside: Sequence[str] = ()) -> list[Mapping[str, Any]]:
    """The tables ``[[name]]`` of a file, none where it has none; raises ``StartError`` where it is written otherwise.

    ``beside``: what else may stand in it.
    """
    for key in tables:
        if key not in (name, *beside):
            raise StartError(f"{path}: {key}: there is no such key; [[{name}]] is")
    rows = tables.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise StartError(f"{path}: {name}: each stands under a line [[{name}]] of its own, in double brackets")
    return rows


def _phrase(phrases: Mapping[str, Any], name: str, path: Path) -> Any:
    value = phrases.get(name, "" if name in OPTIONAL else None)
    if name in OPTIONAL and value == "":
        return value
    texts = [value] if name not in LISTS else value if isinstance(value, list) else []
    if not texts or not all(isinstance(text, str) and unmarked(text).strip() for text in texts):
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
