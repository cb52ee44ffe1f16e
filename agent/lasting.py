"""Legs that outlive the process that held them: what a line tells of them, and who takes them up again.

A line tells where its leg is to be found as soon as it has one, and again whenever that changes; the house keeps it on
the disk. The next process hands it back to the source of the line, which looks for the leg.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from agent.ports import CallerInfo

Leg = Mapping[str, Any]
"""Where a leg is to be found, in the line's own words; fit for JSON."""


@dataclass(frozen=True, slots=True)
class Left:
    """A call that was in progress when the last process ended."""

    caller: CallerInfo
    """As the line described it then."""
    leg: Leg
    unheard_s: float = 0.0
    """How long nobody has listened by now, seconds."""


@runtime_checkable
class Lasting(Protocol):
    """A line whose leg stays up when this process dies."""

    def keep(self, tell: Callable[[Leg], None]) -> None:
        """Before ``answer``: give ``tell``, which does not block, the leg from the answer on, each time it changes."""


@runtime_checkable
class Adopting(Protocol):
    """A source that can take up legs of an earlier process."""

    def expect(self, left: Sequence[Left], lost: Callable[[str], None]) -> None:
        """Before ``run``: look for these legs.

        Each that is found rings at the door, without being asked whether there is room, as a line with the
        ``CallerInfo`` that it had; for each other one ``lost`` is called with its call's id, once.
        """
