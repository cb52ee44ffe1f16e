"""English numbers, units and short forms as words."""

import re
from functools import cache, lru_cache
from typing import Any

from agent.language import spelling_en
from agent.language.tables import derived, table

LONGEST = 12
"""Digits of a number that is still said as one."""
NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,]*\d)|\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:\.\d{1,2})?(?!\d)|\d+(?:\.\d+)?"
_MONTHS = "January February March April May June July August September October November December"
MONTHS = _MONTHS.split()
MONTH = "|".join(MONTHS)
DAY = r"0?[1-9]|[12]\d|3[01]"
MAIL = re.compile(r"[\w.+-]+@[A-Za-z][\w-]*(?:\.\w+)+")
SITE = re.compile(r"\b(?:https?://)?[A-Za-z][\w-]+(?:\.[A-Za-z][\w-]+)+\b")
PHONE = re.compile(
    r"(?<![\d.,])(\+\d{1,3}[ -]?|1[ -](?=\d{3}[ -]\d{3}[ -]))?(?:\((\d{2,5})\)[ -]?)?\d{2,5}(?:[ -]\d{3,4}){1,3}(?!\d)"
)
CLOCK = re.compile(r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?![\d:])")
MODEL = re.compile(r"(?<![\w-])([A-Z]{1,5})(?:-?(\d+))([A-Z]{0,2})(?![\w.,]*\d)(?!\w)")
STANDARD = re.compile(r"\b([A-Z]{2,5}) (\d{3,6})((?:[-:]\d+)*)(?!\d)")
ISO = re.compile(rf"(?<![\w-])((?:19|20)\d\d)-(0[1-9]|1[0-2])-({DAY})(?![\w-])")
SLASHED = re.compile(rf"(?<![\d/])({DAY})/(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?![\d/])")
DATE = re.compile(
    rf"(?<![\d.,])(?:([Tt]he) )?({DAY})(?:st|nd|rd|th)?(?: of)? ({MONTH})(?:,? ((?:1[5-9]|20)\d\d))?(?!\d)"
)
AMERICAN = re.compile(rf"\b({MONTH}) ({DAY})(?:st|nd|rd|th)?(?:,? ((?:1[5-9]|20)\d\d))?(?![\d:]|\.\d)")
MONTH_YEAR = re.compile(rf"\b({MONTH}),? ((?:1[5-9]|20)\d\d)(?!\d|[.,:]\d)")
DAY_SPAN = re.compile(rf"\b({MONTH}) ({DAY})(?:st|nd|rd|th)?\s?[–—-]\s?({DAY})(?:st|nd|rd|th)?(?!\d)")
NAMED_YEAR = re.compile(r"\b([Tt]he|Q[1-4]|[Yy]ear) (1[5-9]\d\d|20\d\d)(?= [a-z]{4}|$|[,;!?]|\.(?!\d))")
YEAR = re.compile(
    r"\b(since|in|from|until|of|by|established|founded|circa) (1[0-9]\d\d|20\d\d)\b(?! ?[A-Za-z°%]|[.,:]?\d)",
    re.IGNORECASE,
)
DECADE = re.compile(r"(?<![\d.,])(1[5-9]\d|20\d)0s\b")
RANGE = re.compile(rf"(?<![\w.,-])({NUMBER})\s?[–—-]\s?({NUMBER})(?![\d-])")
SIGN_RANGE = re.compile(rf"(?<![\w.,])([+−–-]?(?:{NUMBER}))\s?(?:…|\.\.\.?)\s?([+−–-]?(?:{NUMBER}))")
ORDINAL = re.compile(r"(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d{1,9})(?:st|nd|rd|th)\b")
GLUED = re.compile(r"(?<![\w.,])(\d+)-(?=[a-z]{2,})")
VERSION = re.compile(r"(?<![\d.,])\d+(?:\.\d+){2,}(?![\d,])")
FRACTION = re.compile(r"(?<![\d/.,])(?:(\d{1,9}) )?([1-9])/(10|[2-9])(?![\d/]|[.,]\d)")
SUPERSCRIPT = re.compile(r"(?<=[\d/ ])([kcm]?m)\^?([23])(?![\d\w])")
CAPITALS = re.compile(r"\b(?:[A-Z]{2,6}|[B-HJ-Z])\b")
BEHIND = re.compile(r"[ \u00a0\u202f]?([A-Za-z°%µμΩ£$€¥₽][A-Za-z°%²³·]*(?:\.m\.)?(?:/[A-Za-z]+[²³]?)?)(?![\w/°²³])")
ALONE = re.compile(r"(?<![\w/])[A-Za-z°%µ][A-Za-z²³·%]+(?:/[a-z]+[²³]?)?(?![\w/])|[%°](?!\w)")
NOT_ALONE = frozenset(["am", "in", "min", "bar", "ft", "bit", "lb", "sec", "hrs", "cd", "pa", "PA", "mA"])
WEEKDAYS = {
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Fri": "Friday",
    "Sat": "Saturday",
    "Sun": "Sunday",
}
DAYS = "|".join(WEEKDAYS)
PARTS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
"""Fractions that have names of their own."""


