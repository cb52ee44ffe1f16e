"""Russian numbers, units and short forms as words, in the case that the words before them ask for.

Case comes from the preposition in front (``[cases]`` of the table), through lists and «или»; without one it is the
nominative. Gender of «один» and «два» comes from the noun behind. That is right for technical and commercial
prose, not a grammar: what needs agreement with a verb is read in the nominative.
"""

import re
from functools import cache

from agent.language import numbers_ru as numbers
from agent.language.tables import table

NUMBER = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)|\d+(?:[.,]\d+)?"
MAIL = re.compile(r"[\w.+-]+@[A-Za-z][\w-]*(?:\.\w+)+")
SITE = re.compile(r"\b(?:https?://)?[A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*)+\b")
PHONE = re.compile(r"(?<!\d)(\+7|8)[ \u00a0-]?\(?(\d{3})\)?[ \u00a0-]?(\d{3})[ \u00a0-]?(\d\d)[ \u00a0-]?(\d\d)(?!\d)")
CLOCK = re.compile(r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?![\d:])")
STANDARD = re.compile(r"\b(ГОСТ\w*|ISO|ИСО|ASTM|ТУ)( Р)? (\d+)((?:[-.–]\d+)*)")
MODEL = re.compile(r"\b([А-ЯЁA-Z][А-ЯЁA-Za-z]{0,5})-(\d+)(?:-(\d+))?\b")
MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"
DATE = re.compile(rf"\b(\d{{1,2}}) ({MONTHS.replace(' ', '|')})\b")
DOTTED = re.compile(r"\b(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.((?:19|20)\d\d)\b")
YEAR = re.compile(r"\b(1[5-9]\d\d|20\d\d) (год|года|году|годом|г\.)(?!\w)")
RANGE = re.compile(rf"({NUMBER})\s?[–—-]\s?({NUMBER})(?![\d-])")
ORDINAL = re.compile(r"\b(\d+)-(го|му|ый|ой|ий|ая|ое|ый|й|я|е|м|х)(?!\w)")
ORDINALS = {
    "го": ("g", "m"),
    "му": ("d", "m"),
    "м": ("p", "m"),
    "я": ("n", "f"),
    "ая": ("n", "f"),
    "е": ("n", "n"),
    "ое": ("n", "n"),
}
MINUS = re.compile(r"(?<![\w.,)])[-−–](?=\d)")
CAPITALS = re.compile(r"\b[А-ЯЁA-Z]{2,6}\b")
LATIN = re.compile(r"[A-Za-z]+")
FEMININE = {"n1": "ая", "n2": "ыи", "a1": "ую", "a2": "ыи", "g1": "ыи"}
"""Endings that give a feminine noun away, by case and last digit of its number."""
LISTED = re.compile(rf"(?:{NUMBER})(?:,| и| или| -| —)$")
YEAR_CASES = {"год": "n", "года": "g", "году": "p", "годом": "i", "г.": "g"}
VOWELS = frozenset("АЕЁИОУЫЭЮЯAEIOUY")


def words(text: str) -> str:
    """A sentence as words."""
    text = MAIL.sub(lambda m: _address(m[0]), text)
    text = SITE.sub(lambda m: _address(m[0].split("//")[-1]), text)
    text = PHONE.sub(_phone, text)
    text = STANDARD.sub(_standard, text)
    text = MODEL.sub(_model, text)
    text = CLOCK.sub(_clock, text)
    text = DOTTED.sub(lambda m: f"{int(m[1])} {MONTHS.split()[int(m[2]) - 1]} {m[3]} года", text)
    text = DATE.sub(lambda m: f"{numbers.ordinal(int(m[1]), 'g', 'n')} {m[2]}", text)
    text = YEAR.sub(_year, text)
    text = ORDINAL.sub(_ordinal, text)
    text = MINUS.sub("минус ", re.sub(r"(?<=\d)/(?=\d)", " дробь ", _short_words(text)))
    text = RANGE.sub(r"\1 - \2", text)
    text = _counted().sub(_count, text)
    text = _lone_units().sub(_lone_unit, text)
    text = CAPITALS.sub(_capitals, text)
    return LATIN.sub(lambda m: _latin(m[0]), text.replace("/", " "))


def _address(text: str) -> str:
    """Mail and site: «инфо собака мера точка экзампл»."""
    marks = {"@": " собака ", ".": " точка ", "-": " дефис ", "_": " подчёркивание "}
    parts = re.split(r"([@._-])", text)
    return "".join(marks.get(part) or _letters_and_digits(part) for part in parts if part)


def _letters_and_digits(text: str) -> str:
    pieces = re.findall(r"\d+|\D+", text)
    return " ".join(numbers.digits(piece) if piece.isdigit() else _latin(piece) for piece in pieces)


def _phone(found: re.Match[str]) -> str:
    first = "плюс семь" if found[1] == "+7" else "восемь"
    return ", ".join([first, *(numbers.group(part) for part in found.groups()[1:])])


def _standard(found: re.Match[str]) -> str:
    name = table("verbalise_ru")["words"].get(found[1], found[1])
    tail = [numbers.cardinal(int(part)) for part in re.findall(r"\d+", found[4])]
    return f"{name}{' эр' if found[2] else ''} " + ", ".join([numbers.cardinal(int(found[3])), *tail])


def _model(found: re.Match[str]) -> str:
    parts = [numbers.cardinal(int(part)) for part in found.groups()[1:] if part]
    return f"{_spelled(found[1].upper())} {' '.join(parts)}"


def _clock(found: re.Match[str]) -> str:
    case = _case_before(found.string[: found.start()])
    hour, minute = int(found[1]), found[2]
    said = numbers.cardinal(hour, case)
    if minute == "00":
        return f"{said} {numbers.counted('час', 'hard', hour, case)}"
    return (
        f"{said} {numbers.cardinal(int(minute), case) if minute[0] != '0' else 'ноль ' + numbers.cardinal(int(minute))}"
    )


