"""Where sentences end, and that the cutting of the stream doesn't matter."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sentences import FIRST, LONGEST, SentenceCutter


def cut(*pieces: str) -> list[str]:
    cutter = SentenceCutter()
    out = [sentence for piece in pieces for sentence in cutter.feed(piece)]
    return out + cutter.flush()


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Да. Мы работаем до 18:00.", ["Да.", "Мы работаем до 18:00."]),
        ("Скорость 5.5 мм/с. Ход 600 мм.", ["Скорость 5.5 мм/с.", "Ход 600 мм."]),
        ("Скорость 0,5 мм/с.", ["Скорость 0,5 мм/с."]),
        ("Москва, ул. Станочная, д. 40. Вход со двора.", ["Москва, ул. Станочная, д. 40.", "Вход со двора."]),
        ("Это 950 руб. Цена с НДС.", ["Это 950 руб.", "Цена с НДС."]),
        ("Это 950 руб. за штуку.", ["Это 950 руб. за штуку."]),
        ("Гарантия два года, т. е. 24 месяца.", ["Гарантия два года, т. е. 24 месяца."]),
        ("Датчики, захваты и т. д. Всё есть.", ["Датчики, захваты и т. д.", "Всё есть."]),
        ("Нужно 220 В. Частота 50 Гц. Ток 5 А.", ["Нужно 220 В.", "Частота 50 Гц.", "Ток 5 А."]),
        ("Работаем с 1998 г. Завод в Твери.", ["Работаем с 1998 г.", "Завод в Твери."]),
        ("Спросите И. П. Петрова. Он знает.", ["Спросите И. П. Петрова.", "Он знает."]),
        ("Пишите на info@mera.example. Ответим.", ["Пишите на info@mera.example.", "Ответим."]),
        ("Правда?! Да… Конечно!", ["Правда?!", "Да…", "Конечно!"]),
        ("Первое.|Второе|Третье", ["Первое.", "Второе", "Третье"]),
        ("Раз\nДва\n\nТри", ["Раз", "Два", "Три"]),
        ("1. Нажмите «Пуск». 2. Ждите.", ["1. Нажмите «Пуск».", "2. Ждите."]),
        ("Он сказал: «Готово.» Потом ушёл.", ["Он сказал: «Готово.»", "Потом ушёл."]),
        ("We open at 9 a.m. on Monday. Dr. Smith is in.", ["We open at 9 a.m. on Monday.", "Dr. Smith is in."]),
        ("Use e.g. the NG-5. It is small.", ["Use e.g. the NG-5.", "It is small."]),
        (" … | . ", []),
        ("", []),
    ],
)
def test_ends_of_sentences(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


def test_a_sentence_leaves_as_soon_as_the_next_begins() -> None:
    cutter = SentenceCutter()
    assert cutter.feed("Мы работаем до 18") == []
    assert cutter.feed(".") == []
    assert cutter.feed(" О") == ["Мы работаем до 18."]
    assert cutter.feed("бед с 13|") == ["Обед с 13"]


def test_questions_and_bars_need_no_more_than_themselves_and_a_space() -> None:
    cutter = SentenceCutter()
    assert cutter.feed("Какая модель? ") == ["Какая модель?"]
    assert cutter.feed("РМ-5|") == ["РМ-5"]


def test_long_sentences_are_cut_at_commas_and_the_first_one_earlier() -> None:
    clause = "машина на сто килоньютонов с датчиком силы и захватами"
    parts = cut(", ".join([clause] * 12))
    assert len(parts[0]) <= FIRST
    assert all(len(part) <= LONGEST for part in parts)
    assert all(part.endswith(",") for part in parts[:-1])
    assert " ".join(parts).split() == ", ".join([clause] * 12).split()


def test_a_stream_without_any_mark_is_cut_between_words() -> None:
    parts = cut("слово " * 100)
    assert all(len(part) <= LONGEST for part in parts)
    assert " ".join(parts).split() == ["слово"] * 100


TEXT = st.text(alphabet="аб вГ1,.!?…|\n»«-Яут руб", max_size=400)


@given(TEXT, st.lists(st.integers(0, 400), max_size=12))
def test_any_cutting_of_the_stream_gives_the_same_sentences(text: str, places: list[int]) -> None:
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    assert cut(*pieces) == cut(text) == cut(*text)


@given(TEXT)
def test_nothing_that_can_be_said_is_lost_or_invented(text: str) -> None:
    said = "".join(char for char in "".join(cut(text)) if char.isalnum())
    assert said == "".join(char for char in text if char.isalnum())


@given(st.lists(st.text(alphabet="абвгд", min_size=1, max_size=12), max_size=80))
def test_words_stay_whole(words: list[str]) -> None:
    assert " ".join(cut(" ".join(words))).split() == words
