"""English speech to canonical text: units and addresses always, number words when they are asked for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from agent.language import amounts_en
from agent.language.number_words import replaced
from agent.language.spoken_units import GAPS
from agent.language.tables import derived, table

MARKS = {"dot": ".", "dash": "-", "hyphen": "-", "underscore": "_"}
NAME = r"[\w-]+(?: (?:dot|dash|hyphen|underscore) [\w-]+)*"
MAIL = re.compile(rf"(?<!\w)({NAME}) at ([\w-]+(?: (?:dot|dash) [\w-]+)* dot [a-z]+)(?!\w)", re.IGNORECASE)
TOKEN = re.compile(r"(?<![\w,.:/-])\d{1,15}(?:\.\d{1,15})?(?![\w,.:/-]*\w)|[A-Za-z]+(?:'[a-z]+)?|\S")
_ORDINAL_LEADS = "the january february march april may june july august september october november december"
ORDINAL_LEADS = frozenset(_ORDINAL_LEADS.split())
"""Before these «third» is a number; «second» may be a unit."""
YEAR_LEADS = frozenset(["in", "since", "from", "until", "till", "of", "by", "before", "after"])
PER_TIME = {"second": "s", "minute": "min", "hour": "h"}
PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4, "third": 3, "thirds": 3, "fifth": 5, "fifths": 5}
PARTS |= {"sixths": 6, "sevenths": 7, "eighths": 8, "ninths": 9, "tenths": 10, "tenth": 10, "eighth": 8}
REPEATED = {"double": 2, "triple": 3, "treble": 3}
"""«double seven»."""
CODES = frozenset(["order", "number", "code", "zip", "pin", "password", "room", "invoice", "extension", "model"])
"""Behind these, digits that are said one by one are one number."""


def step(text: str, numbers: bool) -> str:
    """One round of ``normalise``."""
    text = models(addresses(text))
    if not numbers:
        return units(text, counted=False)
    text = amounts_en.times(amounts_en.signed(to_digits(amounts_en.grouped(text))))
    return amounts_en.signs(amounts_en.money(units(text, counted=True)))


def addresses(text: str) -> str:
    """«info at gauge dot com» -> «info@gauge.com»."""
    if " dot " not in text.lower():
        return text
    text = MAIL.sub(lambda found: f"{_address(found[1])}@{_address(found[2])}", text)
    ends = "|".join(table("normalise_en")["endings"]["sites"].split())
    site = rf"(?<!\w)(?:w w w dot )?[\w-]+(?: dot [\w-]+)*? dot (?:{ends})(?!\w)"
    return re.sub(site, lambda found: _address(found[0]), text, flags=re.IGNORECASE)


def _address(words: str) -> str:
    return "".join(MARKS.get(word, word) for word in words.lower().split())


@dataclass(frozen=True)
class Reading:
    """A number read from the tokens."""

    value: Fraction
    next: int
    """Token behind it, counted from the first token."""
    ordinal: bool = False


@dataclass(frozen=True)
class Token:
    """A word, a number or a sign."""

    text: str
    """Lower case."""
    start: int
    """First character, counted in the text."""
    end: int
    """Character behind the last, counted in the text."""


def to_digits(text: str) -> str:
    """Number words as digits: «two and a half thousand» 2500, «twenty first» 21st."""
    return replaced(text, tokens_of(text), _written)


def tokens_of(text: str) -> list[Token]:
    """Words, numbers and signs; words of phrases that are no number are left out of sight."""
    plain = re.sub(r"(?<=[A-Za-z])-(?=[A-Za-z])", " ", text.lower())
    kept = [found.span() for found in _kept().finditer(plain)]
    found = (Token(found[0], *found.span()) for found in TOKEN.finditer(plain))
    return [Token("·", t.start, t.end) if any(a <= t.start < b for a, b in kept) else t for t in found]


def _written(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    for reader in (_digit_run, _year, _part):
        if written := reader(tokens, at):
            return written
    read = number_at(tokens, at)
    alone = read is not None and read.next == at + 1
    if read is None or (alone and tokens[at].text[0].isdecimal()):
        return None
    if _text(tokens, read.next) == "point" and (tail := _digits_from(tokens, read.next + 1))[0]:
        return f"{int(read.value)}.{tail[0]}", tail[1]
    if read.ordinal and alone and _text(tokens, at - 1) not in ORDINAL_LEADS:
        return None
    return amounts_en.plain(read.value) + (amounts_en.ending(int(read.value)) if read.ordinal else ""), read.next


def _digit_run(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    """«oh one one three ...»: four digits or more, one by one."""
    digits, after = _digits_from(tokens, at)
    before = _text(tokens, at - 1)
    letters = len(before) == 1 and before.isalpha() and (before not in "ai" or len(_text(tokens, at - 2)) == 1)
    coded = before in CODES or letters
    least = 2 if coded or tokens[at].text in REPEATED else 4
    return (digits, after) if len(digits) >= least else None


def _digits_from(tokens: Sequence[Token], at: int) -> tuple[str, int]:
    digits = ""
    while True:
        times = REPEATED.get(_text(tokens, at), 1)
        value = _digit(_text(tokens, at + (times > 1)))
        if value is None or _words().get(_text(tokens, at + 1 + (times > 1)), 0) >= 100:
            return digits, at
        digits, at = digits + value * times, at + 1 + (times > 1)


def _digit(word: str) -> str | None:
    if word in {"oh", "o"}:
        return "0"
    value = _words().get(word)
    return str(value) if value is not None and value < 10 else None


def _year(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    """«since nineteen ninety eight», «in twenty twenty six»."""
    led = at > 0 and tokens[at - 1].text in YEAR_LEADS
    century = _words().get(_text(tokens, at), 0)
    rest = number_at(tokens, at + 1) if at + 1 < len(tokens) else None
    if century not in {18, 19, 20} or rest is None or rest.ordinal or not 10 <= rest.value <= 99:
        return None
    alone = not at and rest.next == len(tokens)
    dated = at > 0 and (tokens[at - 1].text in _ordinals() or tokens[at - 1].text in ORDINAL_LEADS - {"the"})
    if (
        not led and not alone and not dated and (century != 20 or rest.next < len(tokens) or at)
    ):  # «twenty twenty six» alone is a year
        return None
    return f"{century}{int(rest.value)}", rest.next


def _part(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    """«three quarters» 3/4."""
    above, below = _words().get(_text(tokens, at), 0), PARTS.get(_text(tokens, at + 1), 0)
    one = _text(tokens, at + 1).endswith("s") != (above == 1)  # «one third», «two thirds»; «the twenty third» is none
    return (
        (f"{above}/{below}", at + 2)
        if 1 <= above < below and (above, below) != (2, 4) and (one or below in {2, 4})
        else None
    )


def number_at(tokens: Sequence[Token], at: int) -> Reading | None:
    """The longest number that begins at token ``at``."""
    word = _text(tokens, at)
    if word[:1].isdecimal():
        return _multiplied(tokens, Reading(Fraction(word), at + 1))
    if word == "a" and _text(tokens, at + 1) in {"hundred", "thousand", "million"}:
        return _summed(tokens, at + 1, 1)
    if _words().get(word, 100) >= 100 and word not in _ordinals():
        return None
    read = _summed(tokens, at, 0)
    if read and not read.ordinal and [_text(tokens, read.next + n) for n in range(3)] == ["and", "a", "half"]:
        return _multiplied(tokens, Reading(read.value + Fraction(1, 2), read.next + 3))
    if read and not read.ordinal and [_text(tokens, read.next + n) for n in range(3)] == ["and", "a", "quarter"]:
        return Reading(read.value + Fraction(1, 4), read.next + 3)
    return read


def _multiplied(tokens: Sequence[Token], read: Reading) -> Reading:
    value = _words().get(_text(tokens, read.next), 0)
    return Reading(read.value * value, read.next + 1) if value >= 1000 else read


def _summed(tokens: Sequence[Token], at: int, part: int) -> Reading | None:
    total, room, ceiling, place = 0, 0 if part else 1000, 10**12, at
    while place < len(tokens):
        skip = tokens[place].text == "and" and place > at and _words().get(tokens[place - 1].text, 0) >= 100
        word = _text(tokens, place + skip)
        value = _words().get(word)
        if value is None:
            last = _ordinals().get(word)
            if last is None or not _fits(last, room):
                break
            return Reading(Fraction(total + part + last), place + skip + 1, ordinal=True)
        if value >= 1000 and not skip and part and value < ceiling:
            total, part, room, ceiling = total + part * value, 0, 1000, value
        elif value == 100 and not skip and 0 < part < 100:
            part, room = part * 100, 100
        elif value < 100 and _fits(value, room) and (value or place == at):
            part, room = part + value, 10 if value >= 20 else 0
        else:
            break
        place += skip + 1
    return Reading(Fraction(total + part), place) if place > at else None


def _fits(value: int, room: int) -> bool:
    return value < room and (room > 10 or value < 10)


def models(text: str) -> str:
    """«n g one hundred» -> «NG-100»."""
    pattern, written = _alternatives("models", rf"[{GAPS}]")
    said, done = [], 0
    for found in pattern.finditer(text):
        tokens = tokens_of(text[found.end() :])
        read = number_at(tokens, 0) if tokens else None
        if read is None or read.ordinal or found.start() < done:
            continue
        said += [text[done : found.start()], f"{written[str(found.lastgroup)]}-{int(read.value)}"]
        done = found.end() + tokens[read.next - 1].end
    return "".join([*said, text[done:]])


def units(text: str, counted: bool) -> str:
    """Units by their names and letters; ``counted``: those of every day, too, behind digits."""
    for name in ("spelled", "abbreviations"):
        pattern, written = _alternatives(name, r"(?!\w)")
        text = pattern.sub(lambda found, names=written: names[str(found.lastgroup)], text)  # type: ignore[misc]
    text = _named()[0].sub(lambda found: _unit(found, counted), text)
    return _over().sub(lambda found: f"{found[1]}/{PER_TIME.get(found[2]) or found[3]}", text)


def _unit(found: re.Match[str], counted: bool) -> str:
    _, forms, needing = _named()
    written = forms[re.sub(rf"[{GAPS}]", "", found["name"].lower())]
    power = {"square": "²", "cubic": "³", "": ""}[(found["power"] or "").lower()]
    if power and not written.endswith(("m", "ft", "in", "yd", "mi")):
        return found[0]
    per = re.match(r" (?:per|a) (?:second|minute|hour|square|cubic|\w*met)", found.string[found.end() :].lower())
    measured = counted and re.search(r"\d $", found.string[: found.start()])
    below = re.search(r"(?:per|/) ?$", found.string[: found.start()].lower())
    if written in needing and not (power or per or measured or below):
        return found[0]
    return written + power


@derived
def _named() -> tuple[re.Pattern[str], dict[str, str], frozenset[str]]:
    """The pattern of all names, form -> written, and the written ones that need digits before them."""
    tables, own = table("units_en"), table("normalise_en")["measured"]
    bare, prefixed = (*own["counted"].split(), *own["always"].split()), own["prefixed"].split()
    forms: dict[str, str] = {}
    for written in (*bare, *prefixed):
        one, many, prefixes = tables["units"][written]
        names = {one, many, one.replace("tre", "ter"), many.replace("tre", "ter")}
        for prefix in (*([""] if written in bare else []), *prefixes.split()):
            forms |= {tables["prefixes"].get(prefix, "") + name: prefix + written for name in names}
    split = "|".join(tables["prefixes"].values())
    longest = "|".join(sorted(forms, key=len, reverse=True))
    spaced = re.sub(rf"(?<![a-z])({split})(?=[a-z])", rf"\1[{GAPS}]?", longest)
    pattern = rf"(?<!\w)(?:(?P<power>square|cubic) )?(?P<name>{spaced})(?!\w)"
    return re.compile(pattern, re.IGNORECASE), forms, frozenset(own["counted"].split())


@derived
def _over() -> re.Pattern[str]:
    """A unit and what it is divided by: «mm per second», «N per mm²»."""
    known = {p + written for written, row in table("units_en")["units"].items() for p in ("", *row[2].split())}
    names = "|".join(
        sorted((re.escape(name) for name in known if name not in {"a.m.", "am", "in"}), key=len, reverse=True)
    )
    return re.compile(
        rf"(?<![\w/·])((?:{names})[²³]?) (?:(?:per|an?) (second|minute|hour)|per ((?:{names})[²³]?))(?!\w)"
    )


@derived
def _alternatives(name: str, behind: str) -> tuple[re.Pattern[str], dict[str, str]]:
    rows = table("normalise_en")[name]
    written = {f"g{number}": into for number, into in enumerate(rows)}
    spaced = ["|".join(form.replace(" ", f"[{GAPS}]").replace("]?", "]?") for form in forms) for forms in rows.values()]
    branches = [f"(?P<g{number}>{forms})" for number, forms in enumerate(spaced)]
    return re.compile(rf"(?<!\w)(?:{'|'.join(branches)}){behind}", re.IGNORECASE), written


@derived
def _words() -> dict[str, int]:
    return {word: int(value) for value, words in table("normalise_en")["numbers"].items() for word in words.split()}


@derived
def _ordinals() -> dict[str, int]:
    return {word: int(value) for value, word in table("normalise_en")["ordinals"].items()}


@derived
def _kept() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{table('normalise_en')['kept']['phrases'].replace(chr(10), '')})(?!\w)")


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if 0 <= at < len(tokens) else ""
