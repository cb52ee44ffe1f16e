"""Text to search terms: one spelling, one stem, one number for all the ways of saying a thing."""

import hashlib
import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from agent.errors import StartError
from kb import thesaurus
from kb.followups import Signs

DATA = Path(__file__).parent / "data"

TOKEN = re.compile(r"\d{1,3}(?:[ \u00a0]\d{3})+(?!\d)|\d+(?:[.,]\d+)?|[^\W\d_]+(?:'[a-z]+)?")
CACHED_WORDS = 65536
LIGHT_PARTS = frozenset(
    {"VERB", "INFN", "GRND", "PRTS", "ADJS", "ADVB", "COMP", "PRED", "PREP", "CONJ", "PRCL", "INTJ", "NPRO"}
)
"""Parts of speech (OpenCorpora's tags) that seldom tell a subject."""
CACHED_TEXTS = 4096
"""Texts whose terms are kept: a caller's question is looked at by the search and again by the answerer."""


class Terms:
    """Callable text -> terms for one language; tables come from ``data/<language>.toml``."""

    def __init__(self, language: str, extra: Path | None = None) -> None:
        """``extra``: a user's own rows, where the file is there; raises ``StartError`` naming a table of no use."""
        self.language = language
        path = DATA / f"{language}.toml"
        self._tables = _read(path)
        digest = hashlib.sha256(path.read_bytes())
        everyday = DATA / f"everyday_{language}.toml"
        if everyday.is_file():
            self._tables = _with(self._tables, _read(everyday), everyday)
            digest.update(everyday.read_bytes())
        if extra is not None and extra.is_file():
            self._tables = _with(self._tables, _read(extra), extra)
            digest.update(extra.read_bytes())
        self.checksum = digest.hexdigest()
        self._of = lru_cache(CACHED_TEXTS)(self._terms)
        self._is_light = lru_cache(CACHED_WORDS)(self._tells_little)
        self._is_place = lru_cache(CACHED_WORDS)(self._names_a_place)

    def __call__(self, text: str) -> tuple[str, ...]:
        """Terms in order, repeats kept; stop words left out, numbers as digits."""
        return tuple(term for term, _ in self._of(text))

    def plain(self, text: str) -> tuple[str, ...]:
        """Terms of a knowledge base's own line: quicker, since nobody writes there as people speak."""
        return tuple(term for word in TOKEN.findall(plainly(text)) if (term := self._term(word)))

    def light(self, text: str) -> frozenset[str]:
        """Those terms of ``text`` that seldom tell its subject: verbs, words of degree and manner."""
        return frozenset(term for term, word in self._of(text) if word and self._is_light(word))

    @cached_property
    def near(self) -> dict[str, tuple[str, ...]]:
        """Terms that may be meant by a term: «вуз» by «институт»."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for group in self._tables.get("near", ()):
            of, _, others = group.partition(":")
            for one in self(of):
                for other in self(others):
                    found[one].add(other)
        return {term: tuple(sorted(others - {term})) for term, others in found.items()}

    @cached_property
    def alike(self) -> dict[str, tuple[str, ...]]:
        """Terms of one concept, whichever is said: «рассрочка», «частями»."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for group in self._tables.get("alike", ()):
            terms = set(self(group))
            for term in terms:
                found[term] |= terms - {term}
        return {term: tuple(sorted(others)) for term, others in found.items()}

    def related(self, term: str) -> Iterator[tuple[str, float]]:
        """Terms that may be meant by a term, by the thesaurus, and how surely, 0 to 1."""
        known = thesaurus.load(self.language)
        if known is None:
            return
        stems = [stem for stem in (term, *self._spellings.get(term, ())) if stem in known]
        for stem, near in [(stem, 1.0) for stem in stems] or known.kin(term):
            if not stems:
                yield self._same.get(stem, stem), near
            yield from ((self._same.get(other, other), sure * near) for other, sure in known.of(stem))

    @cached_property
    def _spellings(self) -> dict[str, list[str]]:
        """Term -> stems that it stands for."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for stem, one in self._same.items():
            if stem != one:
                found[one].append(stem)
        return found

    @cached_property
    def aspects(self) -> frozenset[str]:
        """Terms of what is asked about things: price, time, place."""
        return frozenset(self(self._tables.get("aspects", "")))

    def places(self, text: str) -> frozenset[str]:
        """Those terms of ``text`` that are names of towns, regions and countries."""
        return frozenset(term for term, word in self._of(text) if word and self._is_place(word))

    @cached_property
    def other(self) -> frozenset[str]:
        """Terms of other things: where the texts lack them, nothing else is meant by them."""
        return frozenset(self._term(word) for word in self._tables.get("other", "").split())

    @cached_property
    def town(self) -> tuple[str, ...]:
        """What the name of a place says where the texts don't name it."""
        return self(self._tables.get("town", ""))

    def kinds(self, text: str) -> tuple[re.Pattern[str], ...]:
        """How a text looks that has what a question asks for: a price, a place, a telephone number."""
        plain = plainly(text)
        return tuple(wanted for asked, wanted in self._kinds if asked.search(plain))

    @cached_property
    def _kinds(self) -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
        return [(re.compile(asked), re.compile(wanted)) for asked, wanted in self._tables["kinds"]]

    def facts(self, text: str) -> tuple[re.Pattern[str], ...]:
        """How a line looks that tells the fact a question surely asks for: an amount of money, a weight, an hour."""
        plain = plainly(text)
        return tuple(told for asked, told in self._facts if asked.search(plain))

    @cached_property
    def _facts(self) -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
        return [(re.compile(asked), re.compile(told)) for asked, told in self._tables.get("facts", ())]

    @cached_property
    def signs(self) -> Signs:
        """How the language continues a subject."""
        follow = self._tables["follow"]
        return Signs(re.compile(rf"(?:{follow['openers']})\b"), frozenset(follow["pronouns"].split()))

    @cached_property
    def _light_ending(self) -> re.Pattern[str]:
        return re.compile("".join(self._tables["light"].split()))

    @cached_property
    def _light_words(self) -> frozenset[str]:
        return frozenset(self._stem(word) for word in self._tables["light_words"].split())

    @cached_property
    def general(self) -> frozenset[str]:
        """Terms that point to the general base."""
        return frozenset(self(self._tables["general"]))

    @cached_property
    def tech(self) -> frozenset[str]:
        """Terms that point to the technical base."""
        return frozenset(self(self._tables["tech"]))

    @cached_property
    def _stem(self) -> Callable[[str], str]:
        import snowballstemmer  # noqa: PLC0415 - 25 ms that only a daemon with a knowledge base pays

        stem: Callable[[str], str] = snowballstemmer.stemmer(self._tables["stemmer"]).stemWord
        return lru_cache(65536)(stem)

    @cached_property
    def _stop(self) -> frozenset[str]:
        return frozenset(self._tables["stop"].split())

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: int(value) for value, words in self._tables["numbers"].items() for word in words.split()}

    @cached_property
    def _units(self) -> dict[str, str]:
        return {word: unit for unit, words in self._tables["units"].items() for word in words.split()}

    @cached_property
    def _units_named(self) -> frozenset[str]:
        return frozenset(self._tables["units"])

    @cached_property
    def _same(self) -> dict[str, str]:
        """Stem -> the one that stands for it; words that a user adds to a group of ours join it."""
        found: dict[str, str] = {}
        for words in (group.split() for group in reversed(self._tables["same"])):
            stems = [self._stem(word) for word in words]
            one = next((found[stem] for stem in stems if stem in found), stems[0])
            found.update(dict.fromkeys(stems, one))
        return found

    @cached_property
    def _rewrites(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(rf"{_edge(what)}(?:{what})(?!\w)"), into) for what, into in self._tables["rewrite"]]

    def _terms(self, text: str) -> tuple[tuple[str, str], ...]:
        """Terms, each with the word that it was; joined ones with none."""
        text = plainly(text)
        for what, into in self._rewrites:
            text = what.sub(into, text)
        words = join_numbers(TOKEN.findall(text), self._numbers)
        found = [(term, word) for word in words if (term := self._term(word))]
        joined = [(a + b, "") for (a, _), (b, _) in pairwise(found) if a[0].isdigit() and b in self._units_named]
        return (*found, *joined)

    def _tells_little(self, word: str) -> bool:
        if self._light_ending.search(word) is not None or self._stem(word) in self._light_words:
            return True
        return self.language == "ru" and word.isalpha() and _part_of_speech(word) in LIGHT_PARTS

    def _names_a_place(self, word: str) -> bool:
        # what the dictionary lacks is guessed at, slowly
        known = self.language == "ru" and word.isalpha() and morphology().word_is_known(word)
        return known and "Geox" in _tag(word)

    def _term(self, word: str) -> str:
        if word[0].isdigit():
            return re.sub(r"\s", "", word).replace(",", ".")
        if word in self._stop:
            return ""
        if word in self._units:
            return self._units[word]
        stem = self._stem(word)
        return self._same.get(stem, stem)


