"""Russian text to words: what is written in digits, units and short forms, in the case that its neighbours ask for.

Each step replaces one kind of writing by words and leaves the rest to the next; the last ones leave no digit.
"""

import re

from agent.language import counting_ru, dates_ru, kitchen_ru, spelling_ru
from agent.language import numbers_ru as numbers
from agent.language.cases_ru import NUMBER, candidates, noun_behind

SEPARATOR = r"[ \u00a0-]?"
PHONE = re.compile(
    r"(?<![\d.,])(?:(\+7|8|7)[ \u00a0-]?\(?(\d{3})\)?[ \u00a0-]?|\((\d{3})\)[ \u00a0-]?)"
    r"(\d{3})[ \u00a0-]?(\d\d)[ \u00a0-]?(\d\d)(?![\d])"
)
FOREIGN = re.compile(r"(?<![\d.,])\+(\d{1,3})[ -]?\(?(\d{2,4})\)?((?:[ -]?\d{2,4}){2,4})(?!\d)")
LOCAL = re.compile(r"(?<![\d-])(\d{2,3})-(\d\d)-(\d\d)(?![\d-])")
MONEY_BEFORE = re.compile(rf"([$€£¥₽₸])\s?({NUMBER})(\s?(?:млн|млрд|тыс)\.?(?!\w))?")
SUPERSCRIPT = re.compile(r"(?<=\d)(\s?[кмсд]?м)\^?([23])(?![\d\w])|(?<=/)([кмсд]?м)\^?([23])(?![\d\w])")
THOUSANDS = re.compile(r"(\d)\s?т\.\s?р\.")
COINS = re.compile(r"(\d)\s?р(?:уб)?\.\s?(\d\d?)\s?к(?:оп)?\.")
PERCENT_ADJECTIVE = re.compile(
    r"(?<![\w.,-])(\d{1,9})\s?%-(?:н?(ый|ого|ому|ым|ом|ая|ой|ую|ое|ые|ых|ыми)|(й|го|му|м|я|ю|е|х|ми))(?!\w)"
)
PERCENT_ENDINGS = {
    "й": "ый",
    "го": "ого",
    "му": "ому",
    "м": "ом",
    "я": "ая",
    "ю": "ую",
    "е": "ое",
    "х": "ых",
    "ми": "ыми",
}
TWICE_GLUED = re.compile(r"(?<![\w.,-])(\d{1,9})[-–](\d{1,9})-([а-яё]{4,})")
HALF_GLUED = re.compile(r"(?<![\w.,-])(\d{1,3})[.,]5-([а-яё]{4,})")
SHORT_POWERS = re.compile(r"(?<!\w)(кв|куб)\.\s?([кмсд]?м)(?!\w)")
COMPARED = re.compile(r"([<>])(?=\s?\d)")
ABOUT = re.compile(r"~(?=\s?\d)")
VERSION = re.compile(r"(?<![\d.,])\d+(?:\.\d+){2,}(?![\d,])")
SIGNED = rf"[+−–-]?(?:{NUMBER})"
SIGN_RANGE = re.compile(rf"(?<![\w.,)])({SIGNED})\s?(?:…|\.\.\.?)\s?({SIGNED})(?![\w.,]\d)")
FRACTION = re.compile(r"(?<![\d/.,])(?:(\d+) )?([1-9])/(100?|[2-9])(?![\d/]|[.,]\d)")
HOUSE = re.compile(r"(?:дом\w*|номер\w*|корпус\w*|строени\w*|квартир\w*|офис\w*|д\.|№|стр\.)\s*$", re.IGNORECASE)
TIMES = re.compile(r"(?<=\d)(\s?)[×xх*](\s?)(?=\d)")
ORDINAL = re.compile(
    r"(?<![\w.,-])(\d{1,9})-(го|его|ого|му|ему|ому|ый|ий|ой|ый|ая|ое|ые|ую|ых|ым|ом|ем|ми|ти|мя|х|й|я|е|м|и|ю|а)(?!\w)"
)
GLUED = re.compile(r"(?<![\w.,-])(\d{1,9})[-–]([а-яё]{4,})")
MINUS = re.compile(r"(?<![\w.,)°%])[-−–](?=\d)")
FLAT = re.compile(r"(?<!\d)(\d)-комн(?:\.|(ая|ую|ой)(?!\w))")
STOREY = re.compile(r"(?<![\d/])(\d{1,3})/(\d{1,3}) ?эт(?:\.|аж(?!\w))")
INCHES = re.compile(r"(?<=\d)(?:″|”|''|\"(?=[\s,.;:)]|$))")
PRESSURE = re.compile(r"(?<!\w)([Дд]авлени\w+ )(\d{2,3})/(\d{2,3})(?![\d/])")
"""«давление 120/80»: a patient's."""
KILOMETRES = {
    "го": "километра",
    "му": "километру",
    "м": "километре",
    "ом": "километре",
    "ем": "километре",
    "й": "километр",
}
AREA_CODE = re.compile(r"(?<![\d.,])(\+7|8)[ -]?\((\d{4,5})\)[ -]?(\d{1,2})-(\d\d)-(\d\d)(?!\d)")
WORKING = re.compile(r"(?<=\d )раб\. (?=(дн|день))")
ROUBLES = re.compile(r"(?<=\d)\s?р(?=[\s,;!?)]|$)")
TYRE = re.compile(r"(?<![\d/])(\d{3})/(\d\d) ?R ?(\d\d)(?!\d)")
SUFFIXES = {
    "й": ("n", "m"),
    "ый": ("n", "m"),
    "ий": ("n", "m"),
    "ой": ("n", "m"),
    "я": ("n", "f"),
    "ая": ("n", "f"),
    "а": ("n", "f"),
    "ю": ("a", "f"),
    "ую": ("a", "f"),
    "е": ("n", "n"),
    "ое": ("n", "n"),
    "го": ("g", "m"),
    "ого": ("g", "m"),
    "его": ("g", "m"),
    "му": ("d", "m"),
    "ому": ("d", "m"),
    "ему": ("d", "m"),
    "м": ("p", "m"),
    "ом": ("p", "m"),
    "ем": ("p", "m"),
    "ым": ("i", "m"),
}
"""What the ending of an ordinal tells: case and gender."""
PLURAL = {"е": "n", "ые": "n", "и": "n", "х": "g", "ых": "g", "ми": "i", "ым": "d", "м": "d"}
CARDINAL_ENDINGS = {"ти": "g", "мя": "i"}


