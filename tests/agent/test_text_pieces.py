import pytest

from agent.backends.text_pieces import pieces


@pytest.mark.parametrize("most", [60, 250])
@pytest.mark.parametrize("text", ["", " ... ", "а" * 700, "слово " * 90, "Раз, два. " * 60, "Да."])
def test_pieces_keep_every_word_and_its_place(text: str, most: int) -> None:
    parts = list(pieces(text, most))
    assert all(0 < len(part) <= most for _, part in parts)
    assert all(text[start : start + len(part)] == part for start, part in parts)
    words = "".join(text.split()) if any(letter.isalnum() for letter in text) else ""
    assert "".join("".join(part.split()) for _, part in parts) == words
