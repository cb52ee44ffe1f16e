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

SLOTS = 1 << 18
"""Weights; a trait's is found by its checksum, two may share one."""
MARKED: dict[str, Callable[[list[str], Lists], Marked]] = {"ru": marks_ru.marked, "en": marks_en.marked}


def traits_of(core: list[str], lists: Lists, language: str, verdict: str, noted: str) -> list[str]:
    """Of at least one word; ``verdict``: that of the rules, ``noted``: of the lists, where these don't settle it."""
    return list(traits(MARKED[language](core, lists), verdict, noted))


def slots(found: Iterable[str]) -> list[int]:
    """Where their weights are."""
    return [crc32(trait.encode()) % SLOTS for trait in found]


def more_follows(traits: Iterable[str], language: str) -> float:
    """Probability that the caller goes on."""
    return 1 / (1 + exp(-float(weights(language)[slots(traits)].sum())))


@cache
def weights(language: str) -> NDArray[np.float32]:
    """One for each slot."""
    with np.load(file(language)) as kept:
        return np.asarray(kept["weights"], np.float32) * np.float32(kept["step"])


def file(language: str) -> Path:
    """Where they are kept."""
    return DATA / f"continuation_{language}.npz"
