"""Text to words for the voice: no digit, unit or abbreviation is left to the synthesiser's guess."""

import re
import unicodedata

from agent.language import cases_ru, english, numbers_ru, russian
from agent.language.tables import derived

MARKUP = re.compile(r"[`|\[\]{}\u2060]|#(?![\d№])|(?<!\w)_+|_+(?!\w)|[<>~](?!\s?\d)|(?<!\d)\*+|\*+(?!\d)")
"""Signs of Markdown and of markup that are not said; between digits and names they are not markup."""
OTHER_DIGITS = re.compile(r"[^\D0-9]")
SPACES = re.compile(r"\s+")
BEFORE_MARK = re.compile(r"\s+([,.;:!?…])")


@derived
def verbalise(text: str, language: str) -> str:
    """One sentence as it is to be spoken; ``language`` is ``ru`` or ``en``. Any text will do."""
    text = text.replace(">=", "≥").replace("<=", "≤")
    plain = OTHER_DIGITS.sub(lambda found: str(unicodedata.digit(found[0])), MARKUP.sub(" ", text))
    words = english.words(plain) if language == "en" else russian.words(plain)
    return BEFORE_MARK.sub(r"\1", SPACES.sub(" ", words)).strip()


def prepare(language: str) -> None:
    """Load what the first sentence would wait for: libraries and dictionaries, 0.2 s and 32 MB for Russian."""
    if language == "en":
        english.prepare()
    else:
        cases_ru.prepare()
        numbers_ru.prepare()
    verbalise("1", language)
