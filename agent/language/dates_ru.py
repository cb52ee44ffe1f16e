"""Russian dates, times of day, years and Roman numerals as words."""

import re

from agent.language import numbers_ru as numbers
from agent.language.cases_ru import ANY, candidates, nouns
from agent.language.units_ru import counted, unit

_MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"
MONTHS = _MONTHS.split()
DAY = r"0?[1-9]|[12]\d|3[01]"
MONTH = r"0?[1-9]|1[0-2]"
ISO = re.compile(rf"(?<![\w-])((?:19|20)\d\d)-({MONTH})-({DAY})(?![\w-])")
DOTTED = re.compile(rf"(?<![\d.])({DAY})\.({MONTH})\.((?:19|20)\d\d|\d\d)(?![\d])(?:\s?г\.|\s?года)?")
SHORT = re.compile(
    r"(?<![\w])([Сс]|[Сс]о|[Пп]о|[Дд]о|[Кк]|[Нн]а|[Оо]т|[Пп]осле)( )"
    r"(0[1-9]|[12]\d|3[01])\.(0[1-9]|1[0-2])(?![\d.]*\d)(?! ?[%°а-я]*/)"
)
DAYS = re.compile(rf"(?<![\d.,])({DAY})\s?[-–—]\s?({DAY}) ({'|'.join(MONTHS)})\b")
SPAN = re.compile(rf"(?<!\w)([Сс]о?|[Оо]т) ({DAY}) (по|до) ({DAY}) ({'|'.join(MONTHS)}|числа|число)\b")
LIST = re.compile(rf"(?<![\d.,])((?:(?:{DAY}), )*(?:{DAY}) (?:и|или) )(?=(?:{DAY}) (?:{'|'.join(MONTHS)})\b)")
QUARTER = re.compile(r"(?<![\w.,/-])([1-4])(?:-(?:й|м|го|му))? кв\.(?=\s+(?:19|20)\d\d(?!\d)|\s*$)")
TODAY = re.compile(r"(?<!\w)(?:[Сс]егодня|[Вв]чера было|[Ээ]то|[Зз]автра(?: будет)?)\s*(?:—\s*)?$")
DATE = re.compile(rf"(?<![\d.,])({DAY}) ({'|'.join(MONTHS)}|Марта|Мая|числа|число|числу)\b")
YEAR_SPAN = re.compile(r"(?<!\w)([Сс]) (1[5-9]\d\d|20\d\d) по (1[5-9]\d\d|20\d\d) (год|годы)(?!\w)")
YEARS = re.compile(r"(?<![\d.,])(1[5-9]\d\d|20\d\d)\s?[-–—]\s?(1[5-9]\d\d|20\d\d) (гг\.|годы|годов|годах|годам)(?!\w)")
YEAR = re.compile(r"(?<![\d.,-])(1[5-9]\d\d|20\d\d)\s?(год|года|году|годом|г\.|г)(?!\w)")
CLOCKS = re.compile(r"(?<![\d:])((?:[01]?\d|2[0-4]):[0-5]\d)\s?[-–—]\s?((?:[01]?\d|2[0-4]):[0-5]\d)(?![\d:])")
CLOCK = re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::00)?(?![\d:])")
DAY_AND_TIME = re.compile(r"(?<![\d.,])(0?[1-9]|[12]\d|3[01])\.(0[1-9]|1[0-2])(?=,? в \d{1,2}[:.]\d\d)")
LETTERED_CLASS = re.compile(r"(?<![\d.,])(\d{1,2}) («[А-Я]»|[А-Я]) (класс[а-я]*)")
POINTED = re.compile(
    r"(?<!\w)(с|до|в|к|около|после|со)( )([01]?\d|2[0-3])\.([0-5]\d)(?![\d.]*\d)"
    r"(?=\s*(?:$|[,;!?.)]|до |и |по |ч|часов))"
)
ROMAN = re.compile(r"(?<![\w])([IVX]{1,6}) ([а-яё]{3,}|в\.|Олимпийск\w+)")
ROMAN_SPAN = re.compile(r"(?<!\w)([IVX]{1,6})\s?[–—-]\s?([IVX]{1,6}) (вв\.|века|веках|веков)(?!\w)")
CHAPTER = re.compile(
    r"(?<!\w)((?:[Гг]лав|[Рр]аздел|[Чч]аст|[Кк]атегори|[Гг]рупп|[Гг]руппа кров|[Тт]ип"
    r"|[Тт]ом)[а-яё]{0,2}) ([IVX]{1,5})(?![\w.-])"
)
KING = re.compile(r"(?<!\w)([А-ЯЁ][а-яё]{2,}) ([IVX]{1,5})(?![\w.-])(?! (?:век|в\.|вв))")
SCORE = re.compile(
    r"(?<!\w)((?:[Сс]ч[её]т\w*|[Вв]ыигр\w+|[Пп]роигр\w+|[Пп]обед\w+)(?: [а-яё]+)? )(\d{1,2}):(\d{1,2})(?![\d:])"
)
RATIO = re.compile(r"(?<![\d:.,])(\d{1,4}):(\d|\d{3,4}|[6-9]\d)(?![\d:])")
ROMAN_NOUNS = re.compile(
    r"век|в\.$|квартал|полугоди|категори|степен|класс|разряд|групп|тип|этап|том|глав|раздел|очеред|тур|съезд|пункт|част|курс|мест|миров|Олимп"
)
NUMBERED_DAYS = {"число": "n", "числа": "g", "числу": "d"}
DAY_CASES = {
    "на": "n",
    "по": "n",
    "в": "n",
    "к": "d",
    "ко": "d",
    "перед": "i",
    "между": "i",
    "о": "p",
    "об": "p",
    "при": "p",
}
"""Case of a day by the preposition before it; else it is the genitive."""
CENTURY_FORMS = {"века": "g", "веку": "d", "веке": "p", "веком": "i"}
CENTURIES = {"n": "века", "a": "века", "g": "веков", "d": "векам", "i": "веками", "p": "веках"}
YEAR_CASES = {"год": "n", "года": "g", "году": "p", "годом": "i"}
YEAR_WORDS = {"n": "год", "a": "год", "g": "года", "d": "году", "i": "годом", "p": "году"}


