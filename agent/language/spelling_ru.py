"""Russian abbreviations, addresses, model names and Latin words as they are read out."""

import re

from agent.language import numbers_ru as numbers
from agent.language.cases_ru import NUMBER, candidates, noun_behind, nouns
from agent.language.tables import derived, table
from agent.language.units_ru import unit

MAIL = re.compile(r"[\w.+-]+@[A-Za-zА-Яа-я][\w-]*(?:\.\w+)+")
SITE = re.compile(r"\b(?:https?://)?[A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*)+\b")
STANDARD = re.compile(r"\b(ГОСТ\w*|ISO|ИСО|ASTM|ТУ|СНиП|DIN|EN)( Р ИСО| Р| ISO| ИСО)? (\d+)((?:[-.–:]\d+)*)")
MODEL = re.compile(
    r"(?<![\w-])([А-ЯЁA-Z][А-ЯЁA-Za-z]{0,5}?)(?:-(\d+(?:[.,]\d+)?)(?:-(\d+))?|(\d+(?:,\d+)?))([А-ЯЁA-Z]{0,3})(?![\w])(?!-\d)"
)
PLANE = re.compile(r"(?<![\w-])([А-ЯЁ][а-яё]{1,3})-(\d{1,4})(?![\w-])")
CAPITALS = re.compile(r"\b[А-ЯЁA-Z]{2,6}\b")
LATIN = re.compile(r"[A-Za-z]+")
WORDLIKE = re.compile(r"(?:Wi-Fi|[A-Za-z]+)")
OPEN_HOURS = re.compile(
    r"((?:будни|ежедневно|выходные|понедельник|вторник|сред[ау]|четверг|пятниц[ау]|суббот[ау]|воскресенье|(?i:пн|вт|ср|чт|пт|сб|вс)\.?)"
    r"\s*[:—–]?\s*)(\d{1,2})\s?[-–—]\s?(\d{1,2})(?![\d.,:]*\d|\s?[а-яё%])"
)
LETTERED = re.compile(
    r"((?:№|(?i:дом\w{0,2}|д\.|корпус\w*|корп\.|строение|стр\.|кабинет\w*|каб\.|офис\w*|оф\.|аудитори\w|вагон|поезд\w{0,2}|автобус\w{0,2}|квартир\w|кв\.))"
    r"\s?\d{1,4})\s?([А-ЯЁа-г])(?![\w.])"
)
BRAND = re.compile(r"(?<=\d)([А-ЯЁ])(?![\w.·/])")
"""«сталь 40Х»."""
QUALITY = re.compile(r"(?<!\w)(?<!\d )([Мм]ин|[Мм]акс|[Сс]р)\. ([а-яё]{3,})")
QUALITIES = {"мин": "минимальн", "макс": "максимальн", "ср": "средн"}
SOFT = {"ые": "ие", "ая": "яя", "ое": "ее", "ый": "ий"}
ENDING = frozenset(["т. д.", "т.д.", "т. п.", "т.п.", "и др.", "и пр.", "шт."])
"""Short forms behind which a capital begins a sentence, not a name."""
CITIES = re.compile(r"(?<!\w)(СПб|Спб|Мск)\.?(?!\w)")
VILLAGES = re.compile(
    r"(?<![\w.])(?<!\d )(ст\. ?м\.|(?:[дсмхор]|дер|оз|гр|проф|[Рр]есп|[Бб]ул|[Тт]уп)\.|пгт) ?"
    r"(?=«?[А-ЯЁ][а-яё]{2,})(?![А-ЯЁ][а-яё]*\.)"
)
LAW = re.compile(r"часть (\d+) ст\. ?(?=\d)")
VOWELS = frozenset("АЕЁИОУЫЭЮЯAEIOUY")
PLACE_CASES = {"n": 0, "g": 1, "d": 2, "p": 3, "a": 3}
"""Which form of a place's name; «на ул.» is taken for «на улице»."""


def addresses(text: str) -> str:
    """Mail and sites: «инфо собака мера точка экзампл»."""
    text = MAIL.sub(lambda m: f" {_address(m[0])} ", text)
    return SITE.sub(lambda m: f" {_address(m[0].split('//')[-1])} ", text)


def _address(text: str) -> str:
    marks = {"@": " собака ", ".": " точка ", "-": " дефис ", "_": " подчёркивание ", "+": " плюс "}
    parts = re.split(r"([@._+-])", text)
    return "".join(marks.get(part) or _letters_and_digits(part) for part in parts if part)


def _letters_and_digits(text: str) -> str:
    pieces = re.findall(r"\d+|[A-Za-z]+|[^\dA-Za-z]+", text)
    return " ".join(numbers.digits(piece) if piece.isdigit() else latin(piece) for piece in pieces)


def names(text: str) -> str:
    """Standards and models: «ГОСТ тысяча четыреста девяносто семь», «эр эм сто»."""
    text = PLANE.sub(lambda m: f"{m[1]} {numbers.number(m[2])}", text)
    return MODEL.sub(_model, STANDARD.sub(_standard, text))


