"""What is made of digits once the number words are gone: times, money, signs. English."""

import re
from fractions import Fraction

GROUPED = re.compile(r"(?<![\d,.:-])\d{1,3}(?:,\d{3})+(?![\d,]*\d)")
HALF = re.compile(r"(?<!\w)half past (\d{1,2})(?![\w:,-])", re.IGNORECASE)
QUARTER = re.compile(r"(?<!\w)(?:a )?quarter (past|to) (\d{1,2})(?![\w:,-])", re.IGNORECASE)
MINUTES = re.compile(
    r"(?<![\w:,.-])(?<!from )(?<!between )(5|10|20|25)(?: minutes)? (past|to) (1[0-2]|[1-9])"
    r"(?![\w:,./-])(?! (?!am\b|pm\b|in\b|on\b|and\b|or\b|a m|p m)[\w%°£$€])",
    re.IGNORECASE,
)
CLOCK = re.compile(
    r"(?<!\w)(at|from|to|until|till|by|before|after|around) (\d|1\d|2[0-3]) (oh \d|[1-5]\d)(?![\w:,/.-])"
    r"(?! (?:\d|%|°|[kMmG]?[NVAWm]\b|thousand|percent|pounds|dollars|euros))",
    re.IGNORECASE,
)
FIVE_PAST = re.compile(r"(?<!\w)(\d{1,2}) oh (\d)(?!\w)", re.IGNORECASE)
FULL = re.compile(r"(?<![\w:])(\d{1,2}) o'?clock(?!\w)", re.IGNORECASE)
SIGN = re.compile(r"(?<![\w-])(?<!\d )(minus|plus) (?=\d)", re.IGNORECASE)
NAMES = {"£": "pounds?", "$": "dollars?", "€": "euros?"}
COINS = {"£": "(?:pence|penny|p)", "$": "cents?", "€": "cents?"}


OF_DAY = re.compile(
    r"(?<![\w.,:/-])(?<!\d )(1[0-2]|[1-9]) (oh \d|[1-5]\d)(?= [ap] ?m(?!\w)| in the (?:morning|evening|afternoon))",
    re.IGNORECASE,
)
HALF_DAY = re.compile(r"(?<![\w.,:/-])(1[0-2]|[1-9])(:[0-5]\d)? (a|p) ?m(?!\w)(?! (?:per|a |[\d]))", re.IGNORECASE)
POINT = re.compile(r"(?<!\w)(?<!\d )point (\d{1,3})(?![\w.,:/-])", re.IGNORECASE)
EMERGENCY = re.compile(r"(?<![\d,.:-])(?<!\d )(9 1 1|1 1 2|9 9 9)(?![,.:-]?\d| \d)")


def signs(text: str) -> str:
    """«9 a m» -> «9 a.m.», «point 5» -> «0.5», «9 1 1» -> «911»."""
    text = HALF_DAY.sub(lambda found: f"{found[1]}{found[2] or ''} {found[3].lower()}.m.", text)
    return EMERGENCY.sub(lambda found: found[1].replace(" ", ""), POINT.sub(r"0.\1", text))


def grouped(text: str) -> str:
    """«9,800» -> «9800»."""
    return GROUPED.sub(lambda found: found[0].replace(",", ""), text)


def signed(text: str) -> str:
    """«minus 40» -> «-40»."""
    return SIGN.sub(lambda found: "-" if found[1].lower() == "minus" else "+", text)


def times(text: str) -> str:
    """«half past 9» -> «9:30», «quarter to 6» -> «5:45», «at 9 30» -> «at 9:30»."""
    text = OF_DAY.sub(lambda found: f"{found[1]}:{int(found[2].split()[-1]):02d}", text)
    text = HALF.sub(lambda found: _clock(found[0], int(found[1]), 30), text)
    text = QUARTER.sub(lambda found: _past_or_to(found[0], int(found[2]), 15, found[1]), text)
    text = MINUTES.sub(lambda found: _past_or_to(found[0], int(found[3]), int(found[1]), found[2]), text)
    text = FULL.sub(lambda found: f"{int(found[1])}:00" if int(found[1]) < 25 else found[0], text)
    text = CLOCK.sub(lambda found: f"{found[1]} {int(found[2])}:{int(found[3].split()[-1]):02d}", text)
    return FIVE_PAST.sub(lambda found: _clock(found[0], int(found[1]), int(found[2])), text)


def _past_or_to(otherwise: str, hour: int, minutes: int, way: str) -> str:
    if way.lower() == "past":
        return _clock(otherwise, hour, minutes)
    return _clock(otherwise, hour - 1 or 12, 60 - minutes)


def _clock(otherwise: str, hour: int, minute: int) -> str:
    return f"{hour}:{minute:02d}" if 0 < hour <= 24 else otherwise


def money(text: str) -> str:
    """«9800 dollars» -> «$9800», «99 dollars and 90 cents» -> «$99.90»."""
    for sign, name in NAMES.items():
        whole = rf"(?<![\w.,:/{re.escape(sign)}-])(\d+(?:\.\d+)?) {name}(?: and)? (\d{{1,2}}) ?{COINS[sign]}(?!\w)"
        text = re.sub(whole, lambda found, of=sign: f"{of}{found[1]}.{int(found[2]):02d}", text, flags=re.IGNORECASE)  # type: ignore[misc]
        short = rf"(?<![\w.,:/{re.escape(sign)}-])(\d+) {name} ([1-9]\d)(?![\w.,:/-]| \d| [a-z])"  # «4 pounds 99»
        text = re.sub(short, rf"{sign}\1.\2", text, flags=re.IGNORECASE)
        alone = rf"(?<![\w.,:/{re.escape(sign)}-])(\d+(?:\.\d+)?) {name}(?!\w)"
        text = re.sub(alone, lambda found, of=sign: f"{of}{found[1]}", text, flags=re.IGNORECASE)  # type: ignore[misc]
    return text


def plain(value: Fraction) -> str:
    """«2.5», «2500»."""
    if value.denominator == 1:
        return str(int(value))
    return f"{float(value):.6f}".rstrip("0").rstrip(".")


def ending(value: int) -> str:
    """«st», «nd», «rd», «th»."""
    if 11 <= value % 100 <= 13:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
