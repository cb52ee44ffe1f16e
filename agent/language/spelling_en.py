"""English short forms that their neighbours tell apart, brought into a longer writing before the numbers are said."""

import re
from collections.abc import Callable

from agent.language.tables import table

_MONTHS = (
    "Jan January Feb February Mar March Apr April Jun June Jul July Aug August Sep September Sept September Oct October"
)
_MORE_MONTHS = " Nov November Dec December"
_PAIRS = (_MONTHS + _MORE_MONTHS).split()
MONTHS = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
SHORT_MONTH = re.compile(rf"(?<!\w)({'|'.join(sorted(MONTHS, key=len, reverse=True))})(?:\.|(?!\w))(?= \d|$|[,;)])")
DAY_MONTH = re.compile(
    rf"(?<=\d )({'|'.join(MONTHS)})(?:\.(?= \d)|(?!\w))|(?<=\d(?:st|nd|rd|th) )({'|'.join(MONTHS)})(?!\w)"
)
HEIGHT = re.compile(r"(?<![\d.,])(\d{1,2})\s?['′’]\s?(?:(\d{1,2})\s?(?:[\"″”]|''))?(?!\w)")
INCHES = re.compile(r"(?<=\d)\s?(?:″|”|''|\"(?=[\s,.;:)]|$))")
SHORT_DECADE = re.compile(r"(?:(?<!\w)['’]|(?<=[Tt]he )|(?<=early )|(?<=late )|(?<=mid-))([2-9])0s(?!\w)")
YEAR_SPAN = re.compile(
    r"(?<![\d.,/+-])((?:19|20)\d\d)\s?[–—-]\s?((?:19|20)\d\d)(?![\d-])(?! ?[A-Za-z°%]{1,3}(?![a-z]))"
)
MONEY_SPAN = re.compile(r"([$£€])(\d[\d,.]*)\s?[–—-]\s?[$£€]?(\d[\d,]*(?:\.\d+)?)(?![\d-])")
HOURS = re.compile(
    r"(?<![\d:])(\d{1,2}(?::\d\d)?) ?([ap])\.?m\.?\s?[–—-]\s?(\d{1,2}(?::\d\d)?) ?([ap])\.?m\.?(?!\w)", re.IGNORECASE
)
EMERGENCY = re.compile(r"(?<=[Cc]all )(911|999|112|111)(?!\d)|(?<=[Dd]ial )(911|999|112|111)(?!\d)")
PATH = re.compile(r"(?<=[A-Za-z])/(?=[A-Za-z])")
LINK = re.compile(r"(?<![\w@])(?:https?://)?(?:[A-Za-z][\w-]*\.)+[A-Za-z]{2,}(?:/[\w-]+)+")
HOUSE = re.compile(r"(?<![\w.,$£€])(\d{1,4})([A-F])(?= (?:[A-Z][a-z]+ )+(?:Street|Road|Avenue|Lane|St\.|Rd\.|Ave\.))")
NUMBERED = re.compile(
    r"(?<!\w)((?:[Cc]hapter|[Pp]art|[Ss]ection|[Vv]olume|[Pp]hase|[Tt]ype|[Cc]lass|[Gg]rade|[Ll]evel|[Aa]ct|War|[Aa]nnex|[Aa]rticle"
    r"|[Ss]tage|Vol\.|Ch\.|[Tt]itle|[Gg]roup|[Cc]ategory)) ([IVX]{1,6})(?![\w.-])"
)
MINIMUM = re.compile(r"(?<![\w.])(?<!\d )([Mm])in\.(?= \w)")
DOTTED = re.compile(
    r"(?<=\d)( ?(?:min|lbs?|ft|oz|hrs?|secs?|yds?|mi|gal|kg|pcs|yrs?|mo|mm|cm|km))\.(?=\s[a-z\d(]|\s*$|[,;)])"
)
HALF_DAY = re.compile(r"(?<=\d)\s?([ap])\.?m(?:\.(?=\s?[–—-]|\s[a-z]|[,;)]|\s*$)|(?![\w.])|(?=\.))", re.IGNORECASE)
NUMBERED_LETTER = re.compile(
    r"(?<!\w)((?:[Uu]nit|[Ff]lat|[Cc]lass|[Ll]ine|[Gg]rade|[Tt]able|[Aa]partment|[Rr]oom|[Ss]uite|[Bb]lock|[Gg]ate|[Ss]eat|[Hh]ouse|[Pp]latform|[Bb]us"
    r"|Apt\.) )(\d{1,4})([A-Z])(?!\w)"
)
AMERICAN_DATE = re.compile(r"(?<![\d/])(0[1-9]|1[0-2])/(1[3-9]|2\d|3[01])/((?:19|20)\d\d)(?![\d/])")
ZIP = re.compile(r"((?:ZIP|[Zz]ip)(?: [Cc]ode)?:? )(\d{5})(?!\d)")
COMPASS = re.compile(r"(?<=\d )([NSEW])\. (?=\d+(?:st|nd|rd|th)|[A-Z][a-z])")
COMPASS_NAMES = {"N": "North", "S": "South", "E": "East", "W": "West"}
STARRED = re.compile(r"(?<=[Pp]ress )\*|(?<=or )\*")
HASHED = re.compile(r"(?:(?<=[Pp]ress )|(?<=or ))#(?!\d)")
ONES = {
    "lb": "pound",
    "oz": "ounce",
    "mi": "mile",
    "kg": "kilogram",
    "in": "inch",
    "ft": "foot",
    "hr": "hour",
    "gal": "gallon",
}
UK_PHONE = re.compile(r"(?<![\d.,])(0\d{4}) (\d{6})(?!\d)")
KING = re.compile(r"(?<!\w)([A-Z][a-z]{2,}) ((?:X{0,2})(?:IX|IV|V?I{1,3}|V)|X{1,2})(?![\w.-])")
NOT_KINGS = frozenset(["Apple", "Windows", "Sony", "Canon", "Mark", "Rocky", "Intel", "Vitamin", "Plan", "Type"])
STREET = re.compile(
    r"(?<=[a-z] )(St|Ave|Rd|Blvd|Ln|Sq)\.(?=\s*(?:$|[,;)]|[A-Z]))|(?<=\d(?:st|nd|rd|th) )(St|Ave|Rd|Blvd)\."
)
STREETS = {"St": "Street", "Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard", "Ln": "Lane", "Sq": "Square"}
ROMAN = {"I": 1, "V": 5, "X": 10}


