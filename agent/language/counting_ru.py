"""Russian numbers with what they count: units that we inflect, nouns that are there, money, ranges, codes."""

import re

from agent.language import dates_ru
from agent.language import numbers_ru as numbers
from agent.language.cases_ru import NUMBER, REACH, agreement, case_of_unit, is_governed, is_numbered, noun_behind
from agent.language.tables import derived, table
from agent.language.units_ru import ALONE, PLAIN, Unit, counted, form, unit, unit_behind

COUNTED = re.compile(NUMBER)
RANGE = re.compile(rf"(?<![\w.,])({NUMBER})\s?[–—-]\s?({NUMBER})(?![\d-])(?!-[а-яё])")
TOGETHER = re.compile(rf"(?:\s?[-–—]\s?|, | и | или | до | на )(?:минус |плюс )?(?:{NUMBER})(?![\w-])")
CHAPTER = re.compile(r"(?:пункт|раздел|верси|глав|рисун|таблиц|стать|параграф)\w*\s*$", re.IGNORECASE)
CODE = 6
"""Digits from which on a number that counts nothing is read digit by digit."""
POSTCODE = re.compile(r"(?:индекс|почта:?|адрес:?)\s*$", re.IGNORECASE)
MULTIPLIERS = frozenset(["тыс", "тыс.", "млн", "млн.", "млрд", "млрд.", "трлн"])
MOST_HALVES = 20
"""Up to how many halves are said: «два с половиной», but «пятьдесят четыре целых пять десятых»."""
JOINED = re.compile(r"-\d")


def _plain(number: str) -> str:
    return re.sub(r"[ \u00a0\u202f]", "", number).replace(",", ".")


def words(text: str) -> str:
    """All numbers of a sentence, and the units that stand without one."""
    return ALONE.sub(_lone_unit, _count_all(RANGE.sub(_range, text)))


def _range(found: re.Match[str]) -> str:
    """«5–10 дней» stays «5-10», «пять-десять»; with a unit of ours «от пяти до десяти миллиметров»."""
    before, behind = found.string[: found.start()], found.string[found.end() :]
    if unit_behind(behind) and not is_governed(before):
        return f"от {found[1]} до {found[2]}"
    return f"{found[1]}-{found[2]}"


def _count_all(text: str) -> str:
    """Numbers with what they count, from left to right; the text before a number is still as it was written."""
    said: list[str] = []
    done = 0
    for found in COUNTED.finditer(text):
        if found.start() < done:
            continue
        before, behind = text[: found.start()], text[found.end() :]
        words_, taken = _count(before, _plain(found[0]), behind, is_grouped=" " in found[0])
        counts = noun_behind(behind) or _unit_of_list(behind)
        pointed = CHAPTER.search(before) or not (counts or re.search(r"(?<![А-ЯЁа-яё])[а-яё]{3,}\s*$", before))
        if "." in found[0] and not taken and pointed:  # «USB 2.0», but «рейтинг 4.9»
            words_ = " точка ".join(map(numbers.number, found[0].split(".")))
        glue = " " if before and before[-1].isalnum() else ""
        ranged = " " in words_ and JOINED.match(behind) is not None  # «тридцать - сорок пять»
        after = " " if behind[taken : taken + 1].isalpha() or ranged else ""
        said += [text[done : found.start()], glue, words_, after]
        done = found.end() + taken
    return "".join([*said, text[done:]])


def _count(before: str, value: str, behind: str, *, is_grouped: bool = False) -> tuple[str, int]:
    """A number in words, with its unit, and how many characters of ``behind`` that takes."""
    found = unit_behind(behind) or _word_behind(value, behind)
    if found is None:
        if not is_grouped and _is_code(before, value, behind):
            return numbers.group(value) if len(value) > CODE else ", ".join(
                map(numbers.group, (value[:3], value[3:]))
            ), 0
        if is_numbered(before, value, behind):
            return dates_ru.agreeing(int(value), before, behind.split(maxsplit=1)[0]), 0
        case, gender = agreement(before, value, behind)
        shared = _unit_of_list(behind)
        if shared:
            case, gender = case_of_unit(before, value, ""), "f" if shared.feminine else "m"
        half = _half(value, case, gender) if shared or noun_behind(behind) else ""
        return half or numbers.number(value, case, gender), 0
    written, of = found
    case = case_of_unit(before, value, behind[len(written) :])
    if written.strip() == "км" and re.search(r"(?<!\w)во?\s*$", before.lower()):
        case = "p"  # «в 3 км»: so far away
    if halves := _halves(value, written, of, case):
        return _with_money(halves, written, behind)
    if of.hundredth[0] and re.fullmatch(r"\d+\.\d\d", value):
        return _price(value, of, case), len(written)
    if case == "a" and of.animate:
        case = "g"
    # «полтора квадратных метра», as after «два»
    said = f"{_said(value, of, case)} {counted(of, '2' if _half(value, case, 'm') else value, _of_half(value, case))}"
    if _half(value, case, "m") and case not in "na":
        said = f"{_said(value, of, case)} {form(of, case, plural=True)}"
    return _with_money(said, written, behind)


