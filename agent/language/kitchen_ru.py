"""Russian short forms of two words behind a number: «2 ст. л.» -> «2 столовые ложки»."""

import re

SPOONS = re.compile(
    r"(?<![\w])(\d+(?:[.,/]\d+)?|½|¼|¾) (ст|стол|ч|чайн|дес)\. ?(?:л\.|л(?![\w])|ложк\w*|ложек|ложечк\w*)"
)
STEMS = {"ст": "столов", "стол": "столов", "ч": "чайн", "чайн": "чайн", "дес": "десертн"}


def words(text: str) -> str:
    """The digits stay: they agree with the words behind them in a later step."""
    return SPOONS.sub(_spoons, text)


def _spoons(found: re.Match[str]) -> str:
    value, stem = found[1], STEMS[found[2]]
    if not value.isdigit():
        return f"{value} {stem}ой ложки"
    last, teens = int(value[-1]), 11 <= int(value[-2:]) <= 14
    if last == 1 and not teens:
        return f"{value} {stem}ая ложка"
    return f"{value} {stem}ые ложки" if 2 <= last <= 4 and not teens else f"{value} {stem}ых ложек"
