"""What may be spoken on given passages, and what may not."""

import time
from pathlib import Path

import pytest

from agent.grounding import Grounds, grounds_of, instructions
from agent.language.quantities import quantities
from agent.ports import Exchange, Passage, Question
from agent.sentences import SentenceCutter

ROOT = Path(__file__).parents[2]

RU = """Мы работаем с 9:00 до 18:00, в субботу с 10 до 15, обед в 13:30. Пресс ИП-1000М стоит 1 450 000 рублей без НДС.
Усилие от 5 до 100 кН, скорость 0,5–500 мм/мин, погрешность не более ±1 %. Питание 220 В, масса 1,2 т.
Гарантия 24 месяца, доставка 5-7 рабочих дней, основаны 12 марта 1998 года. Телефон +7 (4822) 77-44-01, 8 800 555-35-35.
Размеры 600×800×1900 мм. Рабочая температура от минус 10 до 35 градусов. ГОСТ 28840-90. Выезд инженера 3500 руб/день."""
EN = """We are open from 9 am to 5:30 pm. The press costs £1,450.50 plus VAT, the larger one 12,000 pounds.
The warranty is two years, delivery takes 10 working days. Force up to 250 kN. Call +44 113 496 0000.
About 40 people."""

GROUNDED = """
Мы открыты с девяти до восемнадцати часов. | С девяти утра до шести вечера. | До шести вечера. | С 9 до 18.
| Работаем до 18 часов 00 минут. | Обед в половине второго. | Обед в тринадцать тридцать. | В 13 часов 30 минут.
| В субботу с 10:00 до 15:00. | В субботу с десяти до 15 часов. | Он стоит 1,45 млн рублей.
| Один миллион четыреста пятьдесят тысяч рублей. | Цена 1 млн 450 тыс. руб.
| Миллион четыреста пятьдесят тысяч рублей. | 1450000 ₽ без НДС. | Усилие от пяти до ста килоньютонов.
| До 100 000 ньютонов. | Скорость до 500 мм/мин. | Полмиллиметра — это мало.
| Скорость от 0.5 миллиметра в минуту. | Скорость ноль целых пять десятых миллиметра в минуту.
| Погрешность один процент. | Питание двести двадцать вольт. | 220 В, обычная розетка. | Весит 1200 кг.
| Весит тысячу двести килограммов. | Гарантия два года. | Гарантия двадцать четыре месяца.
| Доставим за пять-семь дней. | До 7 рабочих дней. | Мы работаем с 1998 года.
| Основаны двенадцатого марта 1998 года. | С 12 марта. | Звоните: +7 4822 77-44-01. | Телефон 8 (800) 555-35-35.
| Длина 600 мм, ширина 800 мм, высота 1,9 м. | От минус десяти до тридцати пяти градусов. | По ГОСТ 28840-90.
| Это ИП-1000М. | Выезд стоит 3500 рублей в день. | Один из наших инженеров приедет.
| Я не знаю, соединить с оператором? | Подождите одну минуту. | Во-первых, это быстро. | 1. Мы работаем до 18:00.
| Позвоните в течение дня.
"""
INVENTED = """
Мы работаем до 19:00. | Мы открыты с восьми утра. | Обед в 12:30. | До семи вечера.
| Пресс стоит 1 540 000 рублей. | Он стоит 1,54 млн рублей. | Полтора миллиона рублей. | Стоит 1 450 000 долларов.
| Усилие до 200 кН. | Усилие до 100 МПа. | Усилие 100 тонн. | Скорость до 500 мм/с. | Погрешность 0,5 %.
| Питание 380 В. | Весит 1,2 кг. | Весит 1300 кг. | Гарантия 36 месяцев. | Гарантия 24 года. | Гарантия три года.
| Доставим за 3 дня. | Доставим за две недели. | Работаем с 2001 года. | Основаны 13 марта.
| Основаны двенадцатого апреля. | Звоните: +7 4822 77-44-02. | Телефон 8 800 555-35-36. | Высота 2000 мм.
| До сорока градусов. | По ГОСТ 28840-91. | Это ИП-2000М. | Скидка 10 процентов. | У нас 40 сотрудников.
| Цена указана в долларах. | Двадцать пять моделей.
"""
GROUNDED_EN = """
We open at nine. | From 9:00 to 17:30. | Until half past five. | It costs £1450.50. | Twelve thousand pounds.
| The warranty is 24 months. | Two years of warranty. | It takes ten working days.
| Up to two hundred and fifty kilonewtons. | 250,000 N. | Forty people work here. | Call +44 113 496 0000.
| One of us will call. | £12,000 for the larger one.
"""
INVENTED_EN = """
We open at eight. | Until 6 pm. | It costs £1,540.50. | Thirteen thousand pounds. | $12,000.
| Three years of warranty. | It takes 5 working days. | Up to 300 kN. | Call +44 113 496 0001.
| Twenty-five people. | A 15% discount.
"""


