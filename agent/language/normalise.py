"""Speech to canonical text: units are written the one way in which the knowledge base writes them.

Everything else stays as the recogniser gave it; number words too, the search reads them as numbers.
"""

import re
from functools import cache

from agent.language.tables import table

GAPS = " \u00a0\u2010\u2011-"
"""What may stand between the words of a unit: spaces and hyphens."""


def normalise(text: str, language: str) -> str:
    """«скорость пять миллиметров в секунду» -> «скорость пять мм/с»; idempotent."""
    pattern, writings = _units(language)
    return pattern.sub(lambda found: writings[str(found.lastgroup)], text)


@cache
def _units(language: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern for the whole table, its groups in the table's order, and what each group is written as."""
    writings: dict[str, str] = {}
    branches: list[str] = []
    for number, unit in enumerate(table(f"normalise_{language}")["units"]):
        writings[f"u{number}"] = unit["write"]
        spoken = "|".join(_tolerant(form) for form in unit["say"])
        branches.append(f"(?P<u{number}>{spoken})")
    return re.compile(rf"(?<!\w)(?:{'|'.join(branches)})(?!\w)", re.IGNORECASE), writings


def _tolerant(form: str) -> str:
    """A space matches a hyphen too, «е» matches «ё»; the table's own groups don't count."""
    return form.replace("(", "(?:").replace("е", "[её]").replace(" ", f"[{GAPS}]")