def words(text: str) -> str:
    """A sentence as words.

    The point of a short form goes with it; where it ends a sentence, too, the full stop stays: before a capital letter,
    and at the end of a text that begins with one («доставка 250 руб.» is no sentence).
    """
    said = _words(text).rstrip()
    first = re.search(r"\w+", text)
    sentence = first is not None and first[0][0].isupper() and not re.fullmatch("[IVX]+", first[0])
    ends = text.rstrip().endswith(".") and sentence
    return f"{said}." if ends and said and said[-1] not in ".…!?" else said


def _words(text: str) -> str:
    text = spelling_ru.letters_of_houses(_shapes(kitchen_ru.words(spelling_ru.addresses(text))))
    text = spelling_ru.qualities(spelling_ru.places(text))
    text = LOCAL.sub(_local, FOREIGN.sub(_foreign, PHONE.sub(_phone, text)))
    text = spelling_ru.weekdays(dates_ru.words(spelling_ru.names(text)))
    text = SIGN_RANGE.sub(_signed_range, _signs(PRESSURE.sub(r"\1\2 на \3", text)))
    text = HALF_GLUED.sub(
        lambda m: f"полутора{m[2]}" if m[1] == "1" else f"{numbers.glued(int(m[1]))} с половиной {m[2]}", text
    )
    text = TWICE_GLUED.sub(lambda m: f"{numbers.glued(int(m[1]))}-{numbers.glued(int(m[2]))}{m[3]}", text)
    text = GLUED.sub(lambda m: f"{numbers.glued(int(m[1]))}{m[2]}", ORDINAL.sub(_ordinal, text))
    text = FRACTION.sub(_fraction, spelling_ru.short_words(text))
    text = re.sub(r"(?<=\d)/(?=\d)", " дробь ", text)
    text = counting_ru.words(MINUS.sub("минус ", text))
    return spelling_ru.words_of_letters(text.replace("=", " равно ").replace("/", " "))


def _shapes(text: str) -> str:
    """What is written by a shape of its own: flats, storeys, inches, tyres, percentage points."""
    text = re.sub(r"[Ø⌀](?=\d)", "диаметр ", text)
    text = re.sub(r"(?<!\w)([Гг]рафик\w* )(\d)/(\d)(?![\d/])", r"\1\2 на \3", text)
    text = re.sub(r"(?<=\d)-([А-ЯЁ])(?![\w-])", lambda m: f" {spelling_ru.spelled(m[1].upper())}", text)
    text = WORKING.sub(lambda m: "рабочий " if m[1] == "день" else "рабочих ", ROUBLES.sub(" руб", text))
    text = re.sub(r"(?<=\d)-(?=[А-ЯЁ]{2,3}(?![\w-]))", " ", text)  # «152-ФЗ»
    text = re.sub(r"(?<![\w])([Мм])ин\. (?=\d)", r"\1инимум ", text)
    text = re.sub(r"(-(?:го|му|м|й|ом|ем)) км(?!\w)", lambda m: f"{m[1]} {KILOMETRES[m[1][1:]]}", text)
    text = re.sub(r"(?<![\w.,/-])(\d{1,2}) эт\.(?!\w)", r"\1-й этаж", text)
    text = re.sub(r"(?<!\w)(\d{1,2})W-(\d\d)(?!\d)", r"\1 W \2", text)
    text = AREA_CODE.sub(_area_code, text)
    text = FLAT.sub(lambda m: f"{m[1]}-комнатн{m[2] or 'ая'}", STOREY.sub(r"\1-й этаж из \2", text))
    text = re.sub(r"(?<=\d)\s?п\.\s?п\.", " пп", INCHES.sub(" ″", text))
    return TYRE.sub(r"\1 на \2 R\3", text)


