"""Text to words for the voice: no digit, unit or abbreviation is left to the synthesiser's guess."""

import re
from functools import lru_cache

from agent.language import english, russian

CACHED = 2048
"""Sentences whose words are kept; phrases and answers come again and again."""
MARKUP = re.compile(r"[`|\[\]{}\u2060]|#(?![\d№])|(?<!\w)_+|_+(?!\w)|[<>~](?!\s?\d)|(?<!\d)\*+|\*+(?!\d)")
"""Signs of Markdown and of markup that are not said; between digits and names they are not markup."""
SPACES = re.compile(r"\s+")
BEFORE_MARK = re.compile(r"\s+([,.;:!?…])")


@lru_cache(CACHED)
def verbalise(text: str, language: str) -> str:
    """One sentence as it is to be spoken; ``language`` is ``ru`` or ``en``."""
    plain = MARKUP.sub(" ", text)
    words = english.words(plain) if language == "en" else russian.words(plain)
    return BEFORE_MARK.sub(r"\1", SPACES.sub(" ", words)).strip()