def words(text: str) -> str:
    """Everything of this kind in a sentence."""
    text = ISO.sub(lambda m: f"{int(m[3])} {MONTHS[int(m[2]) - 1]} {m[1]} года", text)
    text = DOTTED.sub(lambda m: f"{int(m[1])} {MONTHS[int(m[2]) - 1]} {_century(m[3])} года", text)
    text = CLOCKS.sub(_clocks, text)
    if not any(
        int(found[4]) > len(MONTHS) or found[4] == "00" for found in POINTED.finditer(text)
    ):  # «с 09.10 до 18.00»
        text = SHORT.sub(lambda m: f"{m[1]} {int(m[3])} {MONTHS[int(m[4]) - 1]}", text)
    text = DAY_AND_TIME.sub(lambda m: f"{int(m[1])} {MONTHS[int(m[2]) - 1]}", text)
    text = POINTED.sub(r"\1\2\3:\4", text)
    text = DAYS.sub(_days, SPAN.sub(_span, text))
    text = SCORE.sub(lambda m: f"{m[1]}{numbers.cardinal(int(m[2]))} {numbers.cardinal(int(m[3]))}", text)
    text = RATIO.sub(
        lambda m: f"{numbers.cardinal(int(m[1]))} к {numbers.cardinal(int(m[2]), 'd')}", LIST.sub(_list, text)
    )
    text = CLOCK.sub(_clock, text)
    text = YEAR_SPAN.sub(
        lambda m: f"{m[1]} {numbers.ordinal(int(m[2]), 'g')} по {numbers.ordinal(int(m[3]), 'n')} {m[4]}", text
    )
    text = YEARS.sub(_years, QUARTER.sub(_quarter, text))
    text = YEAR.sub(_year, text)
    text = DATE.sub(_date, text)
    text = ROMAN_SPAN.sub(_roman_span, CHAPTER.sub(lambda m: f"{m[1]} {numbers.cardinal(roman(m[2]))}", text))
    text = LETTERED_CLASS.sub(lambda m: f"{agreeing(int(m[1]), m.string[: m.start()], m[3])} {m[2]} {m[3]}", text)
    return KING.sub(_king, ROMAN.sub(_roman, text))