def _area_code(found: re.Match[str]) -> str:
    """«8 (4812) 38-00-11»: the code of a town is said in pairs."""
    cut = 2 if len(found[2]) == 4 else 3
    town = " ".join(numbers.group(pair) for pair in (found[2][:cut], found[2][cut:]))
    first = "плюс семь" if found[1] == "+7" else "восемь"
    return ", ".join([first, town, *(numbers.group(found[part]) for part in (3, 4, 5))])


def _phone(found: re.Match[str]) -> str:
    first = {"+7": "плюс семь", "8": "восемь", "7": "семь", None: ""}[found[1]]
    groups = [group for group in found.groups()[1:] if group]
    return ", ".join(part for part in (first, *(numbers.group(group) for group in groups)) if part)


def _foreign(found: re.Match[str]) -> str:
    groups = [found[1], found[2], *re.findall(r"\d+", found[3])]
    return "плюс " + ", ".join(numbers.group(group) for group in groups)


def _local(found: re.Match[str]) -> str:
    return ", ".join(numbers.group(group) for group in found.groups())


def _signs(text: str) -> str:
    text = SUPERSCRIPT.sub(lambda m: (m[1] or m[3]) + {"2": "²", "3": "³"}[m[2] or m[4]], text)
    text = MONEY_BEFORE.sub(lambda m: f"{m[2]}{m[3] or ''} {m[1]}", text)
    text = SHORT_POWERS.sub(lambda m: m[2] + {"кв": "²", "куб": "³"}[m[1]], re.sub(r"(?<=\d )л\.\s?с\.", "лс", text))
    text = PERCENT_ADJECTIVE.sub(_percent_adjective, re.sub(r"(?<!\w)(\d+)\+(?=\s[а-яё])", r"более \1", text))
    text = re.sub(r"(?<=\d)\^(?=\d)", " в степени ", text)
    text = re.sub(r"(?<=\d)([²³])", lambda m: {"²": " в квадрате", "³": " в кубе"}[m[1]], text)
    text = COINS.sub(lambda m: f"{m[1]},{int(m[2]):02d} руб.", THOUSANDS.sub(r"\1 тыс. руб.", text))
    text = COMPARED.sub(lambda m: {"<": "меньше ", ">": "больше "}[m[1]], text)
    text = VERSION.sub(lambda m: " точка ".join(numbers.number(part) for part in m[0].split(".")), text)
    return TIMES.sub(" на ", ABOUT.sub("примерно ", text))


def _percent_adjective(found: re.Match[str]) -> str:
    return f"{numbers.glued(int(found[1]))}процентн{found[2] or PERCENT_ENDINGS[found[3]]}"


def _ordinal(found: re.Match[str]) -> str:
    value, ending = int(found[1]), found[2]
    before, behind = found.string[: found.start()], found.string[found.end() :]
    if ending in CARDINAL_ENDINGS or (ending == "х" and value <= 4):
        return numbers.cardinal(value, CARDINAL_ENDINGS.get(ending, "g"))
    readings = noun_behind(behind)
    if ending == "ю" and any(noun.plural and noun.case == "i" for noun in readings):
        return numbers.cardinal(value, "i")
    decade = value % 10 == 0 and value >= 20 and (not readings or any(noun.plural for noun in readings))
    if ending in PLURAL and (
        ending not in SUFFIXES
        or (readings and all(noun.plural for noun in readings))
        or (ending == "е" and decade)  # «1990-е», «20-е числа»
    ):
        return numbers.ordinal(value, PLURAL[ending], plural=True)
    case, gender = SUFFIXES.get(ending, ("n", "m"))
    if ending in {"й", "ой"} and readings and readings[0].gender == "f":
        return numbers.ordinal(value, "g", "f")
    if ending == "м" and readings and all(noun.case == "i" for noun in readings if not noun.plural):
        case = "i"  # «2-м классом»
    if ending == "м" and candidates(before)[0] in "ig" and "i" in candidates(before) and len(candidates(before)) < 3:
        case = "i"
    return numbers.ordinal(value, case, gender)


def _fraction(found: re.Match[str]) -> str:
    above, below = int(found[2]), int(found[3])
    before = found.string[: found.start()]
    if above >= below or HOUSE.search(before):
        return found[0]
    if below == 100:
        hundredths = "сотая" if above == 1 else "сотых"
        return f"{numbers.cardinal(above, 'n', 'f')} {hundredths}"
    said = numbers.fraction(above, below, candidates(before)[0])
    return f"{numbers.number(found[1] + '.')} и {said}" if found[1] else said


def _signed_range(found: re.Match[str]) -> str:
    """«−40…+85 °C» -> «от -40 до +85 °C»."""
    ends = [re.sub("^[−–-]", "минус ", re.sub(r"^\+", "плюс ", end)) for end in found.groups()]
    before = found.string[: found.start()]
    return f"{ends[0]} до {ends[1]}" if before.rstrip().endswith("от") else f"от {ends[0]} до {ends[1]}"
