"""What words may stand for, how they sound, and what a follow-up leans on."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import StartError
from agent.ports import Exchange
from kb.followups import Subject, lean
from kb.ingest import cut
from kb.meanings import Meanings, WordVectors
from kb.retriever import KnowledgeBase, load
from kb.roots import of_one_root
from kb.sounds import Sounds, alike, edits, key
from kb.terms import Terms, user_table

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


@pytest.mark.parametrize(
    ("one", "other", "related"),
    [
        ("парковочн", "парковк", True),
        ("дороговат", "дорог", True),
        ("контактн", "контракт", False),
        ("кран", "кра", False),
    ],
)
def test_words_of_one_root_begin_alike(one: str, other: str, *, related: bool) -> None:
    assert bool(of_one_root(one, other)) is related
    assert of_one_root(one, other) == of_one_root(other, one) < 1


async def test_a_word_of_the_same_root_is_found_and_a_compound_too() -> None:
    assert (await base().search("складской"))[0].heading == "Склад"
    assert (await base().search("видеоэкстензометр"))[0].heading == "Экстензометры"


async def test_the_name_of_a_town_asks_for_towns() -> None:
    towns = KnowledgeBase(
        cut("# Филиалы\nВ другие города ездит инженер.\n<<->>\n# Цены\nПресс.\n", "general"), RU, 3, 0.3
    )
    found = (await towns.search("инженер поедет в мурманск"))[0]
    assert found.heading == "Филиалы"
    assert RU.places("сколько стоит доставка в самару") == {"самар"}
    assert not RU.places("сколько стоит пресс")


async def test_a_section_without_what_is_asked_for_is_less_likely() -> None:
    texts = "# Твердомер\nТвердомер меряет твёрдость.\n<<->>\n# Твердомер, стоимость\nТвердомер: 145 000 рублей.\n"
    shop = KnowledgeBase(cut(texts, "general"), RU, 3, 0.3)
    assert (await shop.search("какие деньги за твердомер"))[0].heading == "Твердомер, стоимость"


async def test_one_word_of_several_is_less_sure() -> None:
    alone, with_another = await base().search("машина погода"), await base().search("разрывная машина")
    assert alone[0].heading == with_another[0].heading
    assert alone[0].score < with_another[0].score / 2


async def test_words_of_other_things_are_taken_for_nothing_else() -> None:
    other, ours = await base().search("разрывная машина программисту"), await base().search("разрывная машина мокрая")
    assert other[0].score < ours[0].score
    barber = KnowledgeBase(
        cut("# Собака\nСобаку подстрижём за час.\n<<->>\n# Кошка\nКошку нет.\n", "general"), RU, 3, 0.3
    )
    assert (await barber.search("подстричь собаку"))[0].score > 0.5  # unless the texts speak of them


def test_common_words_tell_less_than_rare_ones() -> None:
    vectors = WordVectors.load("ru")
    assert vectors is not None
    assert vectors.telling("год") < vectors.telling("договор") < vectors.telling("твердомер") == 1


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


def test_a_user_adds_words_to_the_search(tmp_path: Path) -> None:
    own = user_table(tmp_path, "ru")
    own.write_text('same = ["цена ценуха"]\nnear = ["хреновина : машина"]\nstop = "братан"\n', encoding="utf-8")
    terms = Terms("ru", own)
    assert terms("братан какая ценуха") == terms("стоимость") == RU("стоимость")
    assert RU("машина")[0] in terms.near["хреновин"]
    assert terms.checksum != RU.checksum == Terms("ru", tmp_path / "absent.toml").checksum


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('sam = ["а б"]', "there is no table 'sam'"),
        ('same = "а б"', "same must be a list of rows"),
        ("same = [5]", "each row of same must be one text of words"),
        ('stop = ["а"]', "stop must be one text of words"),
        ('rewrite = [["(а", "б"]]', "rewrite has a row that can't be used"),
        ("same = [", "not valid TOML"),
    ],
)
def test_a_users_search_table_of_no_use_is_named(tmp_path: Path, text: str, says: str) -> None:
    own = tmp_path / "search_ru.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(StartError, match=r"search_ru\.toml.*" + re.escape(says)):
        Terms("ru", own)


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
