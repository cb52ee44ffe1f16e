"""Which words are counted as lost."""

from bench.turns.words import canonical


def test_fillers_and_spellings_are_no_errors() -> None:
    assert canonical("Эээ, ещё да-да", "ru") == ["еще", "да", "да"]
