"""Counting words that were misheard."""

import pytest

from agent.word_errors import word_errors


@pytest.mark.parametrize(
    ("said", "heard", "count"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a c", 1),
        ("a b c", "a x c", 1),
        ("a b", "a b c", 1),
        ("", "a", 1),
        ("a b", "", 2),
    ],
)
def test_errors_are_the_fewest_changes(said: str, heard: str, count: int) -> None:
    assert word_errors(said.split(), heard.split()) == count