def cases(russian: str, english: str) -> list[tuple[str, str, str]]:
    return [("ru", RU, text.strip()) for text in russian.split("|")] + [
        ("en", EN, text.strip()) for text in english.split("|")
    ]


@pytest.mark.parametrize(("language", "text", "sentence"), cases(GROUNDED, GROUNDED_EN))
def test_what_the_passages_say_may_be_said_however_it_is_written(language: str, text: str, sentence: str) -> None:
    assert Grounds((text,), language).fault(sentence) == ""


@pytest.mark.parametrize(("language", "text", "sentence"), cases(INVENTED, INVENTED_EN))
def test_what_they_do_not_say_may_not(language: str, text: str, sentence: str) -> None:
    assert Grounds((text,), language).fault(sentence) != ""


def test_the_callers_words_count_as_grounds_and_so_do_results_of_tools() -> None:
    asked = Question("мне нужен пресс на двести тонн", (Passage("tech", "Пресс", "Он стоит 5 рублей.", 0.9),))
    grounds = grounds_of(asked, "ru")
    assert grounds.fault("Пресс на 200 тонн стоит пять рублей.") == ""
    assert grounds.fault("Пресс на 300 тонн стоит пять рублей.") == "300"


def test_what_was_answered_before_may_be_said_again() -> None:
    asked = Question("а дороже нет", (), (Exchange("сколько стоит", "Семь рублей.", "И восемь копеек."),))
    assert grounds_of(asked, "ru").fault("Есть за семь рублей 8 копеек.") == ""


def test_the_fault_names_what_was_invented() -> None:
    grounds = Grounds((RU,), "ru")
    assert grounds.fault("Мы работаем до девятнадцати тридцати, до 19:30.") == "19"
    assert grounds.fault("До 19:30.") == "19:30"
    assert grounds.fault("Это ИП-2000М.") == "ип2000м"


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("сто двадцать три", 123, ""), ("две с половиной тысячи рублей", 2500, "rouble"), ("3,5 т", 3500, "mass"),
        ("1 млн 450 тыс. рублей", 1_450_000, "rouble"), ("без номера", None, ""),
        ("в сорока километрах", 40_000, "length"),
        ("9.30", 9.3, ""), ("5 м²", 5, "area"), ("пять квадратных метров", 5, "area"), ("90 км/ч", 25, "length/time"),
    ],
)  # fmt: skip
def test_a_number_and_its_unit(text: str, value: float | None, kind: str) -> None:
    found = [(q.value, q.kind) for q in quantities(text, "ru")]
    assert found == ([] if value is None else [(value, kind)])


SYSTEM = "Ты голосовой помощник фирмы «Мера».\n1. Отвечай только по справке ниже, коротко и просто.\n2. Не выдумывай."


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("Отвечай только по справке ниже.", True),
        ("Мои правила такие: отвечай только по справке ниже, коротко и просто.", True),
        ("Ты — голосовой помощник фирмы Мера.", True),
        ("Я голосовой помощник фирмы «Мера», спрашивайте.", False),
        ("Не выдумывай.", False),
        ("Отвечаю только по справке.", False),
    ],
)
def test_instructions_are_never_read_out(sentence: str, shown: bool) -> None:
    assert instructions(SYSTEM).shown_by(sentence) is shown


def test_a_sentence_costs_next_to_nothing() -> None:
    grounds = Grounds((RU,) * 3, "ru")
    sentences = [
        sentence.replace("е", f"е{' ' * n}", 1)
        for n in range(5)
        for _, _, sentence in cases(GROUNDED + "|" + INVENTED, "")
    ]
    best = float("inf")
    for _ in range(5):
        quantities.cache_clear()
        began = time.perf_counter()
        for sentence in sentences:
            grounds.fault(sentence)
        best = min(best, (time.perf_counter() - began) / len(sentences))
    assert best < 0.0002


@pytest.mark.parametrize(("language", "folder"), [("ru", "kb"), ("en", "kb/en")])
def test_every_sentence_of_the_knowledge_is_grounded_in_its_own_section(language: str, folder: str) -> None:
    wrong, seen = [], 0
    for name in ("general.md", "tech.md"):
        for section in (ROOT / folder / name).read_text(encoding="utf-8").split("<<->>"):
            grounds = Grounds((section,), language)
            for line in section.splitlines():
                cutter = SentenceCutter()
                sentences = cutter.feed(line) + cutter.flush()
                seen += len(sentences)
                wrong += [sentence for sentence in sentences if grounds.fault(sentence)]
    assert wrong == []
    assert seen > 200