def plainly(text: str) -> str:
    """As the tables are written: lower case, «е» for «ё»."""
    return text.lower().replace("ё", "е")


def _part_of_speech(word: str) -> str:
    """pymorphy3's name for it: ``NOUN``, ``VERB`` ...; empty for a word that its dictionary lacks."""
    return str(_tag(word).POS or "") if morphology().word_is_known(word) else ""


@lru_cache(CACHED_WORDS)
def _tag(word: str) -> Any:
    return morphology().parse(word)[0].tag


@lru_cache(1)
def morphology() -> Any:
    """The dictionary of Russian forms, loaded once (20 MB)."""
    import pymorphy3  # noqa: PLC0415 - 20 MB that only Russian needs

    return pymorphy3.MorphAnalyzer()


def _edge(pattern: str) -> str:
    """Words are matched from their beginning; signs such as ``%`` may follow a digit."""
    return r"(?<!\w)" if pattern[0].isalnum() or pattern[0] == "(" else ""


def join_numbers(words: Sequence[str], values: dict[str, int]) -> Iterator[str]:
    """Runs of number words become digits as they are meant: «двести двадцать» 220, «один два» 1 and 2."""
    sum_ = part = 0
    open_ = False
    for word in words:
        value = values.get(word)
        if open_ and (value is None or not _continues(sum_, part, value)):
            yield str(sum_ + part)
            sum_, part, open_ = 0, 0, False
        if value is None:
            yield word
        elif value >= 1000:
            sum_, part, open_ = sum_ + max(part, 1) * value, 0, True
        elif value == 100 and 0 < part < 10:  # "two hundred"
            part *= 100
        else:
            part, open_ = part + value, True
    if open_:
        yield str(sum_ + part)


