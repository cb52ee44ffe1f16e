"""Russian number words to digits: «две с половиной тысячи» 2500, «двадцать первого» 21-го, «пять десятых» 0,5."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from agent.language.cases_ru import describes as _describes
from agent.language.cases_ru import nouns
from agent.language.number_words import replaced
from agent.language.tables import derived, table

TOKEN = re.compile(r"(?<![\w,.:/-])\d{1,15}(?:,\d{1,15})?(?![\w,.:/-]*\w)|[А-Яа-яЁё]+(?:-[А-Яа-яЁё]+)*|\S")
PLACE = re.compile(r"(десят|сот|тысячн)(?:ых|ая|ой|ую|ыми|ым)")
PLACES = {"десят": 1, "сот": 2, "тысячн": 3}
NAMED_HOURS = frozenset(["два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"])
WHOLE = re.compile(r"цел(?:ых|ая|ой|ую|ыми|ым)")
HALVES = frozenset(["полтора", "полторы", "полутора"])
QUARTERS = {"четверть": 4, "четверти": 4, "четвертей": 4, "треть": 3, "трети": 3, "третей": 3}
MONTH = re.compile(r"(?:январ|феврал|март|апрел|ма[йяею]|июн|июл|август|сентябр|октябр|ноябр|декабр)\w*")
_LEADS = """до от из у без около более больше менее меньше свыше после к в о на с при за старше младше порядка для минус
плюс выше ниже примерно почти и или"""
GENITIVE_LEADS = frozenset(_LEADS.split())
"""Words before «сорока» that make it a number."""
FIRST_YEAR = 1000
"""Lowest number behind a month that is a year."""
MOST_POINTED = 10
"""Highest ordinal that stays a word where it counts nothing."""
YEAR = re.compile(r"год\w{0,2}")


@dataclass(frozen=True)
class Word:
    """A number word."""

    value: int
    """What it adds, or multiplies by from a thousand on."""
    ending: str = ""
    """Of an ordinal: what is written behind the hyphen."""
    alone: bool = True
    """Whether a number may begin with it."""


@dataclass(frozen=True)
class Token:
    """A word, a number or a sign of the text."""

    text: str
    """Lower case, «е» for «ё»."""
    start: int
    """First character, counted in the text."""
    end: int
    """Character behind the last, counted in the text."""
    kept: bool = False
    """Whether it belongs to a phrase that is no number."""


@dataclass(frozen=True)
class Reading:
    """A number read from the tokens."""

    value: Fraction
    next: int
    """Token behind it, counted from the first token."""
    ending: str = ""
    """Of an ordinal: what is written behind the hyphen."""
    plain: bool = False
    """Whether it is the digits that were there already."""


def to_digits(text: str) -> str:
    """Number words as digits; everything else stays as it is."""
    return replaced(text, tokens_of(text), _written)


def tokens_of(text: str) -> list[Token]:
    """The words, numbers and signs of a text."""
    plain = text.lower().replace("ё", "е")
    kept = [found.span() for found in _kept().finditer(plain)]
    return [
        Token(found[0], *found.span(), any(first <= found.start() < last for first, last in kept))
        for found in TOKEN.finditer(plain)
    ]


def number_at(tokens: Sequence[Token], at: int) -> tuple[int, int] | None:
    """A whole cardinal that begins at token ``at``: its value and the token behind it."""
    read = _cardinal(tokens, at)
    if read is None or read.ending or read.value.denominator != 1:
        return None
    return int(read.value), read.next


def _written(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    """The number that begins here as it is written, and the token behind it."""
    if half := _half_past(tokens[at]):
        return half, at + 1
    read = _cardinal(tokens, at)
    if read is None:
        return None
    if not read.ending:
        written = _fraction(tokens, read) or _decimal(tokens, read)
        if written:
            return written
    if tokens[at].text == "сорока" and read.next == at + 1 and (not at or tokens[at - 1].text not in GENITIVE_LEADS):
        return None  # the bird
    if read.plain or (read.ending and _points(tokens, at, read)):
        return None
    digits = _digits(read.value)
    if read.ending and not _is_dated(tokens, at, read):
        digits += f"-{read.ending}"
    return digits, read.next


def _is_dated(tokens: Sequence[Token], at: int, read: Reading) -> bool:
    """«двадцать первого ноября», «в две тысячи шестом году»; but «в 90-х годах»."""
    word = _text(tokens, read.next)
    if word in {"по", "до", "и", "или"} and read.next + 1 < len(tokens):  # «с первого по десятое июня»
        last = _cardinal(tokens, read.next + 1)
        return last is not None and bool(last.ending) and MONTH.fullmatch(_text(tokens, last.next)) is not None
    if at and MONTH.fullmatch(tokens[at - 1].text) and read.value >= FIRST_YEAR:  # «30 апреля две тысячи пятого»
        return True
    return MONTH.fullmatch(word) is not None or (YEAR.fullmatch(word) is not None and read.value >= 1000)


def _points(tokens: Sequence[Token], at: int, read: Reading) -> bool:
    """«мне второй», «он на первом»: a short ordinal with nothing that it counts stays a word; «пятого» is a day."""
    if read.next > at + 1 or read.value > MOST_POINTED or read.ending == "го":
        return False
    word = _text(tokens, read.next)
    return not (word.isalpha() and (nouns(word) or _describes(word)))


def _half_past(token: Token) -> str | None:
    """«полдевятого» 8:30."""
    word = _words().get(token.text.removeprefix("пол")) if token.text.startswith("пол") else None
    if word is None or word.ending != "го" or not 1 <= word.value <= 12:
        return None
    return f"{(word.value - 1) or 12}:30"


def _cardinal(tokens: Sequence[Token], at: int) -> Reading | None:
    """The longest number from here: sums, multiples, halves; ends with an ordinal."""
    first = tokens[at]
    if first.text in HALVES:
        return _multiplied(tokens, Reading(Fraction(3, 2), at + 1))
    if first.text[0].isdecimal():
        return _from_digits(tokens, at)
    read = _sum(tokens, at)
    if read is not None and not read.ending and _texts(tokens, read.next, 2) == ["с", "половиной"]:
        return _multiplied(tokens, Reading(read.value + Fraction(1, 2), read.next + 2))
    return read


def _from_digits(tokens: Sequence[Token], at: int) -> Reading:
    """Digits stay, unless a multiplier follows: «950 тысяч»."""
    value = Fraction(tokens[at].text.replace(",", "."))
    read = Reading(value, at + 1, plain=True)
    if _texts(tokens, read.next, 2) == ["с", "половиной"]:
        read = Reading(value + Fraction(1, 2), read.next + 2)
    return _multiplied(tokens, read)


def _multiplied(tokens: Sequence[Token], read: Reading) -> Reading:
    """``read`` times the thousands that follow."""
    word = _word(tokens, read.next)
    if word is None or word.ending or word.value < 1000:
        return read
    # «950 тыс.»: the point belongs to the short form
    dotted = tokens[read.next].text in {"тыс", "млн", "млрд"} and _texts(tokens, read.next + 1, 1) == ["."]
    following = read.next + (2 if dotted and read.next + 2 < len(tokens) else 1)
    return Reading(read.value * word.value, following)


def _sum(tokens: Sequence[Token], at: int) -> Reading | None:
    """Thousands, hundreds, tens and ones in falling order."""
    total, part, room, ceiling, place = 0, 0, 1000, 10**12, at
    while (word := _word(tokens, place)) is not None:
        if place == at and not word.alone:
            return None
        if word.value >= 1000 and not word.ending:
            if word.value >= ceiling or (place > at and part == 0):
                break
            total, part, room, ceiling = total + max(part, 1) * word.value, 0, 1000, word.value
        elif (_fits(word.value, room) and (word.value or place == at)) or (word.ending and place == at):
            if part >= 20 and _falls_off(tokens, at, place):
                break
            part, room = part + word.value, _room(word.value)
            if word.ending or not word.value:
                return Reading(Fraction(total + part), place + 1, word.ending)
        else:
            break
        place += 1
    if part >= 100 and part % 50 == 0 and total and total % 1_000_000 == 0:
        part *= 1000  # «миллион двести» are thousands
    return Reading(Fraction(total + part), place) if place > at else None


def _falls_off(tokens: Sequence[Token], at: int, place: int) -> bool:
    """«без двадцати восемь»: minutes, then the hour, which does not stand in their case."""
    return tokens[at - 1].text == "без" and at > 0 and tokens[place].text in NAMED_HOURS


def _fits(value: int, room: int) -> bool:
    """Whether ``value`` may follow when only numbers under ``room`` may."""
    return value < room and (value >= 1000 or room > 10 or value < 10)


def _room(value: int) -> int:
    """Under what the next word must be: after hundreds a hundred, after tens ten, after all others nothing."""
    if value >= 100:
        return 100
    return 10 if value >= 20 and value % 10 == 0 else 0


def _decimal(tokens: Sequence[Token], read: Reading) -> tuple[str, int] | None:
    """«пять целых пять десятых», «пять десятых»."""
    place = read.next
    if WHOLE.fullmatch(_text(tokens, place)):
        part_at = place + 1 + (_text(tokens, place + 1) == "и")
        part = _cardinal(tokens, part_at) if part_at < len(tokens) else None
        unit = PLACE.fullmatch(_text(tokens, part.next)) if part else None
        if part is None or unit is None or part.ending:
            return _zeros(tokens, read, place + 1)
        return f"{_digits(read.value)},{int(part.value):0{PLACES[unit[1]]}d}", part.next + 1
    if _text(tokens, place) == "и" and (part := _cardinal(tokens, place + 1) if place + 1 < len(tokens) else None):
        unit = PLACE.fullmatch(_text(tokens, part.next))  # «пять и три десятых»
        if unit is None or part.ending or part.plain or read.value.denominator != 1:
            return None
        return f"{_digits(read.value)},{int(part.value):0{PLACES[unit[1]]}d}", part.next + 1
    unit = PLACE.fullmatch(_text(tokens, place))
    if unit is None or read.value.denominator != 1 or read.plain:
        return None
    return f"0,{int(read.value):0{PLACES[unit[1]]}d}", place + 1


def _zeros(tokens: Sequence[Token], read: Reading, place: int) -> tuple[str, int] | None:
    """«ноль целых ноль пять»."""
    digits = ""
    while (word := _word(tokens, place)) is not None and word.value < 10 and not word.ending:
        digits, place = f"{digits}{word.value}", place + 1
    return (f"{_digits(read.value)},{digits}", place) if digits[:1] == "0" and len(digits) > 1 else None


def _fraction(tokens: Sequence[Token], read: Reading) -> tuple[str, int] | None:
    """«одна вторая» 1/2, «три четверти» 3/4."""
    text = _text(tokens, read.next)
    word = _word(tokens, read.next)
    below = QUARTERS.get(text) or (word.value if word and word.ending in {"х", "я"} and word.value < 10 else 0)
    fits = read.value.denominator == 1 and 1 <= read.value < below and not read.plain
    if not fits or (word is not None and (word.ending == "я") != (read.value == 1)):
        return None
    return f"{int(read.value)}/{below}", read.next + 1


def _digits(value: Fraction) -> str:
    if value.denominator == 1:
        return str(int(value))
    return f"{float(value):.6f}".rstrip("0").rstrip(".").replace(".", ",")


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if at < len(tokens) else ""


def _texts(tokens: Sequence[Token], at: int, count: int) -> list[str]:
    return [token.text for token in tokens[at : at + count]]


def _word(tokens: Sequence[Token], at: int) -> Word | None:
    return _words().get(tokens[at].text) if at < len(tokens) and not tokens[at].kept else None


@derived
def _words() -> dict[str, Word]:
    tables = table("normalise_ru")
    alone = set(tables["alone"]["words"].split())
    found: dict[str, Word] = {}
    for stem_value, stem in tables["ordinals"].items():
        for ending, short in tables["ordinal_endings"].items():
            found[stem + ending] = Word(int(stem_value), short)
    found |= {form: Word(3, short) for form, short in tables["third"].items()}
    for value, forms in tables["numbers"].items():
        for form in forms.split():
            found[form] = Word(int(value), alone=int(value) < 1000 or form in alone)
    return {form.replace("ё", "е"): word for form, word in found.items()}


@derived
def _kept() -> re.Pattern[str]:
    phrases = table("normalise_ru")["kept"]["phrases"].replace("\n", "").replace("ё", "е")
    return re.compile(rf"(?<!\w)(?:{phrases.replace(' ', '[ -]')})(?!\w)")
