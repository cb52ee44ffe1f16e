"""What is made of digits once the number words are gone: times, phone numbers, money, signs. Russian."""

import re

GROUPED = re.compile(
    r"(?<![\d,.:-])(?<!\d )(\d{1,3}(?:[ \u00a0\u202f]\d{3}){2,}|\d{1,3}(?:[\u00a0\u202f]\d{3})"
    r"|\d{1,3} \d{3}(?= (?:рубл|₽|руб|доллар|евро|\$|€|кН|Н|мм|кг|т|шт|м|В|%)))(?![ -]?\d)"
)
RUN = re.compile(r"(?<![\d,.:/-])(\+?\d{1,3}(?: \d{1,3}){2,})(?![\d,.:/-]*\d)")
HALF = re.compile(r"(?<!\w)половин[аеуы] (\d{1,2})-го(?!\w)", re.IGNORECASE)
QUARTER = re.compile(r"(?<!\w)четверть (\d{1,2})-го(?!\w)", re.IGNORECASE)
MINUTES = re.compile(r"(?<![\d,:-])(\d{1,2}) минут[ыау]? (\d{1,2})-го(?!\w)", re.IGNORECASE)
BEFORE = re.compile(
    r"(?<!\w)без (\d{1,2}|четверти)(?: минут[ыау]?)? (\d{1,2}|час)(?: час(?:а|ов)?)?(?![\w,:-]| \d)", re.IGNORECASE
)
LEAD = r"(?<!\w)(в|во|к|до|с|со|около|после|на|по) "
CLOCK = re.compile(
    rf"{LEAD}(\d|1\d|2[0-3]) (0 ?\d|[1-5]\d)(?![\w,:/-])"
    r"(?! \d| (?:[мкМГс]?[мгНВА]|[кМГ]?Па|[кМ]?Вт|%|₽|°|штук|тысяч|рубл))",
    re.IGNORECASE,
)
ZERO_MINUTES = re.compile(r"(?:^|(?<=[,.!?] ))(\d|1\d|2[0-3]) 0 ?(\d)(?![\w,.:/-])(?! \d| [а-яёА-ЯЁ%₽°])")
HOURS = re.compile(rf"{LEAD}(\d{{1,2}}) час(?:а|ов)? (\d{{1,2}}) минут[ыау]?(?!\w)", re.IGNORECASE)
SPAN = re.compile(r"(?<![\d,.:/-])(?<!\d )(\d) (\d{1,2}) (?=[а-яё]{3,}|%|[кМ]?[НВм]\b)")
SIGN = re.compile(r"(?<![\w-])(?<!\d )(минус|плюс) (?=\d)", re.IGNORECASE)
COINS = re.compile(
    r"(\d) ?(?:рубл(?:ь|я|ей|ю|ем|ям|ями|ях)|руб\.?|₽) (\d{1,2}) ?(?:копе(?:ек|йка|йки|йку)|коп\.?)(?!\w)"
)
MONEY = (
    (re.compile(r"(\d) ?(?:рубл(?:ь|я|ей|ю|ем|ям|ями|ях)|руб\.|руб|₽)(?!\w)", re.IGNORECASE), "₽"),
    (re.compile(r"(\d) ?(?:доллар(?:а|ов|ы|ам|ами)?(?: сша)?|\$)(?!\w)", re.IGNORECASE), "$"),
    (re.compile(r"(\d) ?(?:евро|€)(?!\w)", re.IGNORECASE), "€"),
    (re.compile(r"(\d) ?(?:юан(?:ь|я|ей|ю|и|ям)|¥)(?!\w)", re.IGNORECASE), "¥"),
)
NUMBER_SIGN = re.compile(r"(?<!\w)номер (?=\d{1,5}(?![\d:,.-])(?! \d))", re.IGNORECASE)
PERCENT = re.compile(r"(?<=\d)%")
STANDARD = re.compile(r"(?<!\w)(ГОСТ )(\d{1,2}) (\d{3})(?![\w,:]| \d{3})")
STANDARD_DIGITS = re.compile(r"(?<!\w)(ГОСТ )(\d{1,2}(?: \d){2,3})(?![\w,:]| \d)")
STANDARD_YEAR = re.compile(r"(?<!\w)(ГОСТ \d+) (?:дробь|тире|дефис|минус) (\d{2,4})(?![\w,:])", re.IGNORECASE)
ZERO_COMMA = re.compile(r"(?<![\w,.:/-])(?<!\d )0 (\d{1,3}) (?=(?:%|[мкМГ]?[мгНВА]|см|т|л|[кМГ]?Па|[кМ]?Вт)(?![\w]))")
"""«ноль пять процента»: nobody counts from zero to five in front of a unit."""
CODE = re.compile(
    r"(?<!\w)((?:код\w?|пин(?:[ -]код\w?)?|парол\w|инн|кпп|огрн|бик|номер\w?|индекс\w?|заказ\w{0,2}"
    r"|заявк\w|договор\w?|артикул\w?|добавочн\w+))"
    r" (\d(?: \d)+)(?![\w,:/-]| \d)",
    re.IGNORECASE,
)
HALVES = {"кило": "кг", "килограмма": "кг", "литра": "л", "метра": "м", "тонны": "т", "километра": "км"}
HALF_NUMBERS = {"миллиона": "500000", "миллиарда": "500000000", "тысячи": "500"}
HALF_OF = re.compile(rf"(?<!\w)пол[ -]?({'|'.join(HALVES)})(?!\w)", re.IGNORECASE)
DEGREES = re.compile(r"(?<=\d) °(?! ?[CС])")


