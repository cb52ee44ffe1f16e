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
    assert tempered("unsure", text, said, language) in {"unsure", "open"}


@pytest.mark.parametrize(
    ("text", "language", "verdict"),
    [
        ("какая гарантия на пресс", "ru", "complete"),
        ("мы вам перевели пятьдесят процентов", "ru", "open"),
        ("у нас горит красная лампа", "ru", "open"),
        ("я разговаривал с вашим менеджером", "ru", "open"),
        ("запишите адрес улица ленина", "ru", "open"),
        ("выставьте счёт на на компанию", "ru", "open"),
        ("нам нужен инженер", "ru", "unsure"),
        ("пришлите счёт на почту", "ru", "complete"),
        ("i spoke to somebody called anna", "en", "open"),
        ("my car has a flat tyre", "en", "open"),
        ("could you tell me when when the engineer", "en", "open"),
        ("how much does the press cost", "en", "complete"),
        ("send me a price list", "en", "complete"),
    ],
)
def test_who_only_tells_is_given_time(text: str, language: str, verdict: str) -> None:
    assert tempered(completeness(text, language), text, "", language) == verdict


def test_what_is_told_is_an_answer_where_one_was_asked_for() -> None:
    text = "мы вам перевели пятьдесят процентов"

    assert tempered(completeness(text, "ru"), text, "Чем могу помочь?", "ru") == "open"
    assert tempered(completeness(text, "ru"), text, "Вы уже оплатили заказ?", "ru") != "open"


@pytest.mark.parametrize(("text", "language"), [("да", "ru"), ("а да", "ru"), ("ну нет", "ru"), ("yes", "en")])
def test_a_bare_yes_to_no_question_is_how_somebody_begins(text: str, language: str) -> None:
    asked = {"ru": "Это ваш адрес?", "en": "Is that your address?"}[language]

    assert tempered(completeness(text, language), text, "", language) == "open"
    assert tempered(completeness(text, language), text, asked, language) == "complete"


@pytest.mark.parametrize(
    ("text", "language"), [("номер заказа", "ru"), ("serial number", "en"), ("invoice number", "en")]
)
def test_a_number_that_is_announced_is_waited_for(text: str, language: str) -> None:
    assert tempered(completeness(text, language), text, "", language) == "open"


def test_who_will_think_it_over_may_go_on() -> None:
    assert tempered(completeness("я подумаю", "ru"), "я подумаю", "", "ru") == "open"