def words(text: str) -> str:
    """A sentence as words; the points of short forms go, the full stop of a sentence stays (as in Russian)."""
    said = _words(text).rstrip()
    begins = re.search(r"\w", text)
    if not text.rstrip().endswith(".") or begins is None or said[-1:] in ".…!?":
        return said
    return f"{said}." if begins[0].isupper() else said


def _words(text: str) -> str:
    text = MAIL.sub(lambda m: _address(m[0]), text)
    text = spelling_en.longer(text, _say)
    text = SITE.sub(lambda m: _address(m[0].split("//")[-1]), text)
    text = _names(_dates(_weekdays(_shapes(text))))
    text = VERSION.sub(lambda m: " point ".join(_number(part) for part in m[0].split(".")), text)
    text = PHONE.sub(_phone, text)
    text = CLOCK.sub(_clock, text)
    text = _signs(text)
    text = RANGE.sub(r"\1 to \2", SIGN_RANGE.sub(_signed_range, text))
    text = re.sub(r"(?<![\w.,)°%])[-−–](?=\d)", "minus ", re.sub(r"(?<=\d)/(?=\d)", " slash ", _short_words(text)))
    text = _money().sub(_paid, text)
    text = _count_all(text)
    text = ALONE.sub(_lone, text)
    read = table("verbalise_en")["read"]["words"].split()
    return CAPITALS.sub(lambda m: m[0] if m[0] in read else _spelled(m[0]), text.replace("/", " "))


def _shapes(text: str) -> str:
    """Short words that other letters tell apart: «no. 5», «12 in.», «St. Mary», «Dr. Smith» at the beginning."""
    text = re.sub(r"(?<=\d )sq\.? (ft|m|km|in|mi|yd|cm|mm)(?!\w)(?:\.(?=\s*$|\s[a-z]|,))?", r"\1²", text)
    text = re.sub(r"(?<=\d )cu\.? (ft|m|in|cm)(?!\w)", r"\1³", text)
    text = re.sub(r"(?<=ft )(\d+) in(?!\w)", r"\1in", text)
    text = re.sub(r"\bno\.\s?(?=\d)", "number ", re.sub(r"(?<=\d) ?in\.(?=\s|$)", "in", text))
    text = re.sub(r"\bSt\.(?= [A-Z][a-z]+)", "Saint", text)
    return re.sub(r"\b(Dr|Mr)\.(?= [A-Z])", lambda m: {"Dr": "Doctor", "Mr": "Mister"}[m[1]], text)


def _weekdays(text: str) -> str:
    """«Mon–Fri 9:00–17:00» -> «Monday to Friday 9:00 to 17:00»."""
    text = re.sub(r"\b(Tue|Wed|Thu|Thur)(?:s|rs)\b\.?(?!day)", lambda m: m[1][:3], text)
    text = re.sub(rf"\b({DAYS})\.(?= [a-z])", lambda m: WEEKDAYS[m[1]], text)
    text = re.sub(rf"\b({DAYS})\.?\s?[-–—]\s?({DAYS})\b\.?", r"\1 to \2", text)
    text = re.sub(rf"\b({DAYS})\b\.?(?=(?: to| and| or| &|,| \d|$|[.;:!?]))", lambda m: WEEKDAYS[m[1]], text)
    return re.sub(r"(\d\d?:\d\d)\s?[-–—]\s?(?=\d\d?:\d\d)", r"\1 to ", text)


def _dates(text: str) -> str:
    text = ISO.sub(lambda m: _day(m[3], MONTHS[int(m[2]) - 1], m[1], "the "), text)
    text = SLASHED.sub(lambda m: _day(m[1], MONTHS[int(m[2]) - 1], m[3], "the "), text)
    text = re.sub(rf"(?<=\d of )({MONTH}), (?=(?:19|20)\d\d)", r"\1 ", text)
    text = DATE.sub(lambda m: _day(m[2], m[3], m[4], f"{m[1] or 'the'} "), text)
    text = DAY_SPAN.sub(lambda m: f"{m[1]} {_say(int(m[2]), 'ordinal')} to {_say(int(m[3]), 'ordinal')}", text)
    text = AMERICAN.sub(lambda m: f"{m[1]} {_say(int(m[2]), 'ordinal')}{_year(m[3], ', ')}", text)
    text = MONTH_YEAR.sub(lambda m: f"{m[1]} {_say(int(m[2]), 'year')}", text)
    text = NAMED_YEAR.sub(lambda m: f"{m[1]} {_say(int(m[2]), 'year')}", text)
    text = YEAR.sub(lambda m: f"{m[1]} {_say(int(m[2]), 'year')}", text)
    return DECADE.sub(lambda m: re.sub("y$", "ies", re.sub("(?<=[nd])$", "s", _say(int(m[1]) * 10, "year"))), text)


