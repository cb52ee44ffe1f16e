"""Russian units of measure and money: what stands behind a number, and its forms."""

import re
from dataclasses import dataclass

from agent.language.tables import derived, table

ORDER = "ngdaip"
"""Order of the cases in a row of ``[declensions]``."""
GAP = "[ \u00a0\u202f]"
BEHIND = re.compile(
    rf"{GAP}?([A-Za-zА-Яа-яЁё°%‰₽$€£¥₸µμΩ″][A-Za-zА-Яа-яЁё°%‰²³·]*\.?(?:/[A-Za-zА-Яа-я][A-Za-zА-Яа-я²³]*\.?)?)(?![\w/°²³])"
)
"""What may be a unit behind a number."""
ALONE = re.compile(r"(?<![\w/])[A-Za-zА-Яа-я°%‰₽µμ][A-Za-zА-Яа-я²³·%]*(?:/[а-я][а-я²³]*)?(?![\w/])")
"""What may be a unit without a number."""
PREPOSITIONS = frozenset("с")
"""Units that are words, too: they count as units only where no word follows that they could govern."""
_PLAIN = "мин руб сек мс млн сут мес тыс млрд трлн час ат атм бар байт бит га лк лм мкр ц шт нед об рублей рубля"
PLAIN = frozenset(_PLAIN.split())
"""Units that stand for other things where no number is before them."""


@dataclass(frozen=True)
class Unit:
    """One unit: «квадратн|ых метр|ов в секунду»."""

    stem: str
    declension: str
    rest: str = ""
    power: str = ""
    hundredth: tuple[str, str] = ("", "")
    """Stem and declension of money's smaller coin."""

    @property
    def feminine(self) -> bool:
        """Whether it counts «одна, две»."""
        return self.declension in {"fem", "thousand", "week", "line", "pack", "piece", "kopeck"}

    @property
    def animate(self) -> bool:
        """Whether it counts «одного, двух» in the accusative."""
        return self.declension == "person"


@derived
def unit(written: str) -> Unit | None:
    """The unit so written, or None."""
    base, _, under = written.partition("/")
    found = _units().get(base)
    if found is None and base[-1:] in table("units_ru")["powers"]:
        of = _units().get(base[:-1])
        found = of and Unit(of.stem, of.declension, power=table("units_ru")["powers"][base[-1]])
    if found is None or not under:
        return found
    per = table("units_ru")["per"].get(under) or table("units_ru")["per"].get(under.rstrip("."))
    if per is None:
        return None
    if found.hundredth[0]:
        per = re.sub("^на ", "за ", per)
    return Unit(found.stem, found.declension, f"{found.rest} {per}".strip(), found.power, found.hundredth)


def unit_behind(text: str) -> tuple[str, Unit] | None:
    """The unit that ``text`` begins with, and the part of ``text`` that it takes."""
    match = BEHIND.match(text)
    if match is None:
        return None
    whole = match[1]
    for written in (whole, whole.rstrip("."), whole.partition("/")[0]):
        found = unit(written)
        end = match.start(1) + len(written)
        if found is not None and not _is_word(written, text[end:]):
            return text[:end], found
    return None


def _is_word(written: str, behind: str) -> bool:
    return written in PREPOSITIONS and re.match(rf"{GAP}+(?!(?:от|до|после|на|и|или|—|–|-)\b)[\w«]", behind) is not None


@derived
def _units() -> dict[str, Unit]:
    tables = table("units_ru")
    found = {}
    for written, (stem, declension, prefixes) in tables["units"].items():
        found[written] = Unit(stem, declension)
        found |= {p + written: Unit(tables["prefixes"][p] + stem, declension) for p in prefixes.split()}
    found |= {written: Unit(*row) for written, row in tables["phrases"].items()}
    for sign, (stem, declension, small, of_small) in tables["money"].items():
        found[sign] = Unit(stem, declension, hundredth=(small, of_small))
    return found


def form(of: Unit, case: str, *, plural: bool) -> str:
    """One form of the unit's noun, its adjective before it, the rest behind it."""
    endings: list[str] = table("units_ru")["declensions"][of.declension]
    noun = of.stem + endings[ORDER.index(case) + (6 if plural else 0)]
    return " ".join(part for part in (_adjective(of, case, plural=plural), noun, of.rest) if part)


def counted(of: Unit, value: str | int, case: str) -> str:
    """The form after a number: «килоньютон, килоньютона, килоньютонов»; a decimal takes the genitive."""
    text = str(value)
    if "." in text:
        return form(of, "g", plural=False)
    last, teens = int(text[-1]), 11 <= int(text[-2:]) <= 14
    if last == 1 and not teens:
        return form(of, case, plural=False)
    if case not in "na":
        return form(of, case, plural=True)
    few = 2 <= last <= 4 and not teens
    noun = form(Unit(of.stem, of.declension, of.rest), "g", plural=not few)
    return f"{_adjective(of, 'g', plural=True)} {noun}".strip()


def _adjective(of: Unit, case: str, *, plural: bool) -> str:
    """«квадратный», «квадратных»: after a hard stem; masculine, as all the units with powers are."""
    if not of.power:
        return ""
    singular = dict(zip(ORDER, ("ый", "ого", "ому", "ый", "ым", "ом"), strict=True))
    many = dict(zip(ORDER, ("ые", "ых", "ым", "ые", "ыми", "ых"), strict=True))
    ending = (many if plural else singular)[case]
    # «кубический», not «кубическый»
    return of.power + (re.sub("^ы", "и", ending) if of.power[-1] in "кгх" else ending)
