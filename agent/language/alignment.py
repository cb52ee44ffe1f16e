"""Which words of a written sentence were said when a voice is so far in the words that it was given.

«Цена 5 кН.» is spoken as «Цена пять килоньютонов.»: what is the same in both stands for itself, what was put into
words counts when the last of its words was said. Pure.
"""

import re
from difflib import SequenceMatcher
from functools import lru_cache

CACHED = 512
"""Sentences whose alignment is kept; prompts and answers come again and again."""
_WORD = re.compile(r"\S+")
_MARKS = re.compile(r"[^\w]+")


@lru_cache(CACHED)
def alignment(written: str, spoken: str) -> tuple[tuple[int, int], ...]:
    """Pairs (characters of ``spoken`` that must be over, characters of ``written`` that are said then), rising."""
    texts, words = _words(written), _words(spoken)
    pairs: list[tuple[int, int]] = []
    matcher = SequenceMatcher(None, [text for text, _ in texts], [word for word, _ in words], autojunk=False)
    for kind, w_from, w_to, s_from, s_to in matcher.get_opcodes():
        if kind == "equal":
            pairs += [(words[s_from + n][1], texts[w_from + n][1]) for n in range(w_to - w_from)]
        elif w_to > w_from:  # without words of its own it is over with the word before it
            pairs.append((words[s_to - 1][1] if s_to else 0, texts[w_to - 1][1]))
        elif pairs:  # words that nothing was written for belong to what stands before them
            pairs[-1] = (words[s_to - 1][1], pairs[-1][1])
    return tuple(pairs)


def said(written: str, spoken: str, reached: int) -> int:
    """Characters of ``written`` that are said when the first ``reached`` characters of ``spoken`` are."""
    whole = len(spoken[:reached].rstrip())
    over = [text_end for word_end, text_end in alignment(written, spoken) if word_end <= whole]
    return over[-1] if over else 0


def _words(text: str) -> list[tuple[str, int]]:
    """Bare words and where each ends; a lone dash or bracket is no word."""
    found = ((_MARKS.sub("", match[0]).lower().replace("ё", "е"), match.end()) for match in _WORD.finditer(text))
    return [(word, end) for word, end in found if word]