def _day(day: str, month: str, year: str | None, article: str) -> str:
    return f"{article}{_say(int(day), 'ordinal')} of {month}{_year(year, ' ')}"


def _year(year: str | None, glue: str) -> str:
    return glue + _say(int(year), "year") if year else ""


def _names(text: str) -> str:
    text = STANDARD.sub(_standard, text)
    return MODEL.sub(lambda m: " ".join([_spelled(m[1]), _number(m[2]), *([_spelled(m[3])] if m[3] else [])]), text)


def _signs(text: str) -> str:
    text = ORDINAL.sub(lambda m: _say(int(m[1].replace(",", "")), "ordinal"), text)
    text = GLUED.sub(lambda m: f"{_number(m[1])}-", text)
    text = SUPERSCRIPT.sub(lambda m: m[1] + {"2": "²", "3": "³"}[m[2]], text)
    text = re.sub(r"(?<=\d)\s?[×x*]\s?(?=\d)", " by ", text)
    text = re.sub(r"([<>])\s?(?=\d)", lambda m: {"<": "less than ", ">": "more than "}[m[1]], text)
    text = re.sub(r"(?<![\d,.])(\d+),(\d\d?)(?![\d,])", r"\1.\2", re.sub(r"(?<=\d)\^(?=\d)", " to the power of ", text))
    text = re.sub(r"(?<![\d:.,])(\d{1,4}):(\d{1,4})(?![\d:])", r"\1 to \2", text)
    text = re.sub(r"(?<![\w.,])(\d+)\+(?=\s[a-z])", r"more than \1", re.sub(r"(?<=\d)p(?!\w)", " pence", text))
    text = re.sub(r"(?<=\d)([²³])(?!\w)", lambda m: {"²": " squared", "³": " cubed"}[m[1]], text)
    text = re.sub(r"#(?=\d)", "number ", re.sub(r"~\s?(?=\d)", "about ", text))
    return FRACTION.sub(_fraction, text)


def _fraction(found: re.Match[str]) -> str:
    above, below = int(found[2]), int(found[3])
    if above >= below:
        return found[0]
    if found[1] and above == 1 and below in PARTS:
        return f"{_say(int(found[1]))} and a {PARTS[below][0]}"
    one, many = PARTS.get(below) or (_say(below, "ordinal"), f"{_say(below, 'ordinal')}s")
    said = f"{_say(above)} {one if above == 1 else many}"
    return f"{_say(int(found[1]))} and {said}" if found[1] else said


def _signed_range(found: re.Match[str]) -> str:
    ends = [re.sub("^[−–-]", "minus ", re.sub(r"^\+", "plus ", end)) for end in found.groups()]
    return f"{ends[0]} to {ends[1]}"


def _address(text: str) -> str:
    marks = {"@": " at ", ".": " dot ", "-": " dash ", "_": " underscore ", "+": " plus "}
    parts = (_spelled(part) if part in {"www", "http"} else part for part in re.split(r"([@._+-])", text))
    return "".join(marks.get(part) or _digits_apart(part) for part in parts if part)


def _digits_apart(text: str) -> str:
    return re.sub(r"\d+", lambda m: f" {_digits(m[0])} ", text)


def _phone(found: re.Match[str]) -> str:
    """Digit by digit, a pause between groups; a bare thousand like ``10 000`` is a number."""
    text = found[0]
    if len(re.sub(r"\D", "", text)) < 7 or (text[0] not in "+0(" and re.fullmatch(r"\d{1,3}(?: \d{3})+", text)):
        return text
    groups = re.findall(r"\d+", text)
    return ("plus " if text[0] == "+" else "") + ", ".join(_digits(group) for group in groups)


def _standard(found: re.Match[str]) -> str:
    tail = "".join(f" dash {_number(part)}" for part in re.findall(r"\d+", found[3]))
    return f"{_spelled(found[1])} {_number(found[2])}{tail}"


