"""Does an utterance sound finished? Pure: words in, a verdict out; the word lists are ``data/completeness_*.toml``.

A caller who stops after «мне нужен пресс на» is looking for a word; one who stops after «сколько стоит доставка» is
waiting. The verdict decides how long a silence must be before it ends the turn (``agent.turns.Endpointing``). Wrong
«complete» costs an interruption and wrong «unsure» a fifth of a second, so in doubt it is unsure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from agent.language import dictation, endings_en, endings_ru
from agent.language.acts import Act, act
from agent.language.continuation import more_follows, traits_of
from agent.language.dictation import Lists
from agent.language.tables import table
from agent.pauses import Verdict

Limits = tuple[float, float]
LIMITS: dict[str, Limits] = {"ru": (0.38, 0.62), "en": (0.44, 0.72)}
"""Words are complete up to the first probability that more follows, open beyond the second; what others would cost
``python -m bench.turns.limits`` prints."""
LANGUAGES: dict[str, Callable[[list[str], Lists], Verdict]] = {"ru": endings_ru.judged, "en": endings_en.judged}
CONTRASTS: dict[str, Callable[[list[str]], bool]] = {"ru": endings_ru.contrasts, "en": endings_en.contrasts}


@dataclass(frozen=True, slots=True)
class _Tables:
    words: Lists
    """Lists of words and phrases by name."""
    digits: Lists
    """Number words by their kind."""
    whole: frozenset[str]
    """Utterances that are whole as they are."""
    answers: frozenset[str]
    """Those of them that only answer a question."""
    either: frozenset[str]
    """Utterances that may be whole, and may be how one begins."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Words, and what the lists make of them."""

    core: list[str]
    """The words without polite ones around them."""
    first: str
    """The very first word."""
    lists: Lists
    settled: Verdict | None
    """The verdict where the lists suffice for it."""
    noted: str
    """Else what they have to say for more to come, a trait; or nothing."""


def prepare(language: str) -> None:
    """Read the tables now, 0.1 s, so that the first caller doesn't wait for them."""
    completeness("да доставка", language)


def completeness(text: str, language: str) -> Verdict:
    """Judge recognised words (lower case, no punctuation)."""
    found = likely_more(text, language)
    return weighed(found, LIMITS[language]) if isinstance(found, float) else found


def does(heard: Heard, language: str) -> Act:
    """What the caller does with the words."""
    return act(heard.core, heard.lists, language, heard.first)


def likely_more(text: str, language: str) -> float | Verdict:
    """Probability that more follows recognised words, or the verdict of the lists where these settle it."""
    heard = by_lists(text, language)
    return heard.settled or more_follows(traits(heard, language), language)


def traits(heard: Heard, language: str) -> list[str]:
    """What the probability is computed from; ``heard``: not settled."""
    verdict = LANGUAGES[language](heard.core, heard.lists)
    return traits_of(heard.core, heard.lists, language, verdict, heard.noted)


def weighed(more: float, limits: Limits) -> Verdict:
    """By the probability that more follows, which takes the rules' verdict as one of its traits."""
    whole, goes_on = limits
    if more <= whole:
        return "complete"
    return "unsure" if more <= goes_on else "open"


def may_begin(text: str, language: str) -> bool:
    """«Секундочку»: all that is said, or how it begins."""
    return " ".join(text.lower().replace("ё", "е").split()) in _tables(language).either


def answers(text: str, language: str) -> bool:
    """«Ну да»: nothing but the answer to somebody's question."""
    tables = _tables(language)
    return any(" ".join(form) in tables.answers for form in _forms(text.lower().split(), tables.words))


def by_lists(text: str, language: str) -> Heard:
    """What the lists make of recognised words."""
    words = text.lower().replace("ё", "е").split()
    tables = _tables(language)
    forms = _forms(words, tables.words)
    settled = _settled(words, forms, tables)
    noted = "" if settled else _noted(words, forms[-1], tables, CONTRASTS[language])
    return Heard(forms[-1], words[0] if words else "", tables.words, settled, noted)


def _settled(words: list[str], forms: list[list[str]], tables: _Tables) -> Verdict | None:
    core = forms[-1]
    if any(" ".join(form) in tables.whole for form in forms):
        return "complete"
    if any(" ".join(form) in tables.either for form in forms):
        return "unsure"
    if words and (_searches(words, tables.words) or _leads_on(words, tables.words)):
        return "open"
    if not core:
        return "open" if words else "unsure"  # a greeting, a «скажите пожалуйста»: the matter follows
    if core[0] in tables.words["telling"] and dictation.announces(core, tables.words):
        return "open"
    return dictation.settled(core, tables.digits, tables.words)


def _searches(words: list[str], lists: Lists) -> bool:
    """«Ну э»: a word that never ends a phrase, or nothing else was said."""
    taken = _polite(words, lists["fillers"], from_end=True)
    return taken > 0 and (taken == len(words) or "_".join(words[-taken:]) not in lists["may_end"])


def _leads_on(words: list[str], lists: Lists) -> bool:
    """A "to" as a recogniser spells it: "is it possible two"."""
    before, last = ["", *words][-2:]
    return last in lists["homophones"] and before in lists["before_to"]


def _noted(words: list[str], core: list[str], tables: _Tables, contrasts: Callable[[list[str]], bool]) -> str:
    """What speaks for more to come without settling it: «… уже сейчас», «… в семь», «есть вопрос», «не в среду»."""
    if _polite(words, tables.words["fillers"], from_end=True):
        return f"filler {words[-1]}"
    if dictation.announces(core, tables.words):
        return "announces"
    if core[-1] in tables.words["heralds"] and core[0] not in tables.words["questions"]:
        return "herald"
    number = dictation.judged(core, tables.digits, tables.words)
    return f"number {number}" if number else "contrast" if contrasts(core) else ""


def _forms(words: list[str], lists: Lists) -> list[list[str]]:
    """The words as they are and with less and less of the polite ones around them; the last has none."""
    forms = [words]
    while taken := _polite(forms[-1], lists["before"], from_end=False):
        forms.append(forms[-1][taken:])
    while taken := _polite(forms[-1], lists["after"], from_end=True):
        forms.append(forms[-1][:-taken])
    return forms


def _polite(words: list[str], phrases: frozenset[str], *, from_end: bool) -> int:
    """Words of the longest polite phrase at one end."""
    for count in (3, 2, 1):
        part = words[-count:] if from_end else words[:count]
        if len(part) == count and "_".join(part) in phrases:
            return count
    return 0


@cache
def _tables(language: str) -> _Tables:
    rows = table(f"completeness_{language}")
    words = {name: frozenset(text.split()) for name, text in rows.items() if isinstance(text, str)}
    digits = {name: frozenset(text.split()) for name, text in rows["digits"].items()}
    sentences = {name: frozenset(lines.strip().splitlines()) for name, lines in rows["sentences"].items()}
    return _Tables(words, digits, sentences["whole"], sentences["answers"], sentences["either"])