def grouped(text: str) -> str:
    """«1 450 000» -> «1450000»."""
    return GROUPED.sub(lambda found: re.sub(r"\s", "", found[0]), text)


def signed(text: str) -> str:
    """«минус 5» -> «-5»; «плюс 7 912 …» -> «+7 912 …»."""
    return SIGN.sub(lambda found: "-" if found[1].lower() == "минус" else "+", text)


def phones(text: str) -> str:
    """Runs of numbers that have as many digits as a telephone number."""
    return RUN.sub(_phone, text)


def _phone(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[1])
    plus = "+" if found[1][0] == "+" else ""
    if len(digits) == 11 and digits[0] in "78":
        return f"{plus}{digits[0]} {_ten(digits[1:])}"
    if len(digits) == 10 and re.match(r"[3489]\d{2} ", found[1]):
        return _ten(digits)
    if len(digits) == 7 and re.match(r"\d{3} ", found[1]):
        return f"{digits[:3]}-{digits[3:5]}-{digits[5:]}"
    if re.fullmatch(r"\d(?: \d){5,}", found[1]):  # taxpayer's numbers and codes are said digit by digit
        return digits
    return found[0]


def _ten(digits: str) -> str:
    return f"{digits[:3]} {digits[3:6]}-{digits[6:8]}-{digits[8:]}"


def times(text: str) -> str:
    """«в половине 9-го» -> «в 8:30», «без 15 6» -> «5:45», «в 9 30» -> «в 9:30»."""
    text = HALF.sub(lambda found: _clock(found[0], int(found[1]) - 1, 30), text)
    text = QUARTER.sub(lambda found: _clock(found[0], int(found[1]) - 1, 15), text)
    text = MINUTES.sub(lambda found: _clock(found[0], int(found[2]) - 1, int(found[1])), text)
    text = BEFORE.sub(_before, text)
    text = HOURS.sub(
        lambda found: f"{found[1]} {_clock(found[0][len(found[1]) + 1 :], int(found[2]), int(found[3]))}", text
    )
    text = CLOCK.sub(lambda found: f"{found[1]} {int(found[2])}:{int(found[3].replace(' ', '')):02d}", text)
    return ZERO_MINUTES.sub(r"\1:0\2", text)


def _before(found: re.Match[str]) -> str:
    minutes = 15 if found[1].lower() == "четверти" else int(found[1])
    hour = 1 if found[2].lower() == "час" else int(found[2])
    return _clock(found[0], hour - 1, 60 - minutes)


def _clock(otherwise: str, hour: int, minute: int) -> str:
    """A time of day, or what was said where it is none."""
    if not (0 <= hour <= 24 and 0 < minute < 60):
        return otherwise
    return f"{hour or 12}:{minute:02d}"


def money(text: str) -> str:
    """«99 рублей 90 копеек» -> «99,90 ₽»."""
    text = COINS.sub(lambda found: f"{found[1]},{int(found[2]):02d} ₽", text)
    for pattern, sign in MONEY:
        text = pattern.sub(rf"\1 {sign}", text)
    return text


def spans(text: str) -> str:
    """«2 3 минуты» -> «2-3 минуты»: neighbours are a range."""
    return SPAN.sub(lambda found: f"{found[1]}-{found[2]} " if int(found[2]) == int(found[1]) + 1 else found[0], text)


def codes(text: str) -> str:
    """«код 4 5 6 7» -> «код 4567»: digits that are dictated one by one; «полкило» -> «0,5 кг»."""
    text = CODE.sub(lambda found: f"{found[1]} {found[2].replace(' ', '')}", text)
    text = re.sub(r"(?<!\w)пол(миллиона|миллиарда|тысячи)(?!\w)", lambda found: HALF_NUMBERS[found[1]], text)
    return HALF_OF.sub(lambda found: f"0,5 {HALVES[found[1].lower()]}", text)


def signs(text: str) -> str:
    """«номер 12» -> «№ 12», «40 °» -> «40°», «5%» -> «5 %»."""
    text = STANDARD_DIGITS.sub(lambda found: f"{found[1]}{found[2].replace(' ', '')}", text)
    text = STANDARD_YEAR.sub(r"\1-\2", STANDARD.sub(r"\1\2\3", text))
    text = re.sub(r"(?<=\d) дробь (?=\d)", "/", text)
    text = ZERO_COMMA.sub(r"0,\1 ", text)
    return DEGREES.sub("°", PERCENT.sub(" %", NUMBER_SIGN.sub("№ ", text)))
