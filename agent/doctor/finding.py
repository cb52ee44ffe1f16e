"""What the doctor found."""

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``allo doctor``."""

    check: str
    """What was looked at."""
    state: Literal["ok", "warning", "fault"]
    """With a fault the daemon does not start or calls go wrong."""
    result: str
    """What was found; no secrets."""
    advice: str = ""
    """What to do; empty when nothing, or when the result says it."""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def fine(check: str, result: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", result)


def poor(check: str, result: str, advice: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding(check, "warning", result, advice)


def bad(check: str, result: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(check, "fault", result, advice)
