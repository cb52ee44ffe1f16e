"""Counting words that were lost."""

import pytest

from bench.turns.words import canonical, errors


@pytest.mark.parametrize(
    ("wanted", "got", "count"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a c", 1),
        ("a b c", "a x c", 1),
        ("a b", "a b c", 1),
        ("", "a", 1),
        ("a b", "", 2),
    ],
)
def test_errors_are_the_fewest_changes(wanted: str, got: str, count: int) -> None:
    assert errors(wanted.split(), got.split()) == count


def test_fillers_and_spellings_are_no_errors() -> None:
    assert canonical("Эээ, ещё да-да", "ru") == ["еще", "да", "да"]
