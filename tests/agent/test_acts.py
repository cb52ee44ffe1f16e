"""What callers do with their words: ask, wish, or only tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.language.acts import Act
from agent.language.completeness import by_lists, does

ACTS: dict[tuple[Act, str], list[str]] = {
    ("asks", "ru"): [
        *("сколько стоит доставка", "есть ли скидка", "пришлите счёт", "вы привезёте завтра", "где мой заказ"),
        *("можно приехать в субботу", "у вас есть твердомеры", "с кем я говорю", "а программа у вас на русском"),
    ],
    ("wishes", "ru"): ["мне нужен инженер", "хочу вернуть прибор", "меня интересует лизинг", "я хотел бы приехать"],
    ("tells", "ru"): [
        *("мы перевели пятьдесят процентов", "испытываем в основном бетон", "у меня сломался телевизор"),
        *("пишите номер", "это для для лаборатории", "когда вы когда сможете", "мой груз отгрузили"),
    ],
    ("unclear", "ru"): ["датчик не работает", "цена пресса", "программа у вас на русском", "до казани", ""],
    ("asks", "en"): [
        *("what is the price", "do you repair presses", "and is there a discount", "send me the invoice", "book me in"),
        *("so can i come on monday", "please call me back"),
    ],
    ("wishes", "en"): ["i need an engineer", "i'd like to order", "we are looking for a press"],
    ("tells", "en"): ["i lost my keys", "my name is anna", "we're at the gate", "it's for for the laboratory"],
    ("unclear", "en"): ["the press is broken", "a hardness tester", ""],
}


@pytest.mark.parametrize(
    ("text", "language", "meant"),
    [(text, language, meant) for (meant, language), texts in ACTS.items() for text in texts],
)
def test_what_is_done_with_words(text: str, language: str, meant: Act) -> None:
    assert of(text, language) == meant


@given(st.text(), st.sampled_from(["ru", "en"]))
def test_any_words_do_something(text: str, language: str) -> None:
    assert of(text, language) in {"asks", "wishes", "tells", "unclear"}


def of(text: str, language: str) -> Act:
    return does(by_lists(text, language), language)
