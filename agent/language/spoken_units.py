"""Units, abbreviations, models and addresses as they are said, to the way in which they are written. Russian."""

import re

from agent.language import spoken_ru
from agent.language.tables import derived, table

GAPS = " \u00a0\u2010\u2011-"
"""What may stand between the words of a unit: spaces and hyphens."""
MARKS = {"точка": ".", "дефис": "-", "минус": "-", "тире": "-", "подчёркивание": "_", "подчеркивание": "_"}
MARK = r"(?:точка|дефис|минус|тире|(?:нижнее )?подч[её]ркивание)"
NAME = rf"[\w]+(?: {MARK} \w+)*"
MAIL = re.compile(rf"(?<!\w)({NAME}) собака ({NAME}(?: точка \w+)?)(?!\w)", re.IGNORECASE)
LATIN = "a b v g d e e zh z i y k l m n o p r s t u f h c ch sh sch  y  e yu ya"
TRANSLITERATED = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        LATIN.split(" "),
        strict=True,
    )
)
PER = r"(?:в|за) (?:секунду|минуту|час)|на (?:квадратный |кубический )?(?:\w*метр|\w*грамм|литр)"
PER_TIME = {"секунду": "с", "минуту": "мин", "час": "ч"}


def addresses(text: str) -> str:
    """«инфо собака мера точка ру» -> «info@mera.ru», «мера точка ком» -> «mera.com»."""
    if "точка" not in text.lower():
        return text
    text = MAIL.sub(
        lambda found: f"{_address(found[1])}@{_address(found[2])}" if "точка" in found[2].lower() else found[0], text
    )
    return _site().sub(lambda found: _address(found[0]), text)


@derived
def _site() -> re.Pattern[str]:
    ends = "|".join(table("normalise_ru")["endings"]["sites"].split())
    return re.compile(
        rf"(?<!\w)(?:вэ вэ вэ точка )?\w+(?: (?:дефис|тире) \w+)*(?: точка \w+)*? точка (?:{ends})(?!\w)", re.IGNORECASE
    )


def _address(words: str) -> str:
    known = table("normalise_ru")["addresses"]
    written = ""
    for word in words.lower().split():
        if word != "нижнее":
            written += (
                MARKS.get(word) or known.get(word) or "".join(TRANSLITERATED.get(letter, letter) for letter in word)
            )
    return written


def models(text: str) -> str:
    """«эр эм сто» -> «РМ-100», where the tables know the letters."""
    written = _models()
    said: list[str] = []
    done = 0
    for found in written[0].finditer(text):
        tokens = spoken_ru.tokens_of(text[found.end() :])
        read = spoken_ru.number_at(tokens, 0) if tokens else None
        if read is None or found.start() < done or read[0] < 1:
            continue
        said += [text[done : found.start()], f"{written[1][str(found.lastgroup)]}-{read[0]}"]
        done = found.end() + tokens[read[1] - 1].end
    return "".join([*said, text[done:]])


@derived
def _models() -> tuple[re.Pattern[str], dict[str, str]]:
    return _alternatives(table("normalise_ru")["models"], rf"[{GAPS}]")


@derived
def _abbreviations() -> tuple[re.Pattern[str], dict[str, str]]:
    return _alternatives(table("normalise_ru")["abbreviations"], r"(?!\w)")


@derived
def _spelled() -> tuple[re.Pattern[str], dict[str, str]]:
    return _alternatives(table("normalise_ru")["spelled"], r"(?!\w)")