def _with_money(said: str, written: str, behind: str) -> tuple[str, int]:
    """What is said of a number and its unit, with the roubles behind millions and the points behind short forms."""
    taken = len(written)
    if written.strip(" \u00a0\u202f") in MULTIPLIERS and (more := unit_behind(behind[taken:])):
        said, taken = f"{said} {form(more[1], 'g', plural=True)}", taken + len(more[0])
        written = more[0]
    if not written.endswith(".") and re.match(r"\.\s+[а-яё\d]", behind[taken:]) and written[-1].isalpha():
        taken += 1  # «12 ч. 30 мин»: the sentence goes on
    stop = "." if written.endswith(".") and re.match(r"\s+[А-ЯЁ]", behind[taken:]) else ""
    return said + stop, taken


def _is_code(before: str, value: str, behind: str) -> bool:
    """Long digits that count nothing: taxpayer's numbers, articles, postcodes."""
    if value.isdigit() and len(value) == CODE and POSTCODE.search(before):
        return value[0] != "0"
    return value.isdigit() and len(value) > CODE and not value.endswith("000") and not noun_behind(behind)


def _unit_of_list(behind: str) -> Unit | None:
    """The unit of a later number that is this one's, too: «от 1,5 до 3 мм», «2 или 3 т»."""
    behind = behind[:REACH]
    while more := TOGETHER.match(behind):
        behind = behind[more.end() :]
        if found := unit_behind(behind):
            return found[1]
    return None


def _of_half(value: str, case: str) -> str:
    return "n" if value == "1.5" and case in "na" else case


def _said(value: str, of: Unit, case: str) -> str:
    gender = "f" if of.feminine else "m"
    if value == "1" and of.declension == "days":
        return "одних" if case == "g" else "одни"
    return _half(value, case, gender) or numbers.number(value, case, gender)


def _half(value: str, case: str, gender: str) -> str:
    """«полтора килограмма», «полторы тонны», «полутора тонн»."""
    if value != "1.5":
        return ""
    if case not in "na":
        return "полутора"
    return "полторы" if gender == "f" else "полтора"


def _halves(value: str, written: str, of: Unit, case: str) -> str:
    """«два с половиной килограмма», «пяти с половиной тонн»; what instruments measure is read exactly."""
    whole, _, part = value.partition(".")
    if part != "5" or not 2 <= int(whole) <= MOST_HALVES or written.strip().rstrip(".") not in _halved():
        return ""
    gender = "f" if of.feminine else "m"
    return f"{numbers.number(whole, case, gender)} с половиной {counted(of, whole, case)}"


def _word_behind(value: str, behind: str) -> tuple[str, Unit] | None:
    """«5,5 часа»: the noun is written for the decimal, and said for the half."""
    found = re.match(r"\s([а-яё]+)(?!\w)", behind) if value.endswith(".5") else None
    row = table("units_ru")["halves"].get(found[1]) if found else None
    return (found[0], Unit(*row)) if found and row else None


@derived
def _halved() -> frozenset[str]:
    halves = table("units_ru")["halves"]
    return frozenset([*halves, *table("units_ru")["halved"]["units"].split()])


def _price(value: str, of: Unit, case: str) -> str:
    """«девяносто девять рублей девяносто копеек»."""
    whole, _, part = value.partition(".")
    coin = Unit(*of.hundredth)
    if part == "00":
        return f"{numbers.number(whole, case)} {counted(of, whole, case)}"
    said = f"{numbers.number(whole, case)} {counted(Unit(of.stem, of.declension), whole, case)}"
    gender = "f" if coin.feminine else "m"
    said = f"{said} {numbers.cardinal(int(part), case, gender)} {counted(coin, int(part), case)}"
    return f"{said} {of.rest}".rstrip()


def _lone_unit(found: re.Match[str]) -> str:
    """«прочность в МПа»; single letters and plain words are no units there."""
    written = found[0]
    if (len(written) == 1 and written not in "%₽°‰") or written in PLAIN or "." in written:
        return written
    of = unit(written)
    if of is None:
        return written
    last = re.search(r"(\w+)\s*$", found.string[: found.start()])
    word = last[1].lower() if last else ""
    if word in {"за", "на"}:  # «рублей за килограмм»
        return form(of, "a", plural=False)
    return form(of, "p" if word in {"в", "во"} else "g", plural=True)
