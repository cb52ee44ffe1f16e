"""Words that sound like a word which the knowledge base does not have: a recogniser's slip, a caller's variant."""

import re
from array import array
from collections import defaultdict
from collections.abc import Sequence

LEAST = 0.62
"""Words that are less alike than this are other words."""
SHORTEST = 4
"""Letters; shorter words are like too many others."""
LONGER = 3
"""Letters by which words that sound alike may differ in length."""
CANDIDATES = 16
"""Words compared letter by letter, at most."""
MOST = 0.85
"""How surely a word is meant that sounds the same."""

# What a Russian ear does not tell apart at the telephone: voiced and voiceless, unstressed vowels, hard and soft.
SAME_SOUND = str.maketrans("бвгджзёюяэыоъь", "пфктшсиуииыа  ")
DOUBLED = re.compile(r"(.)\1+")
CLUSTERS = (
    (re.compile("тьс|тс|дс"), "ц"),
    (re.compile("сч|зч|щ"), "ш"),
    (re.compile("стн"), "сн"),
    (re.compile("лнц"), "нц"),
)


def key(word: str) -> str:
    """How a word sounds, roughly: «твёрдомер» and «тфирдамер» are one."""
    for cluster, sound in CLUSTERS:
        word = cluster.sub(sound, word)
    word = word.replace("е", "и").translate(SAME_SOUND).replace(" ", "").replace("ы", "и").replace("э", "и")
    return DOUBLED.sub(r"\1", word)


class Sounds:
    """A vocabulary by its sound."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = [word for word in words if len(word) >= SHORTEST]
        self._keys = [key(word) for word in self._words]
        import numpy as np  # noqa: PLC0415 - only where there is a knowledge base

        self._lengths = np.array([len(sound) for sound in self._keys], np.int16)
        found: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
        for number, sound in enumerate(self._keys):
            for pair in _pairs(sound):
                found[pair].append(number)
        self._pairs = {pair: np.frombuffer(numbers, np.int32) for pair, numbers in found.items()}

    def like(self, word: str) -> list[tuple[str, float]]:
        """Words that sound like ``word``, best first, with how surely each is meant, 0 to 1."""
        if len(word) < SHORTEST:
            return []
        sound = key(word)
        found = [(self._words[n], alike(sound, self._keys[n])) for n in self._candidates(sound)]
        close = sorted(((-share, other) for other, share in found if share >= LEAST))
        return [(other, MOST * (-share - LEAST + 0.1) / (1 - LEAST + 0.1)) for share, other in close]

    def _candidates(self, sound: str) -> list[int]:
        """Those that share most pairs of letters."""
        import numpy as np  # noqa: PLC0415

        pairs = _pairs(sound)
        shares = [self._pairs[pair] for pair in pairs if pair in self._pairs]
        if not shares:
            return []
        shared = np.bincount(np.concatenate(shares), minlength=len(self._keys))
        enough = max(1, len(pairs) // 3)
        likely = np.flatnonzero((shared >= enough) & (abs(self._lengths - len(sound)) <= LONGER))
        if len(likely) > CANDIDATES:
            likely = likely[np.argpartition(-shared[likely], CANDIDATES)[:CANDIDATES]]
        return [int(number) for number in np.sort(likely)]


def _pairs(sound: str) -> set[str]:
    padded = f"^{sound}$"
    return {padded[place : place + 2] for place in range(len(padded) - 1)}


def alike(one: str, other: str) -> float:
    """1 for the same, less for each letter changed, left out or put in; a changed first letter counts twice."""
    distance = float(edits(one, other)) + (one[:1] != other[:1])
    return 1 - distance / max(len(one), len(other), 1)


def edits(one: str, other: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        before, row[0] = row[0], place
        for n, against in enumerate(other, 1):
            before, row[n] = row[n], min(row[n] + 1, row[n - 1] + 1, before + (letter != against))
    return row[-1]
