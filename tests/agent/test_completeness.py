"""How finished an utterance sounds: whole ones, and every prefix of them."""

import zlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.language.completeness import completeness, may_begin

PHRASES = Path(__file__).parent / "completeness"
BARS = {
    ("ru", False): (0.79, 0.06, 0.02, 0.93),
    ("en", False): (0.93, 0.03, 0.02, 0.94),
    ("ru", True): (0.88, 0.04, 0.02, 0.92),
    ("en", True): (0.84, 0.04, 0.02, 0.93),
}
"""Of whole utterances the least part that is judged complete and the greatest that is open; of beginnings the greatest
part that is complete, and the least that is open: seen and held out. Most of those beginnings might be all that is
said: «кто платит», «счет пришел»."""
HESITATIONS = {
    ("ru", False): (0.89, 0.06, 0.86),
    ("en", False): (0.93, 0.02, 0.94),
    ("ru", True): (0.76, 0.14, 0.78),
    ("en", True): (0.90, 0.02, 0.90),
}
"""Callers of other trades: least part of whole utterances that is complete; of their halts the greatest part that is
complete, and the least that is open."""


@dataclass
class Judged:
    """Verdicts over one list of utterances."""

    whole: dict[str, str] = field(default_factory=dict)
    cut: dict[str, str] = field(default_factory=dict)

    @property
    def whole_complete(self) -> float:
        return list(self.whole.values()).count("complete") / len(self.whole)

    @property
    def whole_late(self) -> float:
        return list(self.whole.values()).count("open") / len(self.whole)

    @property
    def cut_complete(self) -> float:
        return list(self.cut.values()).count("complete") / len(self.cut)

    @property
    def cut_open(self) -> float:
        return list(self.cut.values()).count("open") / len(self.cut)


def judged(language: str, held_out: bool) -> Judged:
    """Every utterance and every prefix of it that is none itself; a third, chosen by checksum, is held out."""
    lines = (PHRASES / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    marked = [line.split(" / ") for line in lines if line and not line.startswith("#")]
    wholes = {" ".join(parts[: n + 1]) for parts in marked for n in range(len(parts))}
    found = Judged()
    for parts in marked:
        phrase = " ".join(parts)
        if (zlib.crc32(phrase.encode()) % 3 == 0) != held_out:
            continue
        words = phrase.split()
        found.whole[phrase] = completeness(phrase, language)
        for prefix in (" ".join(words[:n]) for n in range(1, len(words))):
            if prefix not in wholes:
                found.cut[prefix] = completeness(prefix, language)
    return found


@pytest.mark.parametrize(
    ("text", "language"),
    [("подождите", "ru"), ("нет подождите", "ru"), ("алло", "ru"), ("hold on", "en"), ("no wait", "en")],
)
def test_who_asks_to_be_waited_for_may_go_on(text: str, language: str) -> None:
    assert may_begin(text, language)


@pytest.mark.parametrize("held_out", [False, True], ids=["seen", "held out"])
@pytest.mark.parametrize("language", ["ru", "en"])
def test_whole_utterances_and_their_beginnings(language: str, held_out: bool) -> None:
    found = judged(language, held_out)
    whole, late, cut, opened = BARS[language, held_out]
    assert found.whole_complete >= whole
    assert found.whole_late <= late
    assert found.cut_complete <= cut
    assert found.cut_open >= opened


def halting(language: str, held_out: bool) -> Judged:
    """Every utterance with halts, and what stands before each of them; a third is held out."""
    found = Judged()
    for line in (PHRASES / f"hesitating_{language}.txt").read_text(encoding="utf-8").splitlines():
        parts = [part.strip() for part in line.split("|")]
        phrase = " ".join(parts)
        if not line or line.startswith("#") or (zlib.crc32(phrase.encode()) % 3 == 0) != held_out:
            continue
        found.whole[phrase] = completeness(phrase, language)
        for count in range(1, len(parts)):
            beginning = " ".join(parts[:count])
            found.cut[beginning] = completeness(beginning, language)
    return found


@pytest.mark.parametrize("held_out", [False, True], ids=["seen", "held out"])
@pytest.mark.parametrize("language", ["ru", "en"])
def test_callers_of_other_trades_who_stop_to_think(language: str, held_out: bool) -> None:
    found = halting(language, held_out)
    whole, cut, opened = HESITATIONS[language, held_out]
    assert found.whole_complete >= whole
    assert found.cut_complete <= cut
    assert found.cut_open >= opened


@pytest.mark.parametrize(
    "text",
    [
        "сколько стоит доставка в казань",
        "какой у вас график работы",
        "есть ли парковка у офиса",
        "вы обучаете персонал",
        "мне нужен инженер",
        "когда вы работаете",
        "да",
        "нет спасибо",
        "э да",
        "ну да",
        "хорошо давайте",
        "какая скорость перемещения траверсы",
        "пришлите прайс лист",
        "доставка платная или бесплатная",
        "какая гарантия",
        "сколько стоит доставка",
        "до скольки вы работаете",
        "мой паспорт готов",
        "всё спасибо",
        "ещё раз",
    ],
)
def test_whole_in_russian(text: str) -> None:
    assert completeness(text, "ru") == "complete"


@pytest.mark.parametrize(
    "text",
    """мне нужна|мне нужна ещё|подскажите а|сколько стоит пресс на|сколько стоит пресс на сто
    мне нужна разрывная|сколько стоит|ну|э
    эээ|так|сейчас|это самое|мне нужен этот как его|сколько стоит ну|я хотел узнать
    я хотел бы|здравствуйте я хотел узнать
    здравствуйте я по поводу разрывной машины и|нам нужен пресс для|работает ли ваш|какая максимальная
    у нас сломался пресс и|можно ли|на сто|до двухсот|нагрузка до тысячи|номер заказа сорок""".replace(
        "\n    ", "|"
    ).split("|"),
)
def test_open_in_russian(text: str) -> None:
    assert completeness(text, "ru") == "open"


@pytest.mark.parametrize(
    "text",
    [
        *("", "какой у вас", "здравствуйте", "разрывная машина", "номер заказа сто двадцать три"),
        *("машина рэм", "давайте", "секундочку", "сейчас посмотрю", "наша машина", "соедините"),
    ],
)
def test_what_can_not_be_told_in_russian(text: str) -> None:
    assert completeness(text, "ru") != "complete"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("what is the delivery time", "complete"),
        ("do you have spare parts", "complete"),
        ("which countries do you ship to", "complete"),
        ("yes", "complete"),
        ("i need a", "open"),
        ("i would like", "open"),
        ("i would like to", "open"),
        ("is it possible two", "open"),  # as the recogniser spells it
        ("how much does the machine", "open"),
        ("we need at least six hundred", "unsure"),
        ("my number is four five seven", "open"),
        ("how much is the", "open"),
        ("do you have spare", "open"),
        ("uh", "open"),
        ("well um", "open"),
        ("our steel plant", "open"),
        ("", "unsure"),
    ],
)
def test_english(text: str, verdict: str) -> None:
    assert completeness(text, "en") == verdict


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("предоплата у вас какая сейчас", "ru"),
        ("разбудите меня в семь", "ru"),
        ("полис поменялся", "ru"),
        ("please wake me at seven", "en"),
        ("do you fix consoles as well", "en"),
    ],
)
def test_words_that_often_want_more_do_not_settle_it(text: str, language: str) -> None:
    """«Сейчас» is how somebody looks for a word, and how a question ends; «в семь» may lack its minutes, or not."""
    assert completeness(text, language) != "open"