def _century(year: str) -> str:
    return year if len(year) == 4 else f"20{year}"


def _days(found: re.Match[str]) -> str:
    before = found.string[: found.start()]
    case = _day_case(before) if candidates(before) != ANY else ""
    if case and not re.search(r"(?<!\w)со?\s*$", before.lower()):
        return " ".join([" - ".join(numbers.ordinal(int(day), case, "n") for day in found.groups()[:2]), found[3]])
    glue = "" if case else "с "
    first = numbers.ordinal(int(found[1]), "g", "n")
    return f"{glue}{first} по {numbers.ordinal(int(found[2]), 'n', 'n')} {found[3]}"


def _span(found: re.Match[str]) -> str:
    last = numbers.ordinal(int(found[4]), "n" if found[3] == "по" else "g", "n")
    return f"{found[1]} {numbers.ordinal(int(found[2]), 'g', 'n')} {found[3]} {last} {found[5]}"


def _quarter(found: re.Match[str]) -> str:
    """«в 4 кв. 2026 г.» -> «в 4 квартале 2026 г.»."""
    case = "p" if _ends_with_in(found.string[: found.start()]) else candidates(found.string[: found.start()])[0]
    noun = "квартале" if case == "p" else YEAR_WORDS[case].replace("год", "квартал")
    return f"{numbers.ordinal(int(found[1]), case)} {noun}"


def _list(found: re.Match[str]) -> str:
    case = _day_case(found.string[: found.start()])
    return re.sub(r"\d+", lambda day: numbers.ordinal(int(day[0]), case, "n"), found[1])


def _day_case(before: str) -> str:
    if re.search(r"(?<!\w)между \S+(?: \S+)? и\s*$", before.lower()):
        return "i"
    last = re.search(r"([а-яё]+)\s*$", before.lower())
    return DAY_CASES.get(last[1] if last else "", "g")


def _date(found: re.Match[str]) -> str:
    """The day agrees with the preposition; without one it is «on the day»: genitive; «сегодня 5 марта.» tells which."""
    before, behind = found.string[: found.start()], found.string[found.end() :]
    named = TODAY.search(before) and re.match(r"(?: [а-я ]+ года)?\s*(?:$|[.!?,])", behind)
    case = NUMBERED_DAYS.get(found[2]) or ("n" if named else _day_case(before))
    return f"{numbers.ordinal(int(found[1]), case, 'n')} {found[2]}"


def _year(found: re.Match[str]) -> str:
    before = found.string[: found.start()]
    if re.search(rf"(?:{'|'.join(MONTHS)})\s*$", before):
        case = "g"
    elif found[2] in YEAR_CASES:
        # «к году» and «по году» are datives
        case = "d" if found[2] == "году" and candidates(before)[-1] == "d" else YEAR_CASES[found[2]]
    else:
        case = "p" if _ends_with_in(before) else candidates(before)[0]
        case = "g" if candidates(before) == ANY and before.rstrip()[-1:].isalpha() else case  # «в квартале 2026 г.»
    stop = "." if found[2] == "г." and re.match(r"\s+[А-ЯЁ]", found.string[found.end() :]) and before else ""
    return f"{numbers.ordinal(int(found[1]), case, 'm')} {YEAR_WORDS[case]}{stop}"


