"""What the page may do with texts: both bases, prompts, settings, what they were before, reported answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from agent.ports import Base

Row = dict[str, Any]
"""Fit for JSON."""


class Bases(Protocol):
    """The texts of the knowledge bases: a base's main file (``""``) and documents beside it, by name. ``language``:
    ``ru``, ``en``, or ``""`` for the one in force.

    Methods raise ``agent.errors.AlloError``, or ``gateways.problems.Problem`` for what the one who asks can mend.
    """

    async def overview(self, language: str = "") -> Row:
        """Each base: its file and its documents."""

    async def read(self, base: Base, document: str, language: str = "") -> str:
        """A text, Markdown."""

    async def save(self, base: Base, document: str, markdown: str, begun: str, language: str = "") -> Row:
        """Write it and rebuild in the background; refused when it is no longer the text with the tag ``begun``."""

    async def remove(self, base: Base, document: str, language: str = "") -> Row:
        """Remove a document and rebuild."""


class Backups(Protocol):
    """Texts as they were before they were changed."""

    async def under(self, name: str) -> list[Row]:
        """Those whose name begins so, newest first."""

    async def read(self, id_: int) -> str | None:
        """One; ``None`` when there is none that may be seen."""

    async def restore(self, id_: int) -> Row | None:
        """Put it in the place of what stands there now, which is kept in its turn."""


class Reports(Protocol):
    """Answers that were wrong, as people say."""

    async def all(self) -> Row:
        """The newest last, and the file that they stand in."""

    async def report(self, wrong: Row) -> Row:
        """Keep one: ``id kb question expected``."""

    async def forget(self, id_: str) -> Row | None:
        """Remove one."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What the agent knows and says."""

    normalise: Callable[[str], str]
    bases: Bases
    search: Callable[[str], Awaitable[Row]]
    """What would be found for a question, and why."""
    progress: Callable[[], Row]
    """How far the index is that is made of changed texts."""
    convert: Callable[[str, bytes], Awaitable[str]]
    """A document, by name and content, to Markdown."""
    prompts: Callable[[], Awaitable[Row]]
    save_prompts: Callable[[Row], Awaitable[Row]]
    settings: Callable[[], Awaitable[Row]]
    save_settings: Callable[[Row], Awaitable[Row]]
    backups: Backups
    reports: Reports