def _clock(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if not minute:
        return _say(hour)
    return f"{_say(hour)} {'oh ' if minute < 10 else ''}{_say(minute)}"


def _short_words(text: str) -> str:
    pattern, long = _shorts()
    return pattern.sub(lambda m: f" {long[m[0]]} ", text)


@derived
def _shorts() -> tuple[re.Pattern[str], dict[str, str]]:
    long: dict[str, str] = table("verbalise_en")["words"]
    forms = sorted(long, key=len, reverse=True)
    bounded = (rf"\b{re.escape(form)}" if form[0].isalnum() else re.escape(form) for form in forms)
    return re.compile(
        "|".join(form if form[-1] in ".№×+=@&±≤≥≈½¼¾§©Ø™¢" else rf"{form}(?!\w)" for form in bounded)
    ), long


@derived
def _money() -> re.Pattern[str]:
    signs = "".join(re.escape(sign) for sign in table("units_en")["money"])
    amounts = "|".join(sorted(table("verbalise_en")["amounts"], key=len, reverse=True))
    return re.compile(rf"([{signs}])\s?({NUMBER})(?: ?({amounts})(?!\w))?(?:/([A-Za-z]+[²³]?)(?!\w))?")


def _paid(found: re.Match[str]) -> str:
    per = table("units_en")["per"].get(found[4] or "") or (_powered(found[4] or "") or (found[4] or "",))[0]
    return _price(found) + (f" per {per}" if per else "")


def _price(found: re.Match[str]) -> str:
    one, many, coin, coins = table("units_en")["money"][found[1]]
    value = _plain(found[2])
    if found[3]:
        return f"{_number(value)} {table('verbalise_en')['amounts'][found[3]]} {many}"
    whole, _, part = value.partition(".")
    if len(part) != 2:
        return f"{_number(value)} {one if value == '1' else many}"
    said = f"{_number(whole)} {one if whole == '1' else many}"
    return said if part == "00" else f"{said} and {_say(int(part))} {coin if part == '01' else coins}"


def _count_all(text: str) -> str:
    """Numbers with their units, from left to right."""
    said: list[str] = []
    done = 0
    for found in re.finditer(NUMBER, text):
        if found.start() < done:
            continue
        spoken, taken = _count(_plain(found[0]), text[found.end() :])
        before, after = text[: found.start()][-1:], text[found.end() + taken :][:1]
        said += [text[done : found.start()], " " if before.isalnum() else "", spoken, " " if after.isalpha() else ""]
        done = found.end() + taken
    return "".join([*said, text[done:]])


def _count(value: str, behind: str) -> tuple[str, int]:
    """A number in words, with its unit, and how many characters of ``behind`` that takes."""
    match = BEHIND.match(behind)
    if match is None or (match[1] == "in" and match.start(1)):
        return _number(value), 0
    for written in (match[1], match[1].partition("/")[0]):
        forms = _unit(written)
        if forms:
            end = match.start(1) + len(written)
            return f"{_number(value)} {forms[0] if value == '1' else forms[1]}", end
    return _number(value), 0


@derived
def _unit(written: str) -> tuple[str, str] | None:
    """One and many of a unit: «square metre», «kilograms per cubic metre»."""
    whole = _units().get(written)
    if whole:
        return whole
    base, _, under = written.partition("/")
    found = _units().get(base) or _powered(base)
    if found is None or not under:
        return found
    per = table("units_en")["per"].get(under) or (_powered(under) or ("", ""))[0]
    return (f"{found[0]} per {per}", f"{found[1]} per {per}") if per else None


def _powered(written: str) -> tuple[str, str] | None:
    power = table("units_en")["powers"].get(written[-1:])
    found = _units().get(written[:-1]) if power else None
    return (f"{power} {found[0]}", f"{power} {found[1]}") if found else None


@derived
def _units() -> dict[str, tuple[str, str]]:
    tables = table("units_en")
    found: dict[str, tuple[str, str]] = {}
    for written, (one, many, prefixes) in tables["units"].items():
        found |= {p + written: (tables["prefixes"][p] + one, tables["prefixes"][p] + many) for p in prefixes.split()}
        found[written] = (one, many)
    return found | {sign: (row[0], row[1]) for sign, row in tables["money"].items()}


def _lone(found: re.Match[str]) -> str:
    if found[0] in NOT_ALONE or (len(found[0]) == 1 and found[0] not in "%°"):
        return found[0]
    forms = _unit(found[0])
    return forms[1] if forms else found[0]


def _plain(number: str) -> str:
    return re.sub(r"[, \u00a0\u202f]", "", number)


def _number(text: str) -> str:
    whole, _, part = text.partition(".")
    if len(whole) > LONGEST or (len(whole) > 1 and whole[0] == "0"):
        return _digits(whole + part)
    return _say(int(whole)) + (f" point {_digits(part)}" if part else "")


def _digits(text: str) -> str:
    return " ".join(_say(int(digit)) for digit in text)


@lru_cache(4096)
def _say(value: int, to: str = "cardinal") -> str:
    said: str = prepare()(value, lang="en", to=to)
    return said.replace(",", "").replace("oh-", "oh ")


@cache
def prepare() -> Any:
    """Load the library now, not in the middle of a call."""
    from num2words import num2words  # noqa: PLC0415 - 40 ms that only a spoken number costs

    return num2words


def _spelled(word: str) -> str:
    return " ".join(word)
