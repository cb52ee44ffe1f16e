"""Numbers with their units in a written or spoken text, in one form however they were written. Pure.

«9:00» and «девять часов утра», «1 450 000 рублей» and «1,45 млн руб.», "half past nine" and "9:30" come out equal.
The words that count and measure are data: ``data/quantities_<language>.toml``.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from agent.language.measures import Measures, Unit, measures

CACHED = 1024
"""Texts whose quantities are kept: the same passages come again and again."""
TOKEN = re.compile(
    r"(?P<time>(?<![\d:.,])(?:[01]?\d|2[0-4]):[0-5]\d(?![\d:]))"
    r"|(?P<date>(?<![\d.])[0-3]?\d\.[01]?\d\.(?:19|20)\d\d(?!\d)|(?<![\d-])(?:19|20)\d\d-[01]\d-[0-3]\d(?![\d-]))"
    r"|(?P<phone>(?<!\w)(?:\+\d[\d \u00a0()-]{8,}\d|8[ \u00a0-]?\(?\d{3,5}\)?[\d \u00a0-]*-[\d \u00a0-]*\d"
    r"|\d{2,3}-\d\d-\d\d)(?!\w))"
    r"|(?P<code>(?<!\w)(?=[^\s\d]{1,12}\d)[^\W\d_]+(?:-?[\w]+)*)"
    r"|(?P<number>\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)(?:,\d+)?|\d+(?:[.,]\d+)*)"
    r"(?:-(?:й|я|е|го|му|м|ти|х|ых|ый|ая|ое)(?!\w))?"
    r"|(?P<word>[^\W\d_]+(?:/[^\W\d_]+\d?)*[²³]?)"
    r"|(?P<sign>[%°₽€$£¥×–—/.…,;:!?()+-])"
)
ENDING = re.compile(r"-[^\W\d]+$")
MARKS = frozenset("–—-×,/xх")
"""Signs between two numbers of which the second has the unit of both."""
MOMENTS = (Unit("time", 1), Unit("time", 60))
"""Of which one alone is said without meaning it."""
FAR = float("inf")
YEARS = range(1900, 2101)
SHORT = 3
"""A word of so few letters says nothing about what a number counts."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and what it counts."""

    value: float
    """In the dimension's basic unit: «1 т» and «1000 кг» are the same; minutes since midnight for ``clock``."""
    kind: str
    """Dimension such as ``mass``, ``rouble``, ``clock``; ``phone`` and ``code`` have a name, empty: nothing known."""
    raw: float = 0.0
    """The number as written, without its unit's factor."""
    name: str = ""
    """Digits of a phone number, letters and digits of a code."""
    bare: bool = False
    """No word stands behind it that it could count."""
    ordinal: bool = False
    """A word such as «второй» that may count nothing."""


class _Token(NamedTuple):
    kind: str
    text: str
    """Lower case, «ё» as «е»."""
    written: str


@lru_cache(CACHED)
def quantities(text: str, language: str) -> tuple[Quantity, ...]:
    """All of ``text``, in order."""
    return tuple(_Reader(_tokens(text), measures(language), language).read())


@lru_cache(CACHED)
def dimensions(text: str, language: str) -> frozenset[str]:
    """What ``text`` measures in, with or without numbers; of money, each currency."""
    known = measures(language)
    named = (known.unit(token.written) for token in _tokens(text) if token.kind in ("word", "sign"))
    return frozenset(unit.kind for unit in named if unit)


@lru_cache(CACHED)
def _tokens(text: str) -> tuple[_Token, ...]:
    plain = text.replace("a.m.", "am ").replace("p.m.", "pm ").replace("ё", "е").replace("Ё", "Е")
    found = ((each.lastgroup or "", each[0]) for each in TOKEN.finditer(plain))
    return tuple(_Token(kind, _bare(kind, written).lower(), _bare(kind, written)) for kind, written in found)


def _bare(kind: str, written: str) -> str:
    """A number without its ending: «5-го»."""
    return ENDING.sub("", written) if kind == "number" else written


@dataclass(slots=True)
class _Found:
    quantity: Quantity
    start: int
    end: int
    unit: Unit | None = None