def _standard(found: re.Match[str]) -> str:
    known: dict[str, str] = table("verbalise_ru")["words"]
    name = known.get(found[1]) or found[1]
    middle = {" Р": " эр", " ISO": " исо", " ИСО": " исо", " Р ИСО": " эр исо", None: ""}[found[2]]
    parts = [found[3], *re.findall(r"\d+", found[4])]
    return f"{name}{middle} " + ", ".join(numbers.number(part) for part in parts)


def _model(found: re.Match[str]) -> str:
    known = table("verbalise_ru")["words"].get(found[1])
    if found[1] == "№" or (found[4] and len(found[1]) > 4):
        return found[0]
    values = [numbers.number(part.replace(",", ".")) for part in (found[2] or found[4], found[3]) if part]
    behind = spelled(found[5].upper()) if found[5] else ""
    return " ".join(part for part in (known or _read(found[1]), *values, behind) if part)


def _read(word: str) -> str:
    """A name before a number: «ковид» is a word, «РМ» are letters."""
    if word in table("verbalise_ru")["read"]["words"].split():
        return word
    if len(word) > 3 and VOWELS & set(word[1:-1].upper()):
        return latin(word.lower()) if word.isascii() else word
    return spelled(word.upper())


def letters_of_houses(text: str) -> str:
    """«дом 5А», «офис 12Г», «поезд № 023А»: the letter is none of a unit."""
    text = LETTERED.sub(lambda m: f"{m[1]} {spelled(m[2].upper())}", text)
    return BRAND.sub(lambda m: m[0] if unit(m[1]) else f" {spelled(m[1])}", text)


def qualities(text: str) -> str:
    """«мин. заказ» -> «минимальный заказ», «макс. нагрузка» -> «максимальная нагрузка»."""
    return QUALITY.sub(_quality, text)


def _quality(found: re.Match[str]) -> str:
    readings = noun_behind(f" {found[2]}")
    if not readings:
        return found[0]
    noun = readings[0]
    ending = "ые" if noun.plural else {"f": "ая", "n": "ое"}.get(noun.gender, "ый")
    said = QUALITIES[found[1].lower()] + (SOFT[ending] if found[1].lower() == "ср" else ending)
    return f"{said.capitalize() if found[1][0].isupper() else said} {found[2]}"


def short_words(text: str) -> str:
    """Abbreviations with a point or a slash, and signs."""
    pattern, long = _shorts()
    return pattern.sub(lambda m: f" {long.get(m[0]) or long[m[0].lower()]} {_stop(m)}", text)


def _stop(found: re.Match[str]) -> str:
    """The full stop of the sentence, which was the point of the short form, too."""
    behind = found.string[found.end() :]
    ends = found[0].lower() in ENDING and re.match(r"\s+[А-ЯЁ]", behind) is not None
    return "." if ends and found.start() else ""


def places(text: str) -> str:
    """Short words of addresses: «на ул. Мира» -> «на улице Мира»."""
    text = VILLAGES.sub(_village, re.sub(r"(?<!\w)пп\. ?(?=\d)", "пункты ", CITIES.sub(_city, text)))
    text = LAW.sub(
        lambda m: f"часть {numbers.cardinal(int(m[1]))} статья ", re.sub(r"(?<!\w)ч\. (?=\d+ ст\.)", "часть ", text)
    )
    return _places().sub(_place, text)


def _village(found: re.Match[str]) -> str:
    """«д. Ивановка» is a village, «д. 5» a house."""
    before = found.string[: found.start()]
    forms: list[str] = table("verbalise_ru")["villages"][found[1].lower()]
    case = candidates(before)[0] if re.search(r"[а-яё]\s*$", before) else "n"
    said = forms[PLACE_CASES.get(case, 0)]
    return f"{said.capitalize() if found[1][0].isupper() else said} "


def _city(found: re.Match[str]) -> str:
    forms: list[str] = table("verbalise_ru")["cities"][found[1].title()]
    case = (
        candidates(found.string[: found.start()])[0] if re.search(r"[а-яё]\s*$", found.string[: found.start()]) else "n"
    )
    return forms[PLACE_CASES.get(case, 0)]


@derived
def _places() -> re.Pattern[str]:
    short = table("verbalise_ru")["places"]
    titled = (form.capitalize() for form in short if len(form) > 2)  # «Д.» may be a person's
    forms = "|".join(sorted(map(re.escape, [*short, *titled]), key=len, reverse=True))
    return re.compile(
        rf"(?<![\w.])(?<!\d )(?<!т\. )(?<!\bи (?=пр))({forms})"
        r"(?=\s?[А-ЯЁ]?(?:\d|[а-яё]*|\s*$))(?!\s?(?!рек[аи]|канала)[а-яё])"
    )


