"""One Russian clause: its words and what they are in it. Pure."""

from agent.language.dictation import Lists
from agent.language.morphology_ru import Reading, reading

PREPOSITIONS = frozenset(
    """
    в во на у с со к ко о об обо по до от ото из за для без про при над под через между около кроме против вместо
    после перед насчет относительно свыше
    """.split()  # noqa: SIM905
)


THING = Reading("noun", cases=frozenset({"nomn", "accs"}))


class Clause:
    """Words of recognised speech; the lists overrule the dictionary."""

    def __init__(self, words: list[str], lists: Lists) -> None:
        """``words``: at least one, lower case, «е» for «ё»; ``lists`` of ``completeness_ru.toml``."""
        self.words, self.lists = words, lists
        self.predicates = [word for word in words if self.is_predicate(word)]
        """Verbs and what stands for one, infinitives included."""

    @property
    def asks(self) -> bool:
        """A question or a request."""
        return self.requests or any(word in self.lists["questions"] or word == "вы" for word in self.words)

    @property
    def requests(self) -> bool:
        """«Пришлите счёт»."""
        return any(word in self.lists["requests"] or self.read(word).imperative for word in self.words)

    @property
    def counts(self) -> bool:
        """A number is named."""
        return any(self.read(word).number for word in self.words)

    def read(self, word: str) -> Reading:
        """What the dictionary says of a word, unless the lists know better."""
        return THING if word in self.lists["not_verbs"] else reading(word)

    def is_adjective(self, word: str) -> bool:
        """One that stands before its noun."""
        if word in self.lists["adjectives"]:
            return True
        return word not in self.lists["not_adjectives"] and self.read(word).part == "adjective"

    def is_infinitive(self, word: str) -> bool:
        """«Заказать»."""
        return self.read(word).part == "infinitive" and word not in self.lists["not_infinitives"]

    def is_predicate(self, word: str) -> bool:
        """A verb, or «готов»; not the words that only ask or wish."""
        if word in self.lists["not_predicates"]:
            return False
        return self.is_infinitive(word) or self.read(word).part in {"verb", "short"} or word in self.lists["predicates"]

    def things(self, words: list[str]) -> list[str]:
        """Words that name what it is about."""
        return [word for word in words if self._names(word)]

    def free(self, words: list[str]) -> list[str]:
        """Those of them that no preposition governs: subjects and objects."""
        found: list[str] = []
        governed = False
        for word in words:
            if word in PREPOSITIONS:
                governed = True
            elif self._names(word):
                if not governed:
                    found.append(word)
                governed = False
            elif not self.is_adjective(word):
                governed = False
        return found

    def _names(self, word: str) -> bool:
        if any(word in self.lists[name] for name in ("thin", "requests", "questions")):
            return False
        return self.read(word).part == "noun" and not self.is_predicate(word)