class _Reader:
    """One pass over the tokens of one text."""

    def __init__(self, tokens: Sequence[_Token], known: Measures, language: str) -> None:
        self._tokens, self._known, self._language = tokens, known, language

    def read(self) -> Iterator[Quantity]:
        """Every quantity; the numbers of a range or a list have the unit of the last of them."""
        found = list(self._found())
        for place in range(len(found) - 2, -1, -1):
            one, other = found[place], found[place + 1]
            if one.unit is None and other.unit is not None and not one.quantity.kind and self._joined(one, other):
                one.unit = other.unit
                raw = one.quantity.raw
                one.quantity = replace(one.quantity, value=raw * other.unit.factor, kind=other.unit.kind, bare=False)
        return (each.quantity for each in found)

    def _joined(self, one: _Found, other: _Found) -> bool:
        between = self._tokens[one.end : other.start]
        return bool(between) and all(t.text in MARKS or self._known.joins(t.text) for t in between)

    def _found(self) -> Iterator[_Found]:
        place = 0
        while place < len(self._tokens):
            token = self._tokens[place]
            named = _named(token, self._known) if token.kind in ("time", "date", "phone", "code") else None
            if token.kind == "time" and named:
                named = [self._of_the_day(named[0], place + 1)]
            found = None
            if named is not None:
                for quantity in named:
                    yield _Found(quantity, place, place + 1)
            elif token.kind == "number" or (token.kind != "sign" and self._known.counts(token.text)):
                found = self._half_hour(place) or self._number(place)
                if found is not None:
                    yield found
            place = found.end if found is not None else place + 1

    def _of_the_day(self, clock: Quantity, place: int) -> Quantity:
        """5:30 pm."""
        later = self._known.half_day(self._text(place))
        return clock if later is None else replace(clock, value=clock.value % 720 + later * 60)

    def _text(self, place: int) -> str:
        return self._tokens[place].text if 0 <= place < len(self._tokens) else ""

    def _half_hour(self, place: int) -> _Found | None:
        """«половина десятого», "half past nine"."""
        if not self._known.half_past(self._text(place)):
            return None
        if self._text(place + 1) == "past":
            hour, end = self._known.number(self._text(place + 2)), place + 3
        else:
            later, end = self._known.ordinal(self._text(place + 1)), place + 2
            hour = later - 1 if later else None
        return _Found(Quantity(hour * 60 + 30, "clock"), place, end) if hour is not None else None

    def _number(self, place: int) -> _Found | None:
        value, end = self._value(place)
        known = self._known
        ordinal = known.ordinal(self._text(end)) if end == place or value % 10 == 0 else None
        month = known.month(self._text(end + 1 if ordinal else end))
        if ordinal and (end == place or month):
            value, end = (value if end > place else 0) + ordinal, end + 1
        elif end == place:
            return None
        else:
            ordinal = None
        if month:
            return _Found(Quantity(value, f"month{month}", value), place, end + 1)
        if ordinal:
            return _Found(Quantity(value, "", value, ordinal=True), place, end)
        return self._measured(place, end, value)

    def _measured(self, place: int, end: int, value: float) -> _Found | None:
        unit, after = self._unit(end)
        if unit is None:
            unit = self._known.currency(self._text(place - 1))
        if unit is None or unit.factor == 3600:
            later = self._known.half_day(self._text(after))
            if later is not None:
                return _Found(Quantity((value % 12 + later) * 60, "clock", value), place, after + 1)
        if self._idle(place, end, value, unit):
            return None
        if unit is None:
            follows = self._text(end)
            bare = len(follows) <= SHORT or self._known.joins(follows)
            return _Found(Quantity(value, "", value, bare=bare), place, end)
        if unit.factor == 12 and unit.kind == "months" and value in YEARS:
            unit = Unit("year", 1)
        return _Found(Quantity(value * unit.factor, unit.kind, value), place, after, unit)

    def _idle(self, place: int, end: int, value: float, unit: Unit | None) -> bool:
        """«Один из нас», «одну минуту», «тысячи людей»: a word, and nothing is counted."""
        if self._tokens[place].kind != "word":
            return False
        if value == 1:
            return unit is None or unit in MOMENTS
        return unit is None and end == place + 1 and self._known.scale(self._text(place)) is not None

    def _value(self, place: int) -> tuple[float, int]:
        """A number in digits, words or both, and the token behind it; that token is ``place`` itself where none is."""
        total, current, room, scale, at = 0.0, None, FAR, FAR, place
        while at < len(self._tokens):
            token = self._tokens[at]
            number = self._digits(token) if current is None else None
            word = self._known.number(token.text) if number is None else None
            factor = self._known.scale(token.text) if number is None and word is None else None
            if number is not None:
                current, room = number, 0
            elif word is not None and (current is None or 0 < word < room):
                current = (current or 0) + word
                room = 100 if word >= 100 else 10 if 20 <= word < 100 else 0
            elif factor == 100 and current is not None:
                current, room = current * 100, 100
            elif factor and 100 < factor < scale:
                total, current, room, scale = total + (1 if current is None else current) * factor, None, FAR, factor
            elif current is not None and self._known.halves(token.text, self._text(at + 1)):
                current, at = current + 0.5, at + 1
            elif current is not None and self._known.whole(token.text):
                part, at = self._part(at + 1)
                return total + current + part, at
            elif not self._glue(at, room):
                break
            at += 1
        return total + (current or 0), at

    def _digits(self, token: _Token) -> float | None:
        if token.kind != "number":
            return None
        text = re.sub(r"[\s\u00a0\u202f]", "", token.text)
        if self._language == "en" or text.count(",") > 1:
            text = re.sub(r",(?=\d{3}(?!\d))", "", text)
        if text.count(".") > 1:
            text = text.replace(".", "")
        whole, _, part = text.replace(",", ".").partition(".")
        return float(f"{whole}.{part.replace('.', '') or 0}")

    def _part(self, place: int) -> tuple[float, int]:
        """«пять десятых», "point five", and the token behind it."""
        if self._language == "en":
            digits, at = "", place
            while (digit := self._known.number(self._text(at))) is not None and digit < 10:
                digits, at = f"{digits}{digit:.0f}", at + 1
            return float(f"0.{digits or 0}"), at
        number, at = self._value(place)
        parts = self._known.tenths(self._text(at))
        return (number / parts, at + 1) if parts else (0.0, place)

    def _glue(self, place: int, room: float) -> bool:
        """A hyphen or «and» inside "twenty-five", "two hundred and fifty"."""
        following = self._known.number(self._text(place + 1))
        return self._text(place) in ("-", "and") and 0 < room < FAR and following is not None and 0 < following < room

    def _unit(self, place: int) -> tuple[Unit | None, int]:
        """The unit of a number that ends before ``place``; one adjective may stand between («рабочих дней»)."""
        if self._text(place) == "." and self._known.scale(self._text(place - 1)):  # «тыс. рублей»
            place += 1
        power = self._known.power(self._text(place))
        if power and self._at(place + 1):
            return Unit(power, 1), place + 2
        unit = self._at(place)
        if unit is None and len(self._text(place)) > SHORT and not self._known.joins(self._text(place)):
            between = self._tokens[place]
            if between.kind == "word" and self._known.number(between.text) is None and self._at(place + 1):
                unit, place = self._at(place + 1), place + 1
        if unit is None:
            return None, place
        below = self._at(place + 2)
        if below and (self._text(place + 1) == "/" or self._known.per(self._text(place + 1))):
            return Unit(f"{unit.kind}/{below.kind}", unit.factor / below.factor), place + 3
        return unit, place + 1

    def _at(self, place: int) -> Unit | None:
        if place >= len(self._tokens) or self._tokens[place].kind not in ("word", "sign", "code"):
            return None
        return self._known.unit(self._tokens[place].written)


def _named(token: _Token, known: Measures) -> list[Quantity] | None:
    """What one token says by itself; None: it is a word like others."""
    if token.kind == "time":
        hours, minutes = token.text.split(":")
        return [Quantity(int(hours) * 60 + int(minutes), "clock")]
    if token.kind == "phone":
        return [Quantity(0, "phone", name=re.sub(r"\D", "", token.text)[-10:])]
    if token.kind == "date":
        parts = [int(part) for part in re.split(r"[.-]", token.text)]
        day, month, year = parts if parts[2] > 31 else parts[::-1]
        return [Quantity(day, f"month{month}", day), Quantity(year, "year", year)]
    if known.unit(token.written):
        return None
    digits = re.search(r"\d+", token.text)
    raw = float(digits[0]) if digits else 0.0
    return [Quantity(raw, "code", raw, re.sub(r"\W", "", token.text))]
