"""What callers tell of themselves, taken out of the record: cards, telephones, passports, tax and insurance numbers,
e-mail addresses, names, codes. Pure; works on recognised words («восемь девятьсот двенадцать») and on digits alike.

Numbers are judged by how many digits they have, by their check digits and by the word before them. It errs on the side
of taking out: a list of numbers may go for a telephone.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from agent.events import AgentSaid, AgentSaying, CallEnded, CallerSaid, CallEvent, CallStarted, Noted
from agent.language import spoken_en, spoken_ru
from agent.language.dictionary_ru import dictionary

Kind = Literal["card", "phone", "passport", "tax", "insurance", "code", "mail", "name"]

LABELS: dict[str, dict[Kind, str]] = {
    "ru": {
        "card": "карта",
        "phone": "телефон",
        "passport": "паспорт",
        "tax": "ИНН",
        "insurance": "СНИЛС",
        "code": "код",
        "mail": "почта",
        "name": "имя",
    },
    "en": {
        "card": "card",
        "phone": "phone",
        "passport": "passport",
        "tax": "tax number",
        "insurance": "insurance number",
        "code": "code",
        "mail": "e-mail",
        "name": "name",
    },
}
CONTEXT: dict[Kind, re.Pattern[str]] = {
    "card": re.compile(r"карт\w*|card"),
    "passport": re.compile(r"паспорт\w*|passport"),
    "tax": re.compile(r"инн"),
    "insurance": re.compile(r"снилс\w*"),
    "code": re.compile(r"код\w*|пин\w*|парол\w*|цвв|cvv|cvc|pin|code|password"),
    "phone": re.compile(r"телефон\w*|номер\w*|звони\w*|phone|number|call"),
}
CONTEXT_WORDS = 3
"""Words before a number that tell what it is."""
LEAST: dict[Kind, int] = {"card": 12, "passport": 6, "tax": 9, "insurance": 9, "code": 3, "phone": 6}
"""Digits from which on a number is what the word before it says."""
GROUPS = 2
"""Number words on both sides of one that was misheard."""
REPEATED = 4
"""Digits from which on the agent's number is a part of the caller's."""
PHONE = range(10, 16)
"""Digits of a telephone number that nothing announces (E.164 has 15 at most)."""
CARD = range(13, 20)
"""Digits of a payment card (ISO/IEC 7812)."""
SCALES = re.compile(r"тысяч\w*|миллион\w*|миллиард\w*|thousand|million|billion")
OH = re.compile(r"\boh?\b")
"""How English callers say a zero."""
WORD = re.compile(r"\d+|[^\W\d_]+(?:-[^\W\d_]+)*")
GAP = re.compile(r"[\s\-().,+]*")
"""Between the groups of one number."""
MAIL = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|[\w.-]+(?: (?:точка|дефис|dot|dash) [\w-]+)* (?:собака|at) [\w-]+(?: (?:точка|dot) [\w-]+)+",
    re.IGNORECASE,
)
INTRODUCED = re.compile(
    r"(?:(?:меня|его|её|ее) зовут|мо[её] имя|моя фамилия|на имя|фамилия|my name is|this is"
    r"|\bэто(?= [^\W\d_]+ (?:звон|беспоко)))\s+",
    re.IGNORECASE,
)
PLACED = frozenset(["до", "в", "во", "из", "под", "через", "около"])
"""Before these «Владимир» is a town."""
NAMES_MOST = 3
"""Words of an introduced name: given name, patronymic, surname."""
NAME_TAGS = ("Name", "Surn", "Patr")
"""OpenCorpora's grammemes."""
NAME_LIKELY = 0.5
"""Least part of a word's uses that makes it a name."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A stretch of a text that is not to be kept."""

    start: int
    """First character."""
    end: int
    """Character after the last."""
    kind: Kind
    digits: str = ""
    """Of a number."""


