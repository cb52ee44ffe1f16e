"""The Russian dictionary (pymorphy3), read once: 0.1 s and 30 MB, which only Russian needs."""

from functools import cache
from typing import Any


@cache
def dictionary() -> Any:
    """The one ``MorphAnalyzer`` of the process."""
    import pymorphy3  # noqa: PLC0415 - see above

    return pymorphy3.MorphAnalyzer(lang="ru")
