"""Russian numerals in any case. Cases: n g d a i p; genders: m f n."""

import re
from functools import cache, lru_cache
from typing import Any

PLACES = ("", "десят", "сот", "тысячн")
"""Stems of the decimal places."""
LONGEST = 12
"""Digits of a number that is still said as one."""
SHORT = 6
"""Digits of a number with leading zeros that is still said as one."""
CACHED = 4096
"""Numerals kept."""
GLUED = {1: "одно", 90: "девяносто", 100: "сто", 1000: "тысяче"}
"""First parts of compounds that are not the genitive."""
ORDER = "ngdaip"
_PARTS = {
    3: "треть трети трети треть третью трети трети третей третям трети третями третях",
    4: "четверть четверти четверти четверть четвертью четверти"
    " четверти четвертей четвертям четверти четвертями четвертях",
}
NAMED_PARTS = {below: forms.split() for below, forms in _PARTS.items()}
"""Fractions with names of their own: singular, then plural, in the order of the cases."""
THOUSANDS = re.compile(r"^(?:одна|одной|одну) (?=тысяч)|^(?:один|одного|одному|одним|одном) (?=миллион|миллиард)")


@cache
def prepare() -> Any:
    """Load the library now, not in the middle of a call."""
    from num2words import num2words  # noqa: PLC0415 - 40 ms that only a spoken number costs

    return num2words


@lru_cache(CACHED)
def cardinal(value: int, case: str = "n", gender: str = "m") -> str:
    """«двести двадцать», «двухсот двадцати»; gender bears on the last word alone."""
    high, low = divmod(value, 1000)
    if gender != "m" and high and low:
        return f"{cardinal(high * 1000, case)} {cardinal(low, case, gender)}"
    gender = "m" if high else gender
    said: str = prepare()(value, lang="ru", case=case, gender=gender, animate=False)
    if value < 2000 or value in (10**6, 10**9):  # «тысяча», «миллион» are said without «один»
        said = THOUSANDS.sub("", said)
    return said.replace("ноля", "нуля").replace("нолю", "нулю")


@lru_cache(CACHED)
def ordinal(value: int, case: str = "n", gender: str = "m", plural: bool = False) -> str:
    """«тысяча девятьсот девяносто восьмого»."""
    said: str = prepare()(value, lang="ru", to="ordinal", case=case, gender=gender, plural=plural, animate=False)
    return said.removeprefix("одна ") if value < 2000 else said


@lru_cache(CACHED)
def number(value: str, case: str = "n", gender: str = "m") -> str:
    """A number as written, with a point for decimals: «ноль целых пять десятых»."""
    whole, _, part = value.partition(".")
    if len(whole) > LONGEST or (len(whole) > 1 and whole[0] == "0"):
        return group(whole) + (f" и {digits(part)}" if part else "")
    if not part:
        return cardinal(int(whole), case, gender)
    if len(part) >= len(PLACES):
        return f"{cardinal(int(whole), case)} и {digits(part)}"
    entire = f"{cardinal(int(whole), case, 'f')} {_feminine('цел', int(whole), case)}"
    return f"{entire} {cardinal(int(part), case, 'f')} {_feminine(PLACES[len(part)], int(part), case)}"


def fraction(above: int, below: int, case: str = "n") -> str:
    """«одна вторая», «три четверти», «двух третей», «пять восьмых»."""
    if below in NAMED_PARTS:
        forms = NAMED_PARTS[below]
        plural = case not in "na"
        noun = forms[ORDER.index(case)] if above == 1 else forms[6 + ORDER.index(case)] if plural else forms[1]
        return f"{cardinal(above, case, 'f')} {noun}"
    if above == 1:
        return f"{cardinal(1, case, 'f')} {ordinal(below, case, 'f')}"
    return f"{cardinal(above, case, 'f')} {ordinal(below, 'g' if case in 'na' else case, plural=True)}"


def glued(value: int) -> str:
    """The first part of a compound: «двух|колонная», «двадцатичетырёх|часовой»."""
    return GLUED.get(value) or re.sub("^ста", "сто", cardinal(value, "g").replace(" ", ""))


def _feminine(stem: str, count: int, case: str) -> str:
    """«целая, целых, целыми», «десятая, десятых»."""
    if count % 10 == 1 and count % 100 != 11:
        return stem + {"n": "ая", "a": "ую"}.get(case, "ой")
    return stem + {"d": "ым", "i": "ыми"}.get(case, "ых")


def digits(text: str) -> str:
    """One word a digit: «ноль ноль семь»."""
    return " ".join(cardinal(int(digit)) for digit in text)


def group(text: str) -> str:
    """A group of a telephone number: leading zeros are said; long ones are digits, with a breath after each three."""
    if len(text) > SHORT:
        return ", ".join(digits(text[place : place + 3]) for place in range(0, len(text), 3))
    if not text.strip("0"):
        return digits(text)
    zeros = len(text) - len(text.lstrip("0"))
    return " ".join([*["ноль"] * zeros, cardinal(int(text))])