class Redaction:
    """The record of one call; what its caller told is taken out of the agent's words too."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._numbers: dict[str, Kind] = {}
        self._names: set[str] = set()

    def caller(self, text: str) -> str:
        """A turn of the caller without what it told."""
        secrets = list(find(text, self._language))
        self._numbers |= {secret.digits: secret.kind for secret in secrets if secret.digits}
        self._names |= {text[one.start : one.end].lower() for one in secrets if one.kind == "name"}
        return _without(text, secrets, self._language)

    def agent(self, text: str) -> str:
        """The agent's words: only what the caller told, and cards; the house's own telephones stay."""
        told = [Secret(run.start, run.end, self._numbers[n], run.digits) for run, n in self._repeated(text)]
        others = [one for one in find(text, self._language) if self._tells(text, one)]
        return _without(text, list(_apart([*told, *others])), self._language)

    def _repeated(self, text: str) -> Iterator[tuple["_Run", str]]:
        """Numbers that the caller told, or the beginning of one, each with the whole."""
        for run in _runs(text, self._language):
            whole = next((number for number in self._numbers if _same(run.digits, number)), "")
            if whole:
                yield run, whole

    def _tells(self, text: str, secret: Secret) -> bool:
        if secret.kind == "name":
            return any(_same_name(text[secret.start : secret.end], name) for name in self._names)
        return secret.kind in ("card", "mail")


def redacted(observe: Callable[[str, CallEvent], None], language: str) -> Callable[[str, CallEvent], None]:
    """An observer that gets every event of every call without what callers told of themselves."""
    calls: dict[str, Redaction] = {}

    def take(call_id: str, event: CallEvent) -> None:
        if isinstance(event, CallStarted):
            calls[call_id] = Redaction(language)
        call = calls.get(call_id)
        observe(call_id, event if call is None else _event(event, call))
        if isinstance(event, CallEnded):
            calls.pop(call_id, None)

    return take


def _event(event: CallEvent, call: Redaction) -> CallEvent:
    match event:
        case CallerSaid():
            return replace(event, text=call.caller(event.text))
        case AgentSaid() | AgentSaying():
            return replace(event, said=call.agent(event.said), heard=call.agent(event.heard))
        case Noted("dtmf"):
            return replace(event, detail="")
    return event


def find(text: str, language: str) -> Iterator[Secret]:
    """Secrets of a text, from left to right, none within another."""
    yield from _apart([*_mails(text), *_numbers(text, language), *_names(text, language)])


def card_numbers(text: str, language: str) -> Iterator[tuple[int, int]]:
    """(First character, the one after the last) of what is not to be heard: cards, codes, numbers as long as a card's.

    A long number counts whatever its check digit says: one digit may have been misheard.
    """
    long = [Secret(run.start, run.end, "card") for run in _runs(text, language) if len(run.digits) >= CARD.start]
    found = [one for one in _numbers(text, language) if one.kind in ("card", "code")]
    yield from ((one.start, one.end) for one in _apart([*long, *found]))


def _apart(found: list[Secret]) -> Iterator[Secret]:
    """In order; of two that overlap the first."""
    end = 0
    for secret in sorted(found, key=lambda one: (one.start, -one.end)):
        if secret.start >= end:
            yield secret
            end = secret.end


def _without(text: str, secrets: list[Secret], language: str) -> str:
    for secret in reversed(secrets):
        text = f"{text[: secret.start]}[{LABELS[language][secret.kind]}]{text[secret.end :]}"
    return text


def _mails(text: str) -> Iterator[Secret]:
    yield from (Secret(*found.span(), "mail") for found in MAIL.finditer(text))


# ---------------------------------------------------------------- numbers


@dataclass(frozen=True, slots=True)
class _Run:
    """A number as it was said or written, in however many groups."""

    start: int
    """First character."""
    end: int
    """Character after the last."""
    digits: str
    before: tuple[str, ...]
    """Words before it."""


def _numbers(text: str, language: str) -> Iterator[Secret]:
    for run in _runs(text, language):
        kind = _kind(run.digits, run.before)
        if kind:
            yield Secret(run.start, run.end, kind, run.digits)


def _runs(text: str, language: str) -> Iterator[_Run]:
    words = list(WORD.finditer(text))
    run = partial(_of, text, words, language)
    yield from (run(*span) for span in _bridged(list(_spans(text, words, language)), run))


def _spans(text: str, words: list[re.Match[str]], language: str) -> Iterator[tuple[int, int]]:
    """First word and the one behind the last of each stretch of number words."""
    at = 0
    while at < len(words):
        after = at
        while after < len(words) and _is_number(words[after][0], language) and _joined(text, words, at, after):
            after += 1
        if after > at:
            yield at, after
        at = max(after, at + 1)


def _bridged(spans: list[tuple[int, int]], run: Callable[[int, int], _Run]) -> Iterator[tuple[int, int]]:
    """One word between two groups of a long number was a misheard number («срок» for «сорок»)."""
    while spans:
        first, last = spans.pop(0)
        while spans and spans[0][0] == last + 1 and min(last - first, spans[0][1] - spans[0][0]) >= GROUPS:
            if len(run(first, spans[0][1]).digits) < PHONE.start:
                break
            last = spans.pop(0)[1]
        yield first, last


def _of(text: str, words: list[re.Match[str]], language: str, first: int, last: int) -> _Run:
    start, end = words[first].start(), words[last - 1].end()
    before = tuple(word[0].lower() for word in words[max(first - CONTEXT_WORDS, 0) : first])
    return _Run(start, end, _digits(text[start:end], language), before)


def _joined(text: str, words: list[re.Match[str]], first: int, at: int) -> bool:
    return at == first or GAP.fullmatch(text, words[at - 1].end(), words[at].start()) is not None


def _is_number(word: str, language: str) -> bool:
    word = word.lower()
    return word.isdigit() or _to_digits(word, language) != word or SCALES.fullmatch(word) is not None


def _to_digits(text: str, language: str) -> str:
    return spoken_en.to_digits(OH.sub("zero", text)) if language == "en" else spoken_ru.to_digits(text)


def _digits(text: str, language: str) -> str:
    """All digits of a run; none for an amount («сто миллиардов»)."""
    written = _to_digits(text.lower(), language)
    if SCALES.search(text.lower()) and len(WORD.findall(written)) == 1:
        return ""
    return re.sub(r"\D", "", written)


def _kind(digits: str, before: Sequence[str]) -> Kind | None:
    for kind, sign in CONTEXT.items():
        if len(digits) >= LEAST[kind] and any(sign.fullmatch(word) for word in before):
            return "card" if kind in ("phone", "code") and _is_card(digits) else kind
    if _is_card(digits):
        return "card"
    if len(digits) == 11 and digits[0] not in "78" and _is_insurance(digits):
        return "insurance"
    if len(digits) == 12 and _is_tax(digits):
        return "tax"
    return "phone" if len(digits) in PHONE else None


def _is_card(digits: str) -> bool:
    """Luhn's check digit (ISO/IEC 7812-1, annex B)."""
    if len(digits) not in CARD:
        return False
    doubled = [int(digit) * (1 + (place % 2 == 0)) for place, digit in enumerate(reversed(digits), 1)]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _is_insurance(digits: str) -> bool:
    """СНИЛС: nine digits weighted 9 to 1, modulo 101, are the last two."""
    total = sum(int(digit) * weight for digit, weight in zip(digits[:9], range(9, 0, -1), strict=True))
    return total % 101 % 100 == int(digits[9:])