def _alternatives(rows: dict[str, list[str]], behind: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern for a whole table, and what each of its groups is written as."""
    written = {f"g{number}": name for number, name in enumerate(rows)}
    branches = [
        f"(?P<g{number}>{'|'.join(tolerant(form) for form in forms)})" for number, forms in enumerate(rows.values())
    ]
    return re.compile(rf"(?<!\w)(?:{'|'.join(branches)}){behind}", re.IGNORECASE), written


def tolerant(form: str) -> str:
    """A space matches a hyphen too, «е» matches «ё»; the table's own groups don't count."""
    form = re.sub(r"\((?!\?)", "(?:", form)
    return re.sub(r"(?<!\[)е(?!ё)", "[её]", form).replace(" ", f"[{GAPS}]")


def units(text: str, counted: bool) -> str:
    """Units by their names and letters; ``counted``: those of every day, too, behind digits."""
    for pattern, written in (_spelled(), _abbreviations()):
        text = pattern.sub(lambda found, names=written: names[str(found.lastgroup)], text)  # type: ignore[misc]
    text = _named()[0].sub(lambda found: _written(found, counted), text)
    return _over().sub(_ratio, text)


@derived
def _named() -> tuple[re.Pattern[str], dict[str, str], frozenset[str]]:
    """The pattern of all names, form -> written, and the written ones that need digits before them."""
    tables, own = table("units_ru"), table("normalise_ru")["measured"]
    forms: dict[str, str] = {}
    bare, prefixed = (*own["counted"].split(), *own["always"].split()), own["prefixed"].split()
    for written in (*bare, *prefixed):
        stem, declension, prefixes = tables["units"][written]
        endings = {*tables["declensions"][declension], "", "ов", "ев"}
        for prefix in (*([""] if written in bare else []), *prefixes.split()):
            name = tables["prefixes"].get(prefix, "")
            forms |= {(name + stem + ending).replace("ё", "е"): prefix + written for ending in endings}
    names = "|".join(sorted(map(re.escape, forms), key=len, reverse=True)).replace("е", "[её]")
    split = "|".join(tables["prefixes"].values())
    pattern = (
        rf"(?<!\w)(?:(?P<power>квадратн|кубическ)[а-я]{{2,3}} )?(?:(?P<prefix>{split})[{GAPS}])?(?P<name>{names})(?!\w)"
    )
    return re.compile(pattern, re.IGNORECASE), forms, frozenset(own["counted"].split())


def _written(found: re.Match[str], counted: bool) -> str:
    _, forms, needing = _named()
    name = ((found["prefix"] or "") + found["name"]).lower().replace("ё", "е")
    written = forms.get(name)
    if written is None:
        return found[0]
    if written == "%" and not re.search(r"\w $", found.string[: found.start()]):
        return found[0]
    power = {"квадратн": "²", "кубическ": "³"}.get((found["power"] or "").lower(), "")
    if power and not written.endswith("м"):
        return found[0]
    behind = re.match(rf" (?:{PER})(?!\w)", found.string[found.end() :].lower())
    measured = counted and re.search(r"\d $", found.string[: found.start()])
    if written in needing and not (power or behind or measured):
        return found[0]
    return written + power


@derived
def _over() -> re.Pattern[str]:
    """A unit and what it is divided by: «мм в секунду», «кг на м³»."""
    units_ = table("units_ru")
    known = {p + written for written, row in units_["units"].items() for p in ("", *row[2].split())}
    known |= set(units_["phrases"])
    names = "|".join(sorted((re.escape(name) for name in known if name not in {"ч", "с"}), key=len, reverse=True))
    below = (
        r"(?:квадратный |кубический )?(?:милли|санти|кило)?метр|м[²³]|[мск]м[²³]?|м|г|кг|л|т|литр|(?:кило)?грамм|тонну"
    )
    return re.compile(rf"(?<![\w/·])({names})([²³]?) (?:(?:в|за) (секунду|минуту|час)|на ({below}))(?!\w)")


def _ratio(found: re.Match[str]) -> str:
    if found[3]:
        return f"{found[1]}{found[2]}/{PER_TIME[found[3]]}"
    _, forms, _ = _named()
    below = found[4]
    power = {"квадратный ": "²", "кубический ": "³"}.get(below[: below.find(" ") + 1], "")
    name = below.split(" ")[-1]
    return f"{found[1]}{found[2]}/{forms.get(name, name)}{power}"