def _continues(total: int, part: int, value: int) -> bool:
    """Whether ``value`` belongs to the number begun: each member must be smaller than the place left open."""
    if value >= 1000:
        return part > 0 and (total == 0 or value < _lowest(total))
    if value == 100 and 0 < part < 10:
        return True
    if part == 0:
        return total > 0 and value < _lowest(total)
    return (value < 100 and part % 100 == 0) or (value < 10 and part % 10 == 0 and part % 100 >= 20)


def _lowest(total: int) -> int:
    return 1_000_000 if total % 1_000_000 == 0 else 1000


EXTENDABLE: dict[str, type] = {
    "stop": str,
    "light_words": str,
    "other": str,
    "rewrite": list,
    "kinds": list,
    "facts": list,
    "same": list,
    "near": list,
    "alike": list,
    "aspects": str,
}
"""What a user's table may add to; words in one text, or rows."""


def user_table(folder: Path, language: str) -> Path:
    """Where a user's own search words lie: beside the knowledge base."""
    return folder / f"search_{language}.toml"


def _with(ours: dict[str, Any], added: dict[str, Any], path: Path) -> dict[str, Any]:
    """Our tables with a user's rows, theirs before ours."""
    for name, rows in added.items():
        kind = EXTENDABLE.get(name)
        if kind is None:
            raise StartError(f"{path}: there is no table {name!r}; a search table has {', '.join(EXTENDABLE)}")
        if not isinstance(rows, kind):
            raise StartError(f"{path}: {name} must be {'one text of words' if kind is str else 'a list of rows'}")
        if name in ("rewrite", "kinds", "facts") and isinstance(rows, list):
            _check(rows, name, path)
        elif isinstance(rows, list) and not all(isinstance(row, str) for row in rows):
            raise StartError(f"{path}: each row of {name} must be one text of words")
    return {**ours, **{name: _joined(rows, ours.get(name, EXTENDABLE[name]())) for name, rows in added.items()}}


def _joined(theirs: Any, ours: Any) -> Any:
    return f"{theirs} {ours}" if isinstance(ours, str) else [*theirs, *ours]


def _check(rows: Sequence[Any], name: str, path: Path) -> None:
    for row in rows:
        try:
            what, into = row
            re.compile(what), re.compile(into)
        except (ValueError, TypeError, re.error) as error:
            raise StartError(f"{path}: {name} has a row that can't be used, {row!r}: {error}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartError(f"{path}: search tables can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{path}: search tables are not valid TOML: {error}") from None
