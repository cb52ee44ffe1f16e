"""Words of one root: «парковочный» and «парковка», «дороговато» and «дорого», «видеокамера» and «камера»."""

from collections import defaultdict
from collections.abc import Sequence

SHORTEST = 4
"""Letters that words of one root have in common at the beginning, at least."""
SHARED = 0.8
"""Share of the shorter word that both must have in common."""
LONGEST = 0.5
"""Share of the longer word that both must have in common."""
COMPOUND = 6
"""Letters of a word that a longer one may end in: «видеоэкстензометр»."""
PREFIXES = frozenset({"по", "на", "до", "вы", "раз", "рас", "за", "про", "пере", "при", "под", "от", "об", "из", "ис",
                      "вз", "воз", "у", "с", "в", "о"})  # fmt: skip
"""What Russian verbs and their kin begin with, beside their root."""
SMALL_ENDINGS = (
    ("очк", "к"), ("ечк", "к"), ("ичк", "иц"), ("очек", "ок"), ("ушк", ""), ("юшк", ""), ("ышк", ""), ("еньк", ""),
    ("оньк", ""), ("очк", ""), ("ечк", ""), ("ик", ""), ("ок", ""), ("ек", ""), ("к", ""),
)  # fmt: skip
"""Endings of the stems of small and dear things, and of the things themselves."""
LEFT = 3
"""Letters that must be left of a word."""
LEAST, MOST = 0.45, 0.75
"""How surely a word is meant that shares the least, and that shares all."""


class Roots:
    """A vocabulary by the beginnings of its words."""

    def __init__(self, words: Sequence[str]) -> None:
        """``words``: stems, letters only."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for word in words:
            if len(word) >= SHORTEST:
                found[word[:SHORTEST]].append(word)
        self._words = dict(found)
        self._ends: dict[str, list[str]] = {}
        for word in words:
            if len(word) >= COMPOUND:
                self._ends.setdefault(word[-COMPOUND:], []).append(word)

    def like(self, word: str) -> list[tuple[str, float]]:
        """Words of the root of ``word``, best first, with how surely each is meant, 0 to 1."""
        near = {other: of_one_root(word, other) for other in self._words.get(word[:SHORTEST], ())}
        near.update((other, MOST) for other in self._ends.get(word[-COMPOUND:], ()) if word.endswith(other))
        near.pop(word, None)
        return sorted(((other, sure) for other, sure in near.items() if sure), key=lambda pair: (-pair[1], pair[0]))


def of_one_root(one: str, other: str) -> float:
    """How surely both are of one root, 0 when they are not."""
    shared = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        shared += 1
    short, long = sorted((len(one), len(other)))
    if shared < SHORTEST or shared < SHARED * short or shared < LONGEST * long:
        return 0.0
    return LEAST + (MOST - LEAST) * (shared / long - LONGEST) / (1 - LONGEST)


def barer(word: str) -> list[str]:
    """What may be left of a stem without a prefix or the ending of a small thing: «поката» «ката», «балочк» «балк»."""
    bare = [word.removeprefix(prefix) for prefix in sorted(PREFIXES) if word.startswith(prefix)]
    bare += [word.removesuffix(ending) + other for ending, other in SMALL_ENDINGS if word.endswith(ending)]
    return [one for one in bare if len(one) >= LEFT]
