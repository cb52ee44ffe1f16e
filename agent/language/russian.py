"""Russian text to words: what is written in digits, units and short forms, in the case that its neighbours ask for.

Each step replaces one kind of writing by words and leaves the rest to the next; the last ones leave no digit.
"""

import re

from agent.language import dates_ru, spelling_ru
from agent.language import numbers_ru as numbers
from agent.language.cases_ru import NUMBER, agreement, candidates, case_of_unit, is_governed, is_numbered, noun_behind
from agent.language.units_ru import ALONE, PLAIN, Unit, counted, form, unit, unit_behind

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
CHAPTER = re.compile(r"(?:пункт|раздел|верси|глав|рисун|таблиц|стать|параграф)\w*\s*$", re.IGNORECASE)
CODE = 6
"""Digits from which on a number that counts nothing is read digit by digit."""
POSTCODE = re.compile(r"(?:индекс|почта:?|адрес:?)\s*$", re.IGNORECASE)
PERCENT_ADJECTIVE = re.compile(
    r"(?<![\w.,-])(\d+)\s?%-(?:н?(ый|ого|ому|ым|ом|ая|ой|ую|ое|ые|ых|ыми)|(й|го|му|м|я|ю|е|х|ми))(?!\w)"
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
TWICE_GLUED = re.compile(r"(?<![\w.,-])(\d+)[-–](\d+)-([а-яё]{4,})")
SHORT_POWERS = re.compile(r"(?<!\w)(кв|куб)\.\s?([кмсд]?м)(?!\w)")
COMPARED = re.compile(r"([<>])(?=\s?\d)")
ABOUT = re.compile(r"~(?=\s?\d)")
VERSION = re.compile(r"(?<![\d.,])\d+(?:\.\d+){2,}(?![\d,])")
SIGNED = rf"[+−–-]?(?:{NUMBER})"
SIGN_RANGE = re.compile(rf"(?<![\w.,)])({SIGNED})\s?(?:…|\.\.\.?)\s?({SIGNED})(?![\w.,]\d)")
RANGE = re.compile(rf"(?<![\w.,])({NUMBER})\s?[–—-]\s?({NUMBER})(?![\d-])(?!-[а-яё])")
FRACTION = re.compile(r"(?<![\d/.,])(?:(\d+) )?([1-9])/(10|[2-9])(?![\d/]|[.,]\d)")
HOUSE = re.compile(r"(?:дом\w*|номер\w*|корпус\w*|строени\w*|квартир\w*|офис\w*|д\.|№|стр\.)\s*$", re.IGNORECASE)
TIMES = re.compile(r"(?<=\d)(\s?)[×xх*](\s?)(?=\d)")
ORDINAL = re.compile(
    r"(?<![\w.,-])(\d+)-(го|его|ого|му|ему|ому|ый|ий|ой|ый|ая|ое|ые|ую|ых|ым|ом|ем|ми|ти|мя|х|й|я|е|м|и|ю|а)(?!\w)"
)
GLUED = re.compile(r"(?<![\w.,-])(\d+)[-–]([а-яё]{4,})")
MINUS = re.compile(r"(?<![\w.,)°%])[-−–](?=\d)")
COUNTED = re.compile(NUMBER)
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
MULTIPLIERS = frozenset(["тыс", "тыс.", "млн", "млн.", "млрд", "млрд.", "трлн"])


def words(text: str) -> str:
    """A sentence as words."""
    text = spelling_ru.places(spelling_ru.addresses(text))
    text = LOCAL.sub(_local, FOREIGN.sub(_foreign, PHONE.sub(_phone, text)))
    text = spelling_ru.weekdays(dates_ru.words(spelling_ru.names(text)))
    text = SIGN_RANGE.sub(_signed_range, _signs(text))
    text = TWICE_GLUED.sub(lambda m: f"{numbers.glued(int(m[1]))}-{numbers.glued(int(m[2]))}{m[3]}", text)
    text = GLUED.sub(lambda m: f"{numbers.glued(int(m[1]))}{m[2]}", ORDINAL.sub(_ordinal, text))
    text = FRACTION.sub(_fraction, spelling_ru.short_words(text))
    text = re.sub(r"(?<=\d)/(?=\d)", " дробь ", text)
    text = RANGE.sub(_range, text)
    text = _count_all(MINUS.sub("минус ", text))
    text = ALONE.sub(_lone_unit, text)
    return spelling_ru.words_of_letters(text.replace("=", " равно ").replace("/", " "))


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
    if ending == "м" and candidates(before)[0] in "ig" and "i" in candidates(before) and len(candidates(before)) < 3:
        case = "i"
    return numbers.ordinal(value, case, gender)


def _fraction(found: re.Match[str]) -> str:
    above, below = int(found[2]), int(found[3])
    before = found.string[: found.start()]
    if above >= below or HOUSE.search(before):
        return found[0]
    said = numbers.fraction(above, below, candidates(before)[0])
    return f"{numbers.number(found[1] + '.')} и {said}" if found[1] else said


def _plain(number: str) -> str:
    return re.sub(r"[ \u00a0\u202f]", "", number).replace(",", ".")


def _signed_range(found: re.Match[str]) -> str:
    """«−40…+85 °C» -> «от -40 до +85 °C»."""
    ends = [re.sub("^[−–-]", "минус ", re.sub(r"^\+", "плюс ", end)) for end in found.groups()]
    before = found.string[: found.start()]
    return f"{ends[0]} до {ends[1]}" if before.rstrip().endswith("от") else f"от {ends[0]} до {ends[1]}"


def _range(found: re.Match[str]) -> str:
    """«5–10 дней» -> «пять-десять дней»; with a unit of ours «от пяти до десяти миллиметров»."""
    before, behind = found.string[: found.start()], found.string[found.end() :]
    if unit_behind(behind) and not is_governed(before):
        return f"от {found[1]} до {found[2]}"
    last = _plain(found[2])
    if unit_behind(behind):
        of = unit_behind(behind)
        case, gender = case_of_unit(before, last, behind), "f" if of and of[1].feminine else "m"
    else:
        case, gender = agreement(before, last, behind)
    first, second = numbers.number(_plain(found[1]), case, gender), numbers.number(last, case, gender)
    glue = " - " if " " in first + second else "-"
    if unit_behind(behind):
        return f"{first}{glue}{found[2]}"
    return f"{first}{glue}{second}"


def _count_all(text: str) -> str:
    """Numbers with what they count, from left to right; the text before a number is still as it was written."""
    said: list[str] = []
    done = 0
    for found in COUNTED.finditer(text):
        if found.start() < done:
            continue
        before, behind = text[: found.start()], text[found.end() :]
        words_, taken = _count(before, _plain(found[0]), behind)
        if "." in found[0] and not taken and (CHAPTER.search(before) or not noun_behind(behind)):  # «USB 2.0»
            words_ = " точка ".join(map(numbers.number, found[0].split(".")))
        glue = " " if before and before[-1].isalnum() else ""
        after = " " if behind[taken : taken + 1].isalpha() else ""
        said += [text[done : found.start()], glue, words_, after]
        done = found.end() + taken
    return "".join([*said, text[done:]])


def _count(before: str, value: str, behind: str) -> tuple[str, int]:
    """A number in words, with its unit, and how many characters of ``behind`` that takes."""
    found = unit_behind(behind)
    if found is None:
        if _is_code(before, value, behind):
            return numbers.group(value) if len(value) > CODE else ", ".join(
                map(numbers.group, (value[:3], value[3:]))
            ), 0
        if is_numbered(before, value, behind):
            return dates_ru.agreeing(int(value), before, behind.split(maxsplit=1)[0]), 0
        case, gender = agreement(before, value, behind)
        half = _half(value, case, gender) if noun_behind(behind) else ""
        return half or numbers.number(value, case, gender), 0
    written, of = found
    case = case_of_unit(before, value, behind[len(written) :])
    if of.hundredth[0] and re.fullmatch(r"\d+\.\d\d", value):
        return _price(value, of, case), len(written)
    if case == "a" and of.animate:
        case = "g"
    said = f"{_said(value, of, case)} {counted(of, value, _of_half(value, case))}"
    if _half(value, case, "m") and case not in "na":
        said = f"{_said(value, of, case)} {form(of, case, plural=True)}"
    taken = len(written)
    if written.strip(" \u00a0\u202f") in MULTIPLIERS and (money := unit_behind(behind[taken:])):
        said, taken = f"{said} {form(money[1], 'g', plural=True)}", taken + len(money[0])
        written = money[0]
    if not written.endswith(".") and re.match(r"\.\s+[а-яё\d]", behind[taken:]) and written[-1].isalpha():
        taken += 1  # «12 ч. 30 мин»: the sentence goes on
    stop = "." if written.endswith(".") and re.match(r"\s*$|\s+[А-ЯЁ]", behind[taken:]) else ""
    return said + stop, taken


def _is_code(before: str, value: str, behind: str) -> bool:
    """Long digits that count nothing: taxpayer's numbers, articles, postcodes."""
    if value.isdigit() and len(value) == CODE and POSTCODE.search(before):
        return value[0] != "0"
    return value.isdigit() and len(value) > CODE and not value.endswith("000") and not noun_behind(behind)


def _of_half(value: str, case: str) -> str:
    return "n" if value == "1.5" and case in "na" else case


def _said(value: str, of: Unit, case: str) -> str:
    gender = "f" if of.feminine else "m"
    return _half(value, case, gender) or numbers.number(value, case, gender)


def _half(value: str, case: str, gender: str) -> str:
    """«полтора килограмма», «полторы тонны», «полутора тонн»."""
    if value != "1.5":
        return ""
    if case not in "na":
        return "полутора"
    return "полторы" if gender == "f" else "полтора"


def _price(value: str, of: Unit, case: str) -> str:
    """«девяносто девять рублей девяносто копеек»."""
    whole, _, part = value.partition(".")
    coin = Unit(*of.hundredth)
    said = f"{numbers.cardinal(int(whole), case)} {counted(of, int(whole), case)}"
    if part == "00":
        return said
    gender = "f" if coin.feminine else "m"
    return f"{said} {numbers.cardinal(int(part), case, gender)} {counted(coin, int(part), case)}"


def _lone_unit(found: re.Match[str]) -> str:
    """«прочность в МПа»; single letters and plain words are no units there."""
    written = found[0]
    if (len(written) == 1 and written not in "%₽°‰") or written in PLAIN or "." in written:
        return written
    of = unit(written)
    if of is None:
        return written
    last = re.search(r"(\w+)\s*$", found.string[: found.start()])
    return form(of, "p" if last and last[1].lower() in {"в", "во"} else "g", plural=True)
