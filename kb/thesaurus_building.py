"""Compile the thesaurus: ``python -m kb.thesaurus_building [--write]``; prints how much it holds.

Every word is brought to all its forms (pymorphy3 for Russian, endings for English), and their stems are kept.
"""

import hashlib
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from agent.errors import StartError
from kb.terms import morphology
from kb.thesaurus import FOLDER

SYNONYM, ASKS, BROADER, NEAR, NARROWER, RELATED = 0.6, 0.55, 0.5, 0.4, 0.3, 0.25
"""How surely the other word of a relation is meant, 0 to 1."""
TABLES = ("synonyms", "asks", "broader", "near", "related")
AMONG = {"synonyms": SYNONYM, "near": NEAR, "related": RELATED}
"""Tables whose words stand for one another."""
COLLOQUIAL = "colloquial"
"""Words of the tables that the dictionary lacks and that are no slips; they are relations of nothing."""
STEMMERS = {"ru": "russian", "en": "english"}
NO_WORDS = frozenset({"PRTF", "PRTS"})
"""Forms of a verb that are words of their own."""

Relation = tuple[str, str, float]


def sources(language: str) -> list[Path]:
    """The files that are compiled."""
    return sorted(FOLDER.glob(f"{language}_*.toml"))


def rows(language: str) -> Iterator[tuple[str, str]]:
    """(table, row) of all files; raises ``StartError`` naming a file with a table that nobody reads."""
    for path in sources(language):
        for table, text in _read(path).items():
            if table == COLLOQUIAL:
                continue
            if table not in TABLES:
                raise StartError(f"{path}: there is no table {table!r}; a thesaurus has {', '.join(TABLES)}")
            yield from ((table, row.strip()) for row in text.splitlines() if row.strip())


def _read(path: Path) -> dict[str, str]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def relations(table: str, row: str) -> Iterator[Relation]:
    """(word, word that may be meant by it, how surely)."""
    before, _, behind = row.partition(":")
    left, right = before.split(), behind.split()
    if table in ("asks", "broader") and not right:
        raise StartError(f"thesaurus: {table} has a row without anything behind a colon: {row!r}")
    if table in AMONG:
        yield from ((one, other, AMONG[table]) for one in left for other in left if one != other)
        return
    yield from ((one, other, ASKS if table == "asks" else BROADER) for one in left for other in right)
    if table == "broader":
        yield from ((other, one, NARROWER) for one in left for other in right)


def unknown(language: str) -> list[str]:
    """Words that the dictionary of the language lacks, misspelt perhaps."""
    words = {word for table, row in rows(language) for word in row.replace(":", " ").split()}
    slang = {word for path in sources(language) for word in _read(path).get(COLLOQUIAL, "").split()}
    lacking = (word for word in words - slang if not morphology().word_is_known(word))
    return sorted(lacking) if language == "ru" else []


def forms(word: str, language: str) -> set[str]:
    """All forms of a word, itself among them."""
    if language != "ru":
        return {word}
    parses = morphology().parse(word)
    parse = next((one for one in parses if one.normal_form.replace("ё", "е") == word), parses[0])
    found = {form.word.replace("ё", "е") for form in parse.lexeme if form.tag.POS not in NO_WORDS}
    return {word, *found}


def digest(language: str) -> str:
    """Of the source and of the way it is compiled."""
    found = hashlib.sha256(Path(__file__).read_bytes())
    for path in sources(language):
        found.update(path.read_bytes())
    return found.hexdigest()


def compiled(language: str) -> dict[str, Any]:
    """The arrays of ``kb.thesaurus.Thesaurus`` and the digest."""
    import numpy as np  # noqa: PLC0415

    sure: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for table, row in rows(language):
        for one, other, weight in relations(table, row):
            sure[one][other] = max(sure[one].get(other, 0.0), weight)
    words = sorted({*sure, *(other for others in sure.values() for other in others)})
    number = {word: n for n, word in enumerate(words)}
    stem = lru_cache(None)(_stemmer(language).stemWord)
    stems_of = [sorted({stem(form) for form in forms(word, language)}) for word in words]
    stems = sorted({one for several in stems_of for one in several})
    place = {one: n for n, one in enumerate(stems)}
    meant = [sorted((number[other], weight) for other, weight in sure.get(word, {}).items()) for word in words]
    return {
        "stems": np.frombuffer("\n".join(stems).encode(), np.uint8),
        "words": np.array([(place[one], n) for n, several in enumerate(stems_of) for one in several], np.int32),
        "starts": np.cumsum([0, *map(len, meant)]).astype(np.int32),
        "targets": np.array([other for several in meant for other, _ in several], np.int32),
        "sure": np.array([round(weight * 100) for several in meant for _, weight in several], np.uint8),
        "digest": np.frombuffer(digest(language).encode(), np.uint8),
    }


def _stemmer(language: str) -> Any:
    import snowballstemmer  # noqa: PLC0415

    return snowballstemmer.stemmer(STEMMERS[language])


def main(arguments: Sequence[str]) -> None:
    """Compile every language there is."""
    import numpy as np  # noqa: PLC0415

    for language in STEMMERS:
        made = compiled(language)
        count = sum(1 for _ in rows(language))
        sizes = f"{len(made['starts']) - 1} words, {len(made['targets'])} relations, {len(made['words'])} stems"
        sys.stdout.write(f"{language}: {count} rows, {sizes}\n")
        strange = unknown(language)
        if strange:
            sys.stdout.write(f"not in the dictionary: {' '.join(strange)}\n")
        if "--write" in arguments:
            np.savez_compressed(FOLDER / f"{language}.npz", **made)


if __name__ == "__main__":
    main(sys.argv[1:])
