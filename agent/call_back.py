"""When a caller wants to be called: what a model wrote of it, read and checked. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

MINUTES_MOST = 24 * 60
"""The latest time from now, minutes."""
ABOUT_MOST = 120
"""Longest subject, characters."""
PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "minutes": {"type": "integer", "description": "In how many minutes, where the caller said how long"},
        "time": {"type": "string", "description": "At what time, as 18:30, where the caller said when"},
        "about": {"type": "string", "description": "What about, in two to six words without numbers"},
    },
}
"""What the tool takes where its file does not say."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A call-back that a caller wants."""

    due: datetime
    about: str
    """What about; may be empty."""

    def words(self, now: datetime) -> str:
        """When, for the model that tells the caller."""
        minutes = round((self.due - now).total_seconds() / 60)
        day = "" if self.due.date() == now.date() else " tomorrow"
        return f"at {self.due:%H:%M}{day}, in {minutes} minutes"


def read_wish(arguments: Mapping[str, Any], now: datetime) -> Wish:
    """Arguments of the tool, held against the local time; raises ``ValueError`` with words for the model."""
    minutes, time = arguments.get("minutes"), str(arguments.get("time") or "")
    if (minutes is None) == (not time):
        raise ValueError("give minutes or time, one of them; ask the caller when")
    about = " ".join(str(arguments.get("about") or "").split()).strip(" .!?")
    if len(about) > ABOUT_MOST or re.search(r"[\d{}<>]", about):
        raise ValueError(f"about must be short words without numbers, {ABOUT_MOST} characters at most")
    if minutes is not None:
        if not isinstance(minutes, int) or not 1 <= minutes <= MINUTES_MOST:
            raise ValueError(f"minutes must be 1 to {MINUTES_MOST}")
        return Wish(now + timedelta(minutes=minutes), about)
    return Wish(_next(time, now), about)


def _next(time: str, now: datetime) -> datetime:
    """When it is this time next, today or tomorrow."""
    found = re.fullmatch(r"(\d{1,2})[:.](\d{2})", time.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError("time must be hours and minutes, such as 18:30")
    due = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    return due if due > now else due + timedelta(days=1)