def _ends_with_in(before: str) -> bool:
    return re.search(r"(?<!\w)во?\s*$", before.lower()) is not None


def _years(found: re.Match[str]) -> str:
    before = found.string[: found.start()]
    spelled = {"годы": "n", "годов": "g", "годах": "p", "годам": "d"}
    case = spelled.get(found[3]) or ("p" if _ends_with_in(before) else candidates(before)[0])
    noun = {"n": "годы", "a": "годы", "g": "годов", "d": "годам", "i": "годами", "p": "годах"}[case]
    return f"{numbers.ordinal(int(found[1]), case)} - {numbers.ordinal(int(found[2]), case)} {noun}"


def _clocks(found: re.Match[str]) -> str:
    glue = "" if re.search(r"(?<!\w)с\s*$", found.string[: found.start()].lower()) else "с "
    return f"{glue}{found[1]} до {found[2]}"


def _clock(found: re.Match[str]) -> str:
    """«девять часов», «девять тридцать», «девять ноль пять», in the case of the preposition."""
    case = candidates(found.string[: found.start()])[0]
    hour, minute = int(found[1]), found[2]
    said = numbers.cardinal(hour, case)
    if minute == "00":
        if re.match(r"\s?час", found.string[found.end() :]):
            return said
        of = unit("ч")
        return f"{said} {counted(of, hour, case)}" if of else said
    return f"{said} {'ноль ' if minute[0] == '0' else ''}{numbers.cardinal(int(minute), case)}"


def roman(text: str) -> int:
    """The value of a Roman numeral up to 39."""
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in text]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))


def _roman(found: re.Match[str]) -> str:
    value, word = roman(found[1]), found[2]
    if not ROMAN_NOUNS.match(word) or value <= 0:
        return found[0]
    before = found.string[: found.start()]
    if word == "в.":
        case = "p" if _ends_with_in(before) else candidates(before)[0]
        case = "g" if candidates(before) == ANY and re.search(r"[а-яё]\s*$", before) else case  # «в начале XX в.»
        noun = {"n": "век", "a": "век", "g": "века", "d": "веку", "i": "веком", "p": "веке"}[case]
        return f"{numbers.ordinal(value, case)} {noun}"
    if word in CENTURY_FORMS and re.search(r"[а-яё]\s*$", before):  # «к концу XIX века»
        return f"{numbers.ordinal(value, CENTURY_FORMS[word])} {word}"
    return f"{agreeing(value, before, word)} {word}"


def _king(found: re.Match[str]) -> str:
    """«Пётр I», «при Екатерине II»."""
    readings = [name for name in nouns(found[1].lower(), names=True) if not name.plural]
    if not readings:
        return found[0]
    allowed = candidates(found.string[: found.start()])
    name = min(readings, key=lambda one: allowed.find(one.case) if one.case in allowed else len(allowed))
    return f"{found[1]} {numbers.ordinal(roman(found[2]), name.case, name.gender or 'm').capitalize()}"


def _roman_span(found: re.Match[str]) -> str:
    before = found.string[: found.start()]
    case = (
        "p" if found[3] == "веках" or _ends_with_in(before) else "g" if found[3] == "веков" else candidates(before)[0]
    )
    first, last = (numbers.ordinal(roman(text), case) for text in (found[1], found[2]))
    return f"{first} - {last} {CENTURIES[case]}"


def agreeing(value: int, before: str, word: str) -> str:
    """An ordinal that agrees with the noun behind it."""
    readings = nouns(word.lower())
    for case in candidates(before):
        for noun in readings:
            if noun.case == case:
                return numbers.ordinal(value, case, noun.gender or "m", plural=noun.plural)
    if readings:
        return numbers.ordinal(value, readings[0].case, readings[0].gender or "m", plural=readings[0].plural)
    return numbers.ordinal(value, "n", "f" if word.endswith("ая") else "m")
