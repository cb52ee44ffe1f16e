"""Russian numerals and counted nouns in any case. Cases: n g d a i p; genders: m f n."""

from functools import cache, lru_cache
from typing import Any

from agent.language.tables import table

ORDER = "ngdaip"
"""Order of the cases in a row of ``[declensions]``."""
PLACES = ("", "десят", "сот", "тысячн")
"""Stems of the decimal places."""
LONGEST = 12
"""Digits of a number that is still said as one."""


@cache
def _engine() -> Any:
    from num2words import num2words  # noqa: PLC0415 - 40 ms that only a spoken number costs

    return num2words


@lru_cache(4096)
def cardinal(value: int, case: str = "n", gender: str = "m") -> str:
    """«двести двадцать», «двухсот двадцати»; gender bears on the last word alone."""
    high, low = divmod(value, 1000)
    if gender != "m" and high and low:
        return f"{cardinal(high * 1000, case)} {cardinal(low, case, gender)}"
    gender = "m" if high else gender
    said: str = _engine()(value, lang="ru", case=case, gender=gender, animate=False)
    # «тысяча», «тысячи» are said without «одна»
    for one in ("одна тысяча", "одной тысячи", "одной тысяче", "одну тысячу", "одной тысячей"):
        if said.startswith(one) and value < 2000:
            said = said.replace(one, one.split()[1], 1)
    return said.replace("ноля", "нуля").replace("нолю", "нулю")


def ordinal(value: int, case: str = "n", gender: str = "m") -> str:
    """«тысяча девятьсот девяносто восьмого»."""
    said: str = _engine()(value, lang="ru", to="ordinal", case=case, gender=gender)
    return said


def number(value: str, case: str = "n", gender: str = "m") -> str:
    """A number as written, with a point for decimals: «ноль целых пять десятых»."""
    whole, _, part = value.partition(".")
    if len(whole) > LONGEST or (len(whole) > 1 and whole[0] == "0"):
        return group(whole) + (f" и {digits(part)}" if part else "")
    if not part:
        return cardinal(int(whole), case, gender)
    if len(part) >= len(PLACES):
        return f"{cardinal(int(whole), case)} и {digits(part)}"
    if whole == "1" and part == "5" and case in "na":
        return "полтора"
    entire = f"{cardinal(int(whole), case, 'f')} {_feminine('цел', int(whole), case)}"
    return f"{entire} {cardinal(int(part), case, 'f')} {_feminine(PLACES[len(part)], int(part), case)}"


def _feminine(stem: str, count: int, case: str) -> str:
    """«целая, целых, целыми», «десятая, десятых»."""
    if count % 10 == 1 and count % 100 != 11:
        return stem + {"n": "ая", "a": "ую"}.get(case, "ой")
    return stem + {"d": "ым", "i": "ыми"}.get(case, "ых")


def counted(stem: str, declension: str, value: str | int, case: str) -> str:
    """The form of a noun after a number: «килоньютон, килоньютона, килоньютонов»."""
    text = str(value)
    if "." in text:
        return _form(stem, declension, "g", plural=False)
    last, teens = int(text) % 10, 11 <= int(text) % 100 <= 14
    if last == 1 and not teens:
        return _form(stem, declension, case, plural=False)
    if case in "na":
        few = 2 <= last <= 4 and not teens
        return _form(stem, declension, "g", plural=not few)
    return _form(stem, declension, case, plural=True)


def plural(stem: str, declension: str, case: str) -> str:
    """Plural of a noun in ``case``."""
    return _form(stem, declension, case, plural=True)


def digits(text: str) -> str:
    """One word a digit: «ноль ноль семь»."""
    return " ".join(cardinal(int(digit)) for digit in text)


def group(text: str) -> str:
    """A group of a telephone number: leading zeros are said."""
    if not text.strip("0") or len(text) > LONGEST:
        return digits(text)
    zeros = len(text) - len(text.lstrip("0"))
    return " ".join([*["ноль"] * zeros, cardinal(int(text))])


def _form(stem: str, declension: str, case: str, *, plural: bool) -> str:
    endings: list[str] = table("verbalise_ru")["declensions"][declension]
    return stem + endings[ORDER.index(case) + (6 if plural else 0)]
