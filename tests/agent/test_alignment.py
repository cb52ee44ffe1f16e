"""Which written words were said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.language.alignment import alignment, said
from agent.language.verbalise import verbalise


def heard(written: str, words: int, language: str = "ru") -> str:
    """What of ``written`` is said after so many words of the voice."""
    spoken = verbalise(written, language)
    reached = len(" ".join(spoken.split(" ")[:words]))
    return written[: said(written, spoken, reached)]


@pytest.mark.parametrize(
    ("written", "words", "text"),
    [
        ("Цена 5 кН, срок 24 месяца.", 0, ""),
        ("Цена 5 кН, срок 24 месяца.", 1, "Цена"),
        ("Цена 5 кН, срок 24 месяца.", 2, "Цена"),  # «пять», the unit is still to come
        ("Цена 5 кН, срок 24 месяца.", 3, "Цена 5 кН,"),
        ("Цена 5 кН, срок 24 месяца.", 5, "Цена 5 кН, срок"),
        ("Цена 5 кН, срок 24 месяца.", 6, "Цена 5 кН, срок 24"),
        ("Цена 5 кН, срок 24 месяца.", 7, "Цена 5 кН, срок 24 месяца."),
        ("Да — это «всё».", 1, "Да"),
        ("Да — это «всё».", 3, "Да — это"),
        ("Звоните: +7 812 555-01-01, доб. 12.", 2, "Звоните:"),
        ("Гарантия на машину два года", 3, "Гарантия на машину"),
    ],
)
def test_a_number_is_said_when_all_of_its_words_are(written: str, words: int, text: str) -> None:
    assert heard(written, words) == text


def test_english() -> None:
    assert heard("It costs $9,800 with delivery.", 2, "en") == "It costs"
    assert heard("It costs $9,800 with delivery.", 7, "en") == "It costs $9,800"


def test_half_a_word_is_not_said() -> None:
    assert said("раз два", "раз два", 5) == len("раз")
    assert said("раз два", "раз два", 0) == 0


SENTENCES = st.lists(
    st.sampled_from(
        ["цена", "5 кН,", "от", "до 500 мм/мин", "1 450 000 рублей", "—", "«да»", "ГОСТ 28840-90", "два", "два"]
    ),
    min_size=1,
).map(" ".join)


@given(SENTENCES)
def test_pairs_rise_and_end_with_both_texts(written: str) -> None:
    spoken = verbalise(written, "ru")
    pairs = alignment(written, spoken)
    assert list(pairs) == sorted(pairs)
    ends = [said(written, spoken, reached) for reached in range(len(spoken) + 1)]
    assert ends == sorted(ends)
    assert written[ends[-1] :].strip(" —") == ""


@given(st.text(), st.text())
def test_any_texts_can_be_aligned(written: str, spoken: str) -> None:
    assert all(0 <= said(written, spoken, reached) <= len(written) for reached in range(len(spoken) + 1))