def _is_tax(digits: str) -> bool:
    """A person's ИНН: two check digits of weighted sums modulo 11."""
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    for length in (10, 11):
        total = sum(int(digit) * weight for digit, weight in zip(digits, weights[11 - length :], strict=False))
        if total % 11 % 10 != int(digits[length]):
            return False
    return True


def _same(one: str, other: str) -> bool:
    """Equal, but for a trunk prefix in front; or the one is the other's beginning (the agent was interrupted)."""
    short, long = sorted((one, other), key=len)
    return len(short) >= REPEATED and (long.endswith(short) or long.startswith(short))


# ---------------------------------------------------------------- names


def _names(text: str, language: str) -> Iterator[Secret]:
    for found in INTRODUCED.finditer(text):
        words = [word for word in WORD.finditer(text, found.end()) if not word[0].isdigit()][:NAMES_MOST]
        for count, word in enumerate(words):
            if count and not _is_name(word[0], language):
                break
            yield Secret(*word.span(), "name")
    before = ""
    for word in WORD.finditer(text) if language == "ru" else ():
        if _is_name(word[0], language) and not (before in PLACED and _is_town(word[0])):
            yield Secret(*word.span(), "name")
        before = word[0].lower()


def _is_town(word: str) -> bool:
    return any("Geox" in use.tag for use in dictionary().parse(word.lower()))


def _is_name(word: str, language: str) -> bool:
    if language != "ru":
        return word[:1].isupper()
    if not re.fullmatch("[а-яё-]+", word.lower()):
        return False
    uses = [use for use in dictionary().parse(word.lower()) if use.is_known]
    return float(sum(use.score for use in uses if any(tag in use.tag for tag in NAME_TAGS))) > NAME_LIKELY


def _same_name(one: str, other: str) -> bool:
    """The same name, whatever its ending: «Анна», «Анны»."""
    one, other = one.lower(), other.lower()
    stem = max(min(len(one), len(other)) - 2, 3)
    return one[:stem] == other[:stem]
