"""How finished an utterance sounds."""

import pytest

from agent.language.completeness import completeness


@pytest.mark.parametrize(
    "text",
    [
        "сколько стоит доставка",
        "какой у вас график работы",
        "есть ли парковка",
        "вы обучаете персонал",
        "доставка входит в стоимость договора",
        "мне нужен инженер",
        "когда вы работаете",
        "да",
        "нет спасибо",
        "какая скорость перемещения траверсы",
        "пришлите прайс лист",
    ],
)
def test_whole_questions_and_answers_in_russian(text: str) -> None:
    assert completeness(text, "ru") == "complete"


@pytest.mark.parametrize(
    "text",
    [
        "мне нужна",
        "сколько стоит пресс на",
        "сколько стоит пресс на сто",
        "здравствуйте я по поводу разрывной машины и",
        "мой номер восемь девятьсот двенадцать",
        "восемь девятьсот двенадцать",
        "ну",
        "мне нужна ещё",
    ],
)
def test_beginnings_in_russian(text: str) -> None:
    assert completeness(text, "ru") == "open"


@pytest.mark.parametrize(
    "text", ["", "сколько стоит", "какой у вас", "здравствуйте", "разрывная машина", "сто килоньютон"]
)
def test_what_can_not_be_told_in_russian(text: str) -> None:
    assert completeness(text, "ru") == "unsure"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("what is the delivery time", "complete"),
        ("do you have spare parts", "complete"),
        ("yes", "complete"),
        ("i need a", "open"),
        ("we need at least six hundred", "open"),
        ("my number is four five seven", "open"),
        ("how much is the", "open"),
        ("steel plant", "unsure"),
        ("", "unsure"),
    ],
)
def test_english(text: str, verdict: str) -> None:
    assert completeness(text, "en") == verdict