def _place(found: re.Match[str]) -> str:
    before = found.string[: found.start()]
    case = candidates(before)[0] if re.search(r"[а-яё]\s*$", before) else "n"
    numbered = re.match(r"\s?\d", found.string[found.end() :])
    if found[1] in {"с.", "г.", "п."} and bool(numbered) == (found[1] == "г."):
        return found[0]  # «с.» and «п.» need a number behind them, «г.» a name
    written = found[1].lower()
    if written == "стр." and not re.search(r"(?:\d|дом|ул|корп|д\.)[^.!?]*,\s*$", before):
        written = "с."
    forms: list[str] = table("verbalise_ru")["places"][written]
    if re.search(r"(?<!\w)по\s*$", before.lower()):
        case = "d"
    if ending := re.search(r"[А-ЯЁ][а-яё]+(ом|ого|ому|ой)\s*$", before):  # «на Невском пр.»
        case = {"ом": "p", "ого": "g", "ому": "d", "ой": "p"}[ending[1]]
    name = re.match(r"\s?([А-ЯЁ][а-яё]+)", found.string[found.end() :])
    readings = nouns(name[1].lower()) if name and written == "г." else ()
    if case == "a" and readings and all(noun.case != "p" for noun in readings):
        case = "n"  # «доставка в г. Тверь», not «в Твери»
    said = forms[PLACE_CASES.get(case, 0)]
    return f"{said.capitalize() if found[1][0].isupper() else said} "


@derived
def _shorts() -> tuple[re.Pattern[str], dict[str, str]]:
    long: dict[str, str] = table("verbalise_ru")["words"]
    shorts = [form for form in long if not re.fullmatch(r"[A-Za-zА-Яа-яЁё]+|Wi-Fi", form)]
    forms = sorted({*shorts, *(form[0].upper() + form[1:] for form in shorts)}, key=len, reverse=True)
    ended = {
        form: (r"(?<!\d)" if form[0].isdigit() else "") + re.escape(form) + (r"\b" if form[-1].isalnum() else "")
        for form in forms
    }
    words = "|".join(ended[form] for form in forms if form[0].isalpha())
    signs = "|".join(ended[form] for form in forms if not form[0].isalpha())
    # «30 см.» is a length, «см. ниже» is not; tried where a word begins, which is what makes it quick
    pattern = re.compile(rf"\b(?<![\d/])(?<!\d )(?:{words})|{signs}")
    return pattern, {**long, **{form.lower(): said for form, said in long.items()}}


def weekdays(text: str) -> str:
    """«Пн–Пт» -> «с понедельника по пятницу»; «пн.» -> «понедельник»."""
    days: dict[str, list[str]] = table("verbalise_ru")["weekdays"]
    one = "|".join(days)
    text = re.sub(
        rf"(?<!\w)(?i:({one}))\.?\s?[-–—]\s?(?i:({one}))(?!\w)\.?",
        lambda m: f"с {days[m[1].lower()][1]} по {days[m[2].lower()][2]}",
        text,
    )
    text = OPEN_HOURS.sub(r"\1с \2 до \3", text)
    lone = rf"(?<!\w)(?<!\d )(?<!\d\u00a0)((?i:{one})\.|(?:{one.upper()})|(?:{one.title()})|(?:{one}))(?!\w)"
    return re.sub(lone, lambda m: days[m[1].lower().rstrip(".")][_day_form(m.string[: m.start()])], text)


def _day_form(before: str) -> int:
    """«в пн и ср» in the accusative, «до пт» in the genitive."""
    lead = re.search(r"(?<!\w)([а-яё]+)\s+(?:[а-яё]{2}\.?(?:,| и| или)\s+)*$", before.lower())
    case = candidates(lead[1])[0] if lead and len(candidates(lead[1])) < len("nagdip") else "n"
    return {"g": 1, "a": 2}.get(case, 0)


def words_of_letters(text: str) -> str:
    """What is left of capitals and Latin letters."""
    text = re.sub(r"(?<=[а-яё]) -(?=[а-яё])", "-", text)
    text = CAPITALS.sub(_capitals, text.replace("Wi-Fi", str(table("verbalise_ru")["words"]["Wi-Fi"])))
    return LATIN.sub(lambda m: latin(m[0]), text)


def _capitals(found: re.Match[str]) -> str:
    word = found[0]
    said = table("verbalise_ru")["words"].get(word)
    if said:
        return str(said)
    # a sentence all in capitals is shouted, not abbreviated
    if word in table("verbalise_ru")["read"]["words"].split() or (VOWELS & set(word[1:-1]) and len(word) > 3):
        return word
    return spelled(word)


def spelled(word: str) -> str:
    """Letter by letter."""
    letters = table("verbalise_ru")["letters"]
    return " ".join(letters.get(letter, letter) for letter in word)


def latin(word: str) -> str:
    """A Latin word in Russian letters; Russian ones stay."""
    if not word.isascii():
        return word
    tables = table("verbalise_ru")
    known = tables["words"].get(word) or tables["words"].get(word.lower())
    if known:
        return str(known)
    if len(word) == 1 or word.isupper():
        return spelled(word.upper())
    pieces = re.findall("|".join(tables["latin"]), word.lower())
    return "".join(tables["latin"][piece] for piece in pieces)


def is_number(text: str) -> bool:
    """Whether the text is one number as written."""
    return re.fullmatch(NUMBER, text) is not None
