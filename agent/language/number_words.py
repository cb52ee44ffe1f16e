"""Number words of any language to digits: the walk over a text's words that all languages share."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar


class Placed(Protocol):
    """A word, a number or a sign, and where it stands."""

    @property
    def start(self) -> int:
        """First character, counted in the text."""

    @property
    def end(self) -> int:
        """Character behind the last, counted in the text."""


T = TypeVar("T", bound=Placed)


def replaced(text: str, tokens: Sequence[T], written: Callable[[Sequence[T], int], tuple[str, int] | None]) -> str:
    """``text`` with its numbers in digits; all between them stays as it is.

    ``written``: the number that begins at a token as it is written, and the token behind it; ``None``: none begins.
    """
    said: list[str] = []
    done = at = 0
    while at < len(tokens):
        number = written(tokens, at)
        if number is None:
            at += 1
            continue
        digits, after = number
        said += [text[done : tokens[at].start], digits]
        done, at = tokens[after - 1].end, after
    return "".join([*said, text[done:]])
