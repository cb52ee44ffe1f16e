"""How likely is it that more follows what was said? A logistic regression over short traits of the phrase.

The weights, ``data/continuation_<language>.npz``, are learnt by ``python -m bench.turns.learn`` from phrases that
callers of many trades say, and from their beginnings.
"""

from collections.abc import Callable, Iterable
from functools import cache
from math import exp
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from agent.language import marks_en, marks_ru
from agent.language.dictation import Lists
from agent.language.marks import Marked, traits
from agent.language.tables import DATA

SLOTS = 1 << 17
"""Weights; a trait's is found by its checksum, two may share one."""
MARKED: dict[str, Callable[[list[str], Lists], Marked]] = {"ru": marks_ru.marked, "en": marks_en.marked}


def traits_of(core: list[str], lists: Lists, language: str, verdict: str) -> list[str]:
    """What the probability is computed from."""
    return list(traits(MARKED[language](core, lists), verdict))


def slots(found: Iterable[str]) -> list[int]:
    """Where their weights are."""
    return [crc32(trait.encode()) % SLOTS for trait in found]


def more_follows(core: list[str], lists: Lists, language: str, verdict: str) -> float:
    """Probability that the caller goes on; ``core``: at least one word, ``verdict``: that of the rules."""
    found = slots(traits_of(core, lists, language, verdict))
    return 1 / (1 + exp(-float(weights(language)[found].sum())))


@cache
def weights(language: str) -> NDArray[np.float32]:
    """One for each slot."""
    with np.load(file(language)) as kept:
        return np.asarray(kept["weights"], np.float32) * np.float32(kept["step"])


def file(language: str) -> Path:
    """Where they are kept."""
    return DATA / f"continuation_{language}.npz"
