"""Words that need no knowledge: «соедините с оператором», «повторите», «до свидания». Pure but for the loader.

Patterns are whole phrases of the caller, polite words around them aside, so that a question which merely
mentions the operator stays a question. How they are written stands at the head of ``intents.toml``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from agent.errors import StartError
from agent.prompts import is_firm, read_rows, read_toml, unmarked
from agent.tool_schema import Kind as ToolKind

Kind = Literal[
    "operator",
    "goodbye",
    "repeat",
    "wait",
    "slower",
    "faster",
    "louder",
    "quieter",
    "stop",
    "yes",
    "no",
    "backchannel",
    "thanks",
    "greeting",
    "offer",
    "answer",
]
KINDS: tuple[str, ...] = get_args(Kind)

POLITE = ("fillers", "anywhere")
"""Lists of words that change nothing: around a phrase, and within one."""
KEYS = ("name", "kind", "patterns", "reply", "unless")
"""What a row may say."""
GAP = r"(?: [\w']+){0,3}?"
"""What ``...`` stands for: up to three words."""
MANY = r"(?: [\w']+){0,12}?"
"""What ``......`` stands for: up to twelve."""
MAX_WORDS = 16
"""Longer speech is a story, not a command."""
TWICE = re.compile(r"(?<!\S)(\S+(?: \S+){0,3}?)(?: \1)+(?!\S)")
"""Up to four words said again at once: «громче громче», «подождите минутку подождите минутку»."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What the caller's words mean by themselves."""

    name: str
    """The row's name in ``intents.toml``."""
    kind: Kind
    """What is to be done; ``answer``: just say the reply; ``offer``: the reply offers the operator, a yes accepts."""
    reply: str = ""
    """What to say; empty where the core has its own text."""
    firm: bool = False
    """The caller may not interrupt the reply."""
    unless: str = ""
    """Kind of a tool that does it better: where a model has one, the words are left to the model."""


class Intents:
    """Matches texts of one language; the first row that fits wins."""

    def __init__(
        self, rows: Sequence[tuple[Intent, Sequence[str]]], fillers: Sequence[str], anywhere: Sequence[str] = ()
    ) -> None:
        """``rows``: intents with their patterns; ``fillers``: polite words that may stand around a phrase.

        ``anywhere``: those that may stand within one too.
        """
        self._rows = [(intent, _compiled(patterns)) for intent, patterns in rows]
        polite = _either(fillers)
        self._within = re.compile(rf"(?<!\S)(?:{_either(anywhere)})(?!\S)")
        self._before = re.compile(rf"^(?:(?:{polite})(?: |$))+")
        self._after = re.compile(rf"(?:(?:^| )(?:{polite}))+$")

    def match(self, text: str) -> Intent | None:
        """The intent of a whole utterance, ``None`` when it must be looked up or asked."""
        plain = _plain(text)
        if not plain or plain.count(" ") >= MAX_WORDS:
            return None
        for form in self._forms(plain):
            for intent, pattern in self._rows:
                if pattern.fullmatch(f" {form}"):
                    return intent
        return self._courtesy(plain)

    def _courtesy(self, plain: str) -> Intent | None:
        """Nothing but polite words: the greeting."""
        if self._before.fullmatch(plain) or self._after.fullmatch(plain):
            return next((intent for intent, _ in self._rows if intent.kind == "greeting"), None)
        return None

    def _forms(self, plain: str) -> list[str]:
        """The text as it is, and without the polite words before, after and around it; the same with nothing twice."""
        once = TWICE.sub(r"\1", " ".join(self._within.sub(" ", plain).split()))
        forms = list[str]()
        for text in (plain, once):
            after = self._after.sub("", text)
            forms += (text, after, self._before.sub("", text), self._before.sub("", after))
        return list(dict.fromkeys(form for form in forms if form))


def load_intents(directory: Path, language: str) -> Intents:
    """Read ``intents.toml``; raise ``StartError`` naming the file and the row that is wrong."""
    path = directory / language / "intents.toml"
    tables = read_toml(path)
    rows = [_row(table, path) for table in read_rows(tables, "intent", path, beside=POLITE)]
    if not rows:
        raise StartError(f"{path}: there is no [[intent]] in it")
    return Intents(rows, *(_words(tables, name, path) for name in POLITE))


def _words(tables: Mapping[str, Any], name: str, path: Path) -> list[str]:
    words = tables.get(name, [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise StartError(f"{path}: {name} must be a list of words")
    return words


def _row(table: Mapping[str, Any], path: Path) -> tuple[Intent, list[str]]:
    name, kind, patterns = table.get("name", ""), table.get("kind", ""), table.get("patterns", [])
    if not isinstance(name, str) or not name:
        raise StartError(f"{path}: an [[intent]] has no name")
    for key in table:
        if key not in KEYS:
            raise StartError(f"{path}: {name}: {key}: there is no such key; it may be one of {', '.join(KEYS)}")
    if kind not in KINDS:
        raise StartError(f"{path}: {name}: kind must be one of {', '.join(KINDS)}")
    if not isinstance(patterns, list) or not patterns or not all(isinstance(p, str) and p.strip() for p in patterns):
        raise StartError(f"{path}: {name}: patterns must be a list of phrases")
    try:
        _compiled(patterns)
    except re.error as error:
        raise StartError(f"{path}: {name}: a pattern can't be read: {error}") from None
    reply = table.get("reply", "")
    if not isinstance(reply, str):
        raise StartError(f"{path}: {name}: reply must be a text")
    if kind in ("answer", "offer") and not unmarked(reply).strip():
        raise StartError(f"{path}: {name}: a reply is needed here, it is what {kind} says")
    unless = table.get("unless", "")
    if unless and unless not in get_args(ToolKind):
        raise StartError(f"{path}: {name}: unless must be a kind of tool: {', '.join(get_args(ToolKind))}")
    return Intent(name, kind, unmarked(reply), is_firm(reply), unless), patterns


def _plain(text: str) -> str:
    """Lower-case words with single spaces, «ё» as «е», no punctuation but the apostrophe."""
    return " ".join(re.sub(r"[^\w\s']", " ", text.lower().replace("ё", "е").replace("’", "'")).split())


def _either(phrases: Sequence[str]) -> str:
    """Any of them, the longest first, as a regular expression; of none what never fits."""
    return "|".join(sorted((re.escape(_plain(phrase)) for phrase in phrases), key=len, reverse=True)) or r"(?!)"


def _compiled(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_expression(pattern)})" for pattern in patterns))


def _expression(pattern: str) -> str:
    """A phrase as a regular expression; every word brings the space before it."""
    out = ""
    for word in pattern.lower().replace("ё", "е").split():
        if word in ("...", "......"):
            out += GAP if word == "..." else MANY
            continue
        optional = word.startswith("[") and word.endswith("]")
        body = word[1:-1] if optional else word
        body = body.replace("(", "(?:").replace("_", " ").replace("*", r"\w*")
        out += f"(?: (?:{body}))" + ("?" if optional else "")
    return out