def longer(text: str, say: Callable[[int, str], str]) -> str:
    """«Jan 5» -> «January 5», «5'10"» -> «5 ft 10 in», «p. 12» -> «page 12», «$20-$30» -> «20 to $30»."""
    text = DOTTED.sub(lambda m: m[1] if m[0][-1] == "." else m[0], MINIMUM.sub(r"\1inimum", text))
    text = re.sub(r"(?<!\w)est\. (?=\d{4})", "established ", LINK.sub(_link, text))
    text = NUMBERED_LETTER.sub(
        lambda m: f"{m[1].replace('Apt.', 'Apartment')}{say(int(m[2]), 'cardinal')} {m[3]}",
        HALF_DAY.sub(_half_day, HOURS.sub(r"\1 \2.m. to \3 \4.m.", text)),
    )
    text = AMERICAN_DATE.sub(r"\3-\1-\2", re.sub(r"(?<=[\"″]) ?x ?(?=\d)", " by ", text))
    text = re.sub(
        r"(?<=[x×] )(\d+) in(?=[\s,.;)]|$)", r"\1in", re.sub(r"(?<![\w.])(\d+)x(?= [a-z])", r"\1 times", text)
    )
    text = UK_PHONE.sub(
        lambda m: ", ".join(" ".join(say(int(d), "cardinal") for d in group) for group in m.groups()), text
    )
    text = re.sub(r"(?<!\w)((?:[A-Z]\.){2,})(?!\w)", lambda m: " ".join(m[1].replace(".", "")) + " ", text)
    text = re.sub(r"(?<=\d)/(\d) ?%", r"/\1 percent", text)
    text = re.sub(
        r"(?<=/\d )(lb|oz|mi|kg|in|ft)(?!\w)", lambda m: ONES[m[1]], HASHED.sub("hash", STARRED.sub("star", text))
    )
    text = re.sub(r"(?<=per )sq\.? (ft|m|in|yd)(?!\w)\.?(?=\s|$)", _square, text)
    text = re.sub(r"(?<=per )(lb|ft|mi|hr|gal|oz)(?!\w)", lambda m: ONES[m[1]], text)
    text = ZIP.sub(lambda m: m[1] + " ".join(say(int(digit), "cardinal") for digit in m[2]), text)
    text = COMPASS.sub(lambda m: f"{COMPASS_NAMES[m[1]]} ", text)
    text = EMERGENCY.sub(lambda m: " ".join(m[0]), text)
    text = DAY_MONTH.sub(lambda m: MONTHS[m[1] or m[2]], SHORT_MONTH.sub(lambda m: MONTHS[m[1]], text))
    text = INCHES.sub(" in.", HEIGHT.sub(_height, text))
    text = SHORT_DECADE.sub(lambda m: DECADES[int(m[1])], text)
    text = re.sub(r"\b(Mr|Mrs|Dr)\.(?= & )", lambda m: {"Mr": "Mister", "Mrs": "Missus", "Dr": "Doctor"}[m[1]], text)
    text = YEAR_SPAN.sub(lambda m: " to ".join(say(int(year), "year") for year in m.groups()), text)
    text = re.sub(r"©\s?((?:19|20)\d\d)(?!\d)", lambda m: f"copyright {say(int(m[1]), 'year')}", text)
    text = MONEY_SPAN.sub(r"\2 to \1\3", text)
    text = re.sub(
        r"(?<=[A-Z]{3})-(?=[A-Z]\b)|(?<=\b[A-Z]{2})/(?=[A-Z]{2}\b)",
        " ",
        HOUSE.sub(lambda m: f"{say(int(m[1]), 'cardinal')} {m[2]}", text),
    )
    text = STREET.sub(lambda m: STREETS[m[1] or m[2]], _codes(_titles(text)))
    return KING.sub(lambda m: _king(m, say), NUMBERED.sub(lambda m: f"{m[1]} {roman(m[2])}", text))


