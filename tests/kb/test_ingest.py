"""Markdown to sections."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import StartError
from kb.ingest import LONGEST, OVERLAP, cut, duplicate_headings, load

TWO = "# Цены\n## Прессы\nПресс стоит 5 рублей.\n<<->>\n## Доставка\nВезём всюду.\n<<->>\n# Адрес\nМосква.\n"


def test_headings_are_duplicated_below_themselves() -> None:
    assert duplicate_headings("# Раздел\nТекст\n### Ещё ##") == "# Раздел\nРаздел\nТекст\n### Ещё ##\nЕщё"


def test_duplicating_twice_changes_nothing() -> None:
    once = duplicate_headings(TWO)
    assert duplicate_headings(once) == once


def test_sections_carry_their_heading_path_and_their_text_without_it() -> None:
    sections = cut(TWO, "general")
    assert [section.heading for section in sections] == ["Цены / Прессы", "Цены / Доставка", "Адрес"]
    assert [section.text for section in sections] == ["Пресс стоит 5 рублей.", "Везём всюду.", "Москва."]
    assert sections[2].enriched == "# Адрес\nАдрес\nМосква."


def test_headings_inside_a_block_stay_in_its_text() -> None:
    (section,) = cut("# Раз\nОдин.\n## Два\nЕщё.", "tech")
    assert section.heading == "Раз"
    assert section.text == "Один.\n## Два\nДва\nЕщё."


def test_blocks_without_text_or_headings() -> None:
    assert cut("<<->>\n\n<<->># Пусто\n<<->>", "general") == ()
    (section,) = cut("Просто текст.", "general")
    assert (section.heading, section.text) == ("", "Просто текст.")


def test_long_sections_are_cut_with_some_overlap() -> None:
    sentences = [f"Предложение номер {number} о машине." for number in range(400)]
    sections = cut("# Длинно\n" + " ".join(sentences), "tech")
    assert len(sections) > 3
    assert all(len(section.text) <= LONGEST for section in sections)
    assert all(any(sentence in section.text for section in sections) for sentence in sentences)
    for before, after in pairwise(sections):
        assert after.text[:30] in before.text[-OVERLAP:]


@given(st.text(alphabet="#абв .\n<->", max_size=300))
def test_any_text_can_be_cut(text: str) -> None:
    for section in cut(text, "general"):
        assert section.text.strip()
        assert "<<->>" not in section.text


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    for name, content, says in (
        ("absent.md", None, "can't be read"),
        ("empty.md", b"\n<<->>\n# Only\n", "has no text"),
        ("koi8.md", "Цены на машины".encode("koi8-r"), "not UTF-8"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(StartError, match=rf"{name}.*{says}"):
            load(tmp_path / name, "general")
    (tmp_path / "folder.md").mkdir()
    with pytest.raises(StartError, match=r"folder\.md"):
        load(tmp_path / "folder.md", "general")