PHONE = "восемь девятьсот двенадцать триста сорок пять шестьдесят семь восемьдесят девять"


@pytest.mark.parametrize("before", ["", "мой телефон ", "запишите номер "])
def test_a_dictated_number_is_whole_with_its_last_digit_alone(before: str) -> None:
    words = PHONE.split()
    for count in range(2, len(words)):
        assert completeness(before + " ".join(words[:count]), "ru") != "complete"
    assert completeness(before + PHONE, "ru") == "complete"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("девятьсот одиннадцать двести двадцать два тридцать три сорок четыре", "complete"),
        ("девятьсот одиннадцать двести двадцать два тридцать три сорок", "unsure"),  # «четыре» may follow
        ("двести двадцать два тридцать три сорок четыре", "open"),  # seven digits: a local number, or more to come
        ("пятьсот пятьдесят ноль пять", "open"),
        ("восемь восемьсот пятьсот пятьдесят пять тридцать пять тридцать пять", "complete"),
        ("добавочный двенадцать", "open"),
        ("добавочный сто двенадцать", "open"),
        ("двадцать", "open"),
        ("сто двадцать три", "open"),
        ("запишите номер двести двадцать срок", "open"),  # a misheard group
    ],
)
def test_numbers_in_groups(text: str, verdict: str) -> None:
    assert completeness(text, "ru") == verdict


@given(st.lists(st.sampled_from(" ".join(judged("ru", held_out=False).whole).split()), max_size=9).map(" ".join))
def test_any_words_are_judged(text: str) -> None:
    assert completeness(text, "ru") in {"complete", "unsure", "open"}
    assert completeness(text, "en") in {"complete", "unsure", "open"}


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert completeness(text, "ru") in {"complete", "unsure", "open"}
    assert completeness(text, "en") in {"complete", "unsure", "open"}