DECADES = ("", "", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")


def _height(found: re.Match[str]) -> str:
    if found[2] is None and not re.match(r"\s|$|[,.;]", found.string[found.end() :]):
        return found[0]
    return f"{found[1]} ft" + (f" {found[2]} in." if found[2] else "")


def _square(found: re.Match[str]) -> str:
    return "square " + {"ft": "foot", "m": "metre", "in": "inch", "yd": "yard"}[found[1]]


def _half_day(found: re.Match[str]) -> str:
    return f" {found[1].lower()} m"


def _link(found: re.Match[str]) -> str:
    host, _, path = re.sub("^https?://", "", found[0]).partition("/")
    return f"{host} slash " + PATH.sub(" slash ", path.replace("-", " dash "))


def _titles(text: str) -> str:
    """Short forms with a point that stand before a number or a name: «p. 12», «Prof. White»."""
    for section, behind in (("numbered", r"(?=\s?\d)"), ("titles", r"(?= [A-Z])")):
        rows: dict[str, str] = table("verbalise_en")[section]
        forms = "|".join(sorted(map(re.escape, rows), key=len, reverse=True))
        text = re.sub(rf"(?<![\w.])({forms}){behind} ?", lambda m, said=rows: f"{said[m[1]]} ", text)  # type: ignore[misc]
    return text


def _codes(text: str) -> str:
    """«USD 100», «100 USD» -> «100 US dollars»."""
    rows: dict[str, list[str]] = table("verbalise_en")["currencies"]
    codes = "|".join(rows)
    amount = r"\d[\d,]*(?:\.\d+)?"
    text = re.sub(rf"(?<!\w)({codes}) ({amount})(?![\d])", r"\2 \1", text)
    return re.sub(rf"(?<![\w.,])({amount}) ?({codes})(?!\w)", lambda m: f"{m[1]} {rows[m[2]][m[1] != '1']}", text)


def _king(found: re.Match[str], say: Callable[[int, str], str]) -> str:
    """«Henry VIII» -> «Henry the Eighth»; «Chapter» and the like were read before."""
    before = found.string[: found.start()]
    if found[1] in NOT_KINGS:
        return f"{found[1]} {roman(found[2])}"
    if found[2] in {"I", "V", "X"} and not re.search(r"(?:King|Queen|Pope|Emperor|Tsar) $", before):
        return found[0]
    return f"{found[1]} the {say(roman(found[2]), 'ordinal').capitalize()}"


def roman(text: str) -> int:
    """The value of a Roman numeral up to 39."""
    values = [ROMAN[letter] for letter in text]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))