def _year(found: re.Match[str]) -> str:
    case = YEAR_CASES[found[2]]
    word = {"n": "год", "g": "года", "p": "году", "i": "годом"}[case]
    return f"{numbers.ordinal(int(found[1]), case, 'm')} {word}"


def _ordinal(found: re.Match[str]) -> str:
    if found[2] == "х":
        return numbers.cardinal(int(found[1]), "g")
    case, gender = ORDINALS.get(found[2], ("n", "m"))
    return numbers.ordinal(int(found[1]), case, gender)


def _short_words(text: str) -> str:
    pattern, long = _shorts()
    return pattern.sub(lambda m: f" {long[m[0]]} ", text)


@cache
def _shorts() -> tuple[re.Pattern[str], dict[str, str]]:
    long: dict[str, str] = table("verbalise_ru")["words"]
    forms = sorted((form for form in long if not form.isascii() or not form.isalpha()), key=len, reverse=True)
    # "кН/с" and "+7" are units and phones, not a slash and a plus
    bounded = [rf"\b{re.escape(form)}" if form[0].isalpha() else re.escape(form) for form in forms if form != "/"]
    return re.compile("|".join(form if form[-1] in ".№×±+&@" else rf"{form}\b" for form in bounded)), long


@cache
def _counted() -> re.Pattern[str]:
    """A number and the unit behind it, if there is one."""
    return re.compile(rf"(?P<number>{NUMBER})(?:[ \u00a0\u202f]?(?P<unit>{_unit_names()})(?![\w/°]))?")


@cache
def _lone_units() -> re.Pattern[str]:
    """Units without a number: «прочность в МПа»; single letters and plain words are no units there."""
    long = [re.escape(unit) for unit in table("verbalise_ru")["units"] if len(unit) > 1 and not unit.endswith(".")]
    plain = {"мин", "руб", "сек", "мс", "млн"}
    forms = sorted((unit for unit in long if unit not in plain), key=len, reverse=True)
    return re.compile(rf"(?<![\w/])(?:{'|'.join(forms)}|%|₽|°)(?![\w/])")


@cache
def _unit_names() -> str:
    return "|".join(sorted(map(re.escape, table("verbalise_ru")["units"]), key=len, reverse=True))


def _count(found: re.Match[str]) -> str:
    before, behind = found.string[: found.start()], found.string[found.end() :]
    case = _case_before(before)
    value = re.sub(r"[ \u00a0\u202f]", "", found["number"]).replace(",", ".")
    unit = table("verbalise_ru")["units"].get(found["unit"]) if found["unit"] else None
    glue = " " if before and before[-1].isalnum() else ""
    if unit is None:
        return (
            glue
            + numbers.number(value, case, _gender_behind(value, case, behind))
            + (" " if behind[:1].isalpha() else "")
        )
    stem, declension, rest = unit
    gender = "f" if declension == "fem" else "m"
    word = numbers.counted(stem, declension, value, case)
    stop = "." if found["unit"].endswith(".") and re.match(r"\s*$", behind) else ""
    return f"{glue}{numbers.number(value, case, gender)} {word} {rest}".rstrip() + stop


def _lone_unit(found: re.Match[str]) -> str:
    stem, declension, rest = table("verbalise_ru")["units"][found[0]]
    last = re.search(r"(\w+)\s*$", found.string[: found.start()])
    case = "p" if last and last[1].lower() in {"в", "во"} else "g"
    return f"{numbers.plural(stem, declension, case)} {rest}".rstrip()


@cache
def _cases() -> dict[str, str]:
    return {word: case for case, row in table("verbalise_ru")["cases"].items() for word in row.split()}


def _case_before(before: str) -> str:
    """The case that the words before a number ask for, looking through lists, ranges and signs."""
    text = re.sub(r"(?:плюс|минус|примерно|почти|ровно|целых?)\s*$", "", before.lower().rstrip() + " ").rstrip()
    listed = LISTED.search(text)
    if listed:
        return _case_before(text[: listed.start()])
    last = re.search(r"([а-яё]+)$", text)
    return _cases().get(last[1], "n") if last else "n"


def _gender_behind(value: str, case: str, behind: str) -> str:
    """Gender for «один, два» from the ending of the counted noun; adjectives before it are passed over."""
    ending = FEMININE.get(case + value[-1:])
    found = re.match(r"\s+((?:[а-яё]+ ?)+)", behind.lower())
    if not ending or not found or "." in value:
        return "m"
    nouns = [
        word for word in found[1].split() if not re.search(r"(?:ых|их|ые|ие|ого|его|ом|ому|ый|ий|ая|яя|ую)$", word)
    ]
    return "f" if nouns and nouns[0][-1] in ending else "m"


def _capitals(found: re.Match[str]) -> str:
    word = found[0]
    said = table("verbalise_ru")["words"].get(word)
    if said:
        return str(said)
    if word in table("verbalise_ru")["read"]["words"].split() or (VOWELS & set(word[1:-1]) and len(word) > 3):
        return word
    return _spelled(word)


def _spelled(word: str) -> str:
    letters = table("verbalise_ru")["letters"]
    return " ".join(letters.get(letter, letter) for letter in word)


def _latin(word: str) -> str:
    tables = table("verbalise_ru")
    known = tables["words"].get(word) or tables["words"].get(word.lower())
    if known:
        return str(known)
    if len(word) == 1 or word.isupper():
        return _spelled(word.upper())
    pieces = re.findall("|".join(tables["latin"]), word.lower())
    return "".join(tables["latin"][piece] for piece in pieces)
