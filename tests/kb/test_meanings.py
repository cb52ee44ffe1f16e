"""What words may stand for, how they sound, and what a follow-up leans on."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ports import Exchange
from kb.followups import Subject, lean
from kb.ingest import cut
from kb.meanings import Meanings, WordVectors
from kb.retriever import KnowledgeBase, load
from kb.sounds import Sounds, alike, edits, key
from kb.terms import Terms

ROOT = Path(__file__).parents[2]
RU = Terms("ru")
TEXTS = (
    "# Цены\nРазрывная машина стоит пять рублей.\n<<->>\n# Для институтов\nИнституту дешевле.\n<<->>\n"
    "# Твердомеры\nТвердомер по Роквеллу.\n<<->>\n# Экстензометры\nНа базе пятьдесят.\n<<->>\n# Склад\nВ Твери.\n"
)


@pytest.mark.parametrize(
    ("one", "other"),
    [("экстензометр", "экстенсометр"), ("прес", "пресс"), ("твёрдомер", "тфирдамер"), ("счет", "щет")],
)
def test_what_sounds_the_same_has_one_key(one: str, other: str) -> None:
    assert key(one.replace("ё", "е")) == key(other)


@given(st.text("абвгд", max_size=8), st.text("абвгд", max_size=8), st.text("абвгд", max_size=8))
def test_edits_are_a_distance(one: str, two: str, three: str) -> None:
    assert edits(one, two) == edits(two, one)
    assert (edits(one, two) == 0) == (one == two)
    assert edits(one, three) <= edits(one, two) + edits(two, three)
    assert alike(one, one) == 1


def test_slips_of_the_ear_find_their_word() -> None:
    sounds = Sounds(["твердомер", "экстензометр", "арматур", "термокамер", "захват"])
    for heard, meant in (("твердометр", "твердомер"), ("экстенсометр", "экстензометр"), ("орматур", "арматур")):
        assert sounds.like(heard)[0][0] == meant
    assert sounds.like("погод") == []
    assert sounds.like("он") == []


def base() -> KnowledgeBase:
    return KnowledgeBase(cut(TEXTS, "general"), RU, 3, 0.3)


async def test_a_misheard_term_is_found_and_the_reason_told() -> None:
    found = (await base().explain("какие твердометры есть")).found[0]
    assert found.passage.heading == "Твердомеры"
    assert any("твердометр~твердомер" in name for name in found.matched)
    assert (await base().search("экстенсометр"))[0].heading == "Экстензометры"


async def test_a_near_word_is_found_with_less_confidence() -> None:
    said, meant = (await base().search("институт"))[0], (await base().search("вуз"))[0]
    assert said.heading == meant.heading == "Для институтов"
    assert said.score > meant.score > 0.3


def test_words_of_other_things_are_foreign() -> None:
    meanings = Meanings(["пресс", "институт"], {}, WordVectors.load("ru"))
    assert meanings.foreign("пенсионер", meanings.of("пенсионер"))
    assert not meanings.foreign("пресс", {})
    assert not meanings.foreign("вуз", {"институт": 0.75})
    assert not meanings.foreign("кххз", {})  # a slip of the recogniser is no word of the language


def test_english_has_no_vectors_and_does_without() -> None:
    assert WordVectors.load("en") is None
    assert Meanings(["press"], {}, None).of("presses") != {}


def test_a_number_takes_the_place_of_a_number() -> None:
    subject = Subject({"цен": 1.0, "100": 1.0, "кн": 1.0})
    wanted = lean({"200": 1.0}, subject, continues=True)
    assert set(wanted) == {"200", "цен", "кн"}
    assert wanted["цен"] < wanted["200"]


def test_a_whole_question_leans_on_nothing() -> None:
    own = {"гарант": 1.0, "датчик": 1.0, "сил": 1.0}
    assert lean(own, Subject({"цен": 1.0}), continues=False) == own
    assert lean(own, None, continues=True) == own


@pytest.mark.parametrize(
    ("text", "continues"),
    [
        ("а в воскресенье", True),
        ("сколько она стоит", True),
        ("а для бетона", True),
        ("сколько стоит доставка", False),
        ("адрес офиса", False),
    ],
)
def test_signs_of_a_continuation(text: str, *, continues: bool) -> None:
    assert RU.signs.continues(text) is continues


async def test_a_subject_lives_over_several_turns() -> None:
    demo = load(ROOT / "kb", "ru", 3, 0.3)
    history = (
        Exchange("сколько стоит доставка по москве", "Доставка по Москве стоит 15 000 рублей."),
        Exchange("а до новосибирска", "Доставка до Новосибирска стоит около 45 000 рублей."),
    )
    found = await demo.search("а бесплатно она бывает", history)
    assert found[0].heading == "Стоимость доставки: сколько стоит доставка"


async def test_the_model_that_an_answer_named_is_what_is_spoken_of() -> None:
    demo = load(ROOT / "kb", "ru", 3, 0.3)
    history = (Exchange("какой у вас пресс самый дешевый", "Самый дешёвый пресс — это ПГ-500."),)
    found = await demo.search("а сколько он весит", history)
    assert "420 кг" in found[0].text
