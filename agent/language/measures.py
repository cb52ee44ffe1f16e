"""The words that count and measure, by language: ``data/quantities_<language>.toml`` as look-ups. Pure."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from agent.language.tables import table

KEPT = 20_000
"""Words whose look-ups are kept, for each kind of look-up."""
MONEY = frozenset({"rouble", "dollar", "euro", "pound", "yuan"})
T = TypeVar("T")


class Unit(NamedTuple):
    """What a number counts."""

    kind: str
    """Dimension."""
    factor: float
    """Basic units of the dimension in one of it."""


class _Lookup(Generic[T]):
    """Words, given as regular expressions for a whole word, to what they mean; the first that fits wins."""

    def __init__(self, rows: Iterable[tuple[str, T]]) -> None:
        self._rows = [(re.compile(pattern), value) for pattern, value in rows]
        self._known: dict[str, T | None] = {}

    def __call__(self, word: str) -> T | None:
        if word not in self._known:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[word] = next((value for pattern, value in self._rows if pattern.fullmatch(word)), None)
        return self._known[word]


class Measures:
    """One language; every question is about one word in lower case with «е» for «ё»."""

    def __init__(self, rows: dict[str, Any]) -> None:
        self.number = _Lookup[float]((pattern, value) for value, pattern in rows["numbers"])
        self.ordinal = _Lookup[float]((pattern, value) for value, pattern in rows["ordinals"])
        self.scale = _Lookup[float]((pattern, value) for value, pattern in rows["scales"])
        self.tenths = _Lookup[float]((pattern, value) for value, pattern in rows["tenths"])
        self.month = _Lookup[int]((pattern, number) for number, pattern in enumerate(rows["months"], 1))
        self.joins = frozenset(rows["joins"]).__contains__
        self.per = frozenset(rows["per"]).__contains__
        self.half_past = _Lookup[bool]([(rows["half_past"], True)])
        self.whole = _Lookup[bool]([(rows["whole"], True)])
        self.half_day = _Lookup[float]([(rows["morning"], 0), (rows["evening"], 12)])
        """Hours to be added to a clock's hour."""
        self.power = _Lookup[str]((rows[name][0], rows[name][1]) for name in ("squared", "cubed"))
        self._half: str = rows["half"]
        self._counting: dict[str, bool] = {}
        cased = [(form, Unit(kind, factor)) for kind, factor, forms in rows["units"] for form in _cased(forms)]
        self._cased = dict(cased)
        """Units that are units only where they are written in capitals: «220 В»."""
        self._units = _Lookup[Unit]((forms, Unit(kind, factor)) for kind, factor, forms in rows["units"])

    def counts(self, word: str) -> bool:
        """True for a word that a number may begin with."""
        known = self._counting.get(word)
        if known is None:
            if len(self._counting) >= KEPT:
                self._counting.clear()
            asked = (self.number, self.ordinal, self.scale, self.half_past)
            known = self._counting[word] = any(each(word) is not None for each in asked)
        return known

    def halves(self, word: str, following: str) -> bool:
        """«с половиной», "and a half"."""
        return word in ("с", "and") and following == self._half

    def currency(self, word: str) -> Unit | None:
        """A sign that stands before its number: $5."""
        unit = self._units(word) if word and not word.isalnum() else None
        return unit if unit and unit.kind in MONEY else None

    def unit(self, written: str) -> Unit | None:
        """«кН», «килоньютонов», «мм/с»; ``written`` with its capitals."""
        if written in self._cased:
            return self._cased[written]
        upper, _, lower = written.lower().replace("ё", "е").partition("/")
        unit = self._units(upper)
        if not lower or unit is None:
            return unit
        below = self._units(lower) or self._units({"с": "сек", "s": "sec"}.get(lower, lower))
        return Unit(f"{unit.kind}/{below.kind}", unit.factor / below.factor) if below else None


def _cased(forms: str) -> list[str]:
    return [form for form in forms.split("|") if form != form.lower()]


@cache
def measures(language: str) -> Measures:
    """The words of ``language``, ``ru`` or ``en``."""
    return Measures(table(f"quantities_{language}"))
