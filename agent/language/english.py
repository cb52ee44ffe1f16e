"""English numbers, units and short forms as words."""

import re
from functools import cache, lru_cache
from typing import Any

from agent.language.tables import table

LONGEST = 12
"""Digits of a number that is still said as one."""
NUMBER = r"\d{1,3}(?:,\d{3})+(?![\d,])|\d+(?:\.\d+)?"
MAIL = re.compile(r"[\w.+-]+@[A-Za-z][\w-]*(?:\.\w+)+")
SITE = re.compile(r"\b(?:https?://)?[A-Za-z][\w-]+(?:\.[A-Za-z][\w-]+)+\b")
PHONE = re.compile(r"(?<!\d)\+?\d{2,5}(?:[ -]\d{3,4}){1,3}(?!\d)")
CLOCK = re.compile(r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?![\d:])")
MODEL = re.compile(r"\b([A-Z]{1,5})-(\d+)\b")
STANDARD = re.compile(r"\b([A-Z]{2,5}) (\d{3,6})((?:-\d+)*)")
YEAR = re.compile(r"\b(since|in|from|until|of) (1[5-9]\d\d|20\d\d)\b(?! ?[A-Za-z°%])", re.IGNORECASE)
RANGE = re.compile(rf"({NUMBER})\s?[–—-]\s?({NUMBER})(?![\d-])")
ORDINAL = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b")
CAPITALS = re.compile(r"\b(?:[A-Z]{2,6}|[B-HJ-Z])\b")


def words(text: str) -> str:
    """A sentence as words."""
    text = MAIL.sub(lambda m: _address(m[0]), text)
    text = SITE.sub(lambda m: _address(m[0].split("//")[-1]), text)
    text = STANDARD.sub(_standard, text)
    text = MODEL.sub(lambda m: f"{_spelled(m[1])} {_say(int(m[2]))}", text)
    text = PHONE.sub(_phone, text)
    text = CLOCK.sub(_clock, text)
    text = YEAR.sub(lambda m: f"{m[1]} {_say(int(m[2]), 'year')}", text)
    text = ORDINAL.sub(lambda m: _say(int(m[1]), "ordinal"), text)
    text = re.sub(r"(?<![\w.,)])[-−–](?=\d)", "minus ", re.sub(r"(?<=\d)/(?=\d)", " slash ", _short_words(text)))
    text = RANGE.sub(r"\1 to \2", text)
    text = _money().sub(_paid, text)
    text = _counted().sub(_count, text)
    text = _lone().sub(lambda m: table("verbalise_en")["units"][m[0]][1], text)
    return CAPITALS.sub(lambda m: _spelled(m[0]), text.replace("/", " "))


def _address(text: str) -> str:
    marks = {"@": " at ", ".": " dot ", "-": " dash ", "_": " underscore "}
    return "".join(marks.get(part) or _digits_apart(part) for part in re.split(r"([@._-])", text) if part)


def _digits_apart(text: str) -> str:
    return re.sub(r"\d+", lambda m: f" {_digits(m[0])} ", text)


def _phone(found: re.Match[str]) -> str:
    """Digit by digit, a pause between groups; a bare thousand like ``10 000`` is a number."""
    if len(re.sub(r"\D", "", found[0])) < 7:
        return _say(int(re.sub(r"\D", "", found[0])))
    groups = re.split(r"[ -]", found[0].lstrip("+"))
    return ("plus " if found[0][0] == "+" else "") + ", ".join(_digits(group) for group in groups)


def _standard(found: re.Match[str]) -> str:
    tail = "".join(f" dash {_say(int(part))}" for part in re.findall(r"\d+", found[3]))
    return f"{_spelled(found[1])} {_say(int(found[2]))}{tail}"


def _clock(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if not minute:
        return _say(hour)
    return f"{_say(hour)} {'oh ' if minute < 10 else ''}{_say(minute)}"


def _short_words(text: str) -> str:
    long = table("verbalise_en")["words"]
    forms = sorted((form for form in long if form != "/"), key=len, reverse=True)
    pattern = "|".join(rf"\b{re.escape(form)}" if form[0].isalpha() else re.escape(form) for form in forms)
    return re.sub(pattern, lambda m: f" {long[m[0]]} ", text)


@cache
def _money() -> re.Pattern[str]:
    signs = "".join(re.escape(sign) for sign in table("verbalise_en")["money"])
    return re.compile(rf"([{signs}])({NUMBER})")


def _paid(found: re.Match[str]) -> str:
    one, many = table("verbalise_en")["money"][found[1]]
    return f"{_number(found[2])} {one if found[2] == '1' else many}"


@cache
def _counted() -> re.Pattern[str]:
    units = "|".join(sorted(map(re.escape, table("verbalise_en")["units"]), key=len, reverse=True))
    return re.compile(rf"({NUMBER})(?: ?({units})(?![\w/°]))?")


@cache
def _lone() -> re.Pattern[str]:
    units = [unit for unit in table("verbalise_en")["units"] if len(unit) > 1 and unit not in {"am", "min"}]
    forms = "|".join(sorted(map(re.escape, units), key=len, reverse=True))
    return re.compile(rf"(?<![\w/])(?:{forms}|%|°)(?![\w/])")


def _count(found: re.Match[str]) -> str:
    said = _number(found[1])
    if not found[2]:
        return said + (" " if found.string[found.end() :][:1].isalpha() else "")
    one, many = table("verbalise_en")["units"][found[2]]
    return f"{said} {one if found[1] == '1' else many}"


def _number(text: str) -> str:
    whole, _, part = text.replace(",", "").partition(".")
    if len(whole) > LONGEST or (len(whole) > 1 and whole[0] == "0"):
        return _digits(whole + part)
    return _say(int(whole)) + (f" point {_digits(part)}" if part else "")


def _digits(text: str) -> str:
    return " ".join(_say(int(digit)) for digit in text)


@lru_cache(4096)
def _say(value: int, to: str = "cardinal") -> str:
    said: str = _engine()(value, lang="en", to=to)
    return said.replace(",", "")


@cache
def _engine() -> Any:
    from num2words import num2words  # noqa: PLC0415 - 40 ms that only a spoken number costs

    return num2words


def _spelled(word: str) -> str:
    return " ".join(word)
