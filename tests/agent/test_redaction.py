"""What callers tell of themselves does not stay in the record; what they ask does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.events import AgentSaid, CallEnded, CallerSaid, CallEvent, CallStarted, Noted
from agent.ports import CallerInfo
from agent.record.redaction import Redaction, find, redacted

SPOKEN = "восемь девятьсот двенадцать триста сорок пять шестьдесят семь восемьдесят девять"
RUSSIAN = [
    (
        "мой телефон восемь девятьсот двенадцать триста сорок пять шестьдесят семь восемьдесят девять",
        "мой телефон [телефон]",
    ),
    (
        "запишите двести двадцать тридцать шестьдесят один номер",
        "запишите двести двадцать тридцать шестьдесят один номер",
    ),
    ("перезвоните по номеру 220-30-61", "перезвоните по номеру [телефон]"),
    ("8 (916) 123-45-67 это мой", "[телефон] это мой"),
    ("4111 1111 1111 1111 и срок 12/27", "[карта] и срок 12/27"),
    ("карта четыре два семь шесть пятьдесят пять ноль ноль тысяча двести тридцать четыре", "карта [карта]"),
    ("паспорт сорок пять ноль восемь сто двадцать три четыреста пятьдесят шесть", "паспорт [паспорт]"),
    ("снилс 112-233-445 95", "снилс [СНИЛС]"),
    ("112 233 445 95", "[СНИЛС]"),
    ("инн семь семь ноль семь ноль восемь три восемь девять три", "инн [ИНН]"),
    ("500100732259", "[ИНН]"),
    ("пароль один два три четыре", "пароль [код]"),
    ("пишите на иванов собака мейл точка ру", "пишите на [почта]"),
    ("мой адрес ivan.petrov@example.com спасибо", "мой адрес [почта] спасибо"),
    ("меня зовут анна петровна я хочу узнать про твердомер", "меня зовут [имя] [имя] я хочу узнать про твердомер"),
    ("это вера звоню по поводу заказа", "это [имя] звоню по поводу заказа"),
    ("соедините с ольгой пожалуйста", "соедините с [имя] пожалуйста"),
]
KEPT = [
    "сколько стоит пресс на сто килоньютон",
    "пресс за один миллион девятьсот тысяч рублей",
    "с девяти до восемнадцати часов",
    "с девяти тридцати до восемнадцати тридцати",
    "номер заказа сто двадцать",
    "доставка до владимира сколько стоит",
    "машина рм пять и рм пятьдесят",
    "сто миллиардов рублей",
    "температура от минус шестидесяти до плюс трёхсот",
]
ENGLISH = [
    ("my number is oh two oh one one three four nine six oh one", "my number is [phone]"),
    ("my name is David Miller and I need a press", "my name is [name] [name] and I need a press"),
    ("the card is 4111 1111 1111 1111", "the card is [card]"),
    ("write to info at gauge dot com", "write to [e-mail]"),
    ("a press for three hundred kilonewtons", "a press for three hundred kilonewtons"),
]


@pytest.mark.parametrize(("said", "kept"), RUSSIAN)
def test_what_a_russian_caller_tells_is_taken_out(said: str, kept: str) -> None:
    assert Redaction("ru").caller(said) == kept


@pytest.mark.parametrize("said", KEPT)
def test_what_is_asked_stays(said: str) -> None:
    assert Redaction("ru").caller(said) == said


@pytest.mark.parametrize(("said", "kept"), ENGLISH)
def test_what_an_english_caller_tells_is_taken_out(said: str, kept: str) -> None:
    assert Redaction("en").caller(said) == kept


def test_the_agent_repeats_what_it_was_told() -> None:
    call = Redaction("ru")
    call.caller(f"меня зовут анна петровна телефон {SPOKEN}")
    said = "Анна Петровна, перезвоним на 8 912 345-67-89. Наш телефон 8 000 555-01-27."
    assert call.agent(said) == "[имя] [имя], перезвоним на [телефон]. Наш телефон 8 000 555-01-27."


def test_the_house_says_its_own_numbers() -> None:
    said = "Наш телефон 8 000 555-01-27, пишите Ольге."
    assert Redaction("ru").agent(said) == said


@given(st.text(alphabet=st.sampled_from("0123456789 -+()абвя карта тысяча сто два зовут @."), max_size=60))
def test_any_text_is_taken(text: str) -> None:
    secrets = list(find(text, "ru"))
    assert all(0 <= one.start < one.end <= len(text) for one in secrets)
    assert all(one.end <= other.start for one, other in pairwise(secrets))
    Redaction("ru").caller(text)


def test_an_observer_is_told_no_secrets_and_every_event() -> None:
    told: list[CallEvent] = []
    observe = redacted(lambda _id, event: told.append(event), "ru")
    caller = CallerInfo("one", "sip", "+79161234567", "100", 8000)
    observe("one", CallStarted(caller))
    observe("one", CallerSaid(1, "карта 4111 1111 1111 1111", 0, {"speech_end": 1}))
    observe("one", AgentSaid(1, "Карта 4111 1111 1111 1111, верно?", "Карта 4111 1111", False, ""))
    observe("one", Noted("dtmf", "7"))
    observe("one", CallEnded("completed", "caller"))
    assert told == [
        CallStarted(caller),
        CallerSaid(1, "карта [карта]", 0, {"speech_end": 1}),
        AgentSaid(1, "Карта [карта], верно?", "Карта [карта]", False, ""),
        Noted("dtmf", ""),
        CallEnded("completed", "caller"),
    ]
