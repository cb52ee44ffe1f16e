"""What the agent asked last, and what of an answer is to be expected then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.language.asked import expected, tempered
from agent.language.completeness import completeness


@pytest.mark.parametrize(
    ("said", "language", "awaited"),
    [
        ("", "ru", "anything"),
        ("Здравствуйте! Чем могу помочь?", "ru", "anything"),
        ("Доставка стоит тысячу рублей.", "ru", "anything"),
        ("Записываю вас на замер. На какой день?", "ru", "word"),
        ("Какой у вас пресс: ручной или электрический?", "ru", "word"),
        ("Хорошо. Назовите, пожалуйста, ваш адрес.", "ru", "parts"),
        ("Как вас зовут?", "ru", "parts"),
        ("Can I help you with anything else?", "en", "anything"),
        ("Which day suits you?", "en", "word"),
        ("Please tell me your phone number.", "en", "parts"),
    ],
)
def test_what_is_expected(said: str, language: str, awaited: str) -> None:
    assert expected(said, language) == awaited


def test_a_word_is_an_answer_where_one_was_asked_for() -> None:
    verdict = completeness("завтра", "ru")

    assert verdict == "open"
    assert tempered(verdict, "завтра", "На какой день?", "ru") == "unsure"
    assert tempered(verdict, "завтра", "Чем могу помочь?", "ru") == "open"
    assert tempered(completeness("мне нужна", "ru"), "мне нужна", "На какой день?", "ru") == "open"


def test_an_address_may_go_on() -> None:
    assert tempered("complete", "новосибирск", "Назовите адрес доставки.", "ru") == "unsure"
    assert tempered("open", "ленина дом", "Назовите адрес доставки.", "ru") == "open"
    assert tempered("complete", "да", "Это ваш адрес?", "ru") == "complete"


@given(st.text(), st.text(), st.sampled_from(["ru", "en"]))
def test_any_words_may_follow_any(said: str, text: str, language: str) -> None:
    assert tempered("unsure", text, said, language) == "unsure"
