"""Who may ring: a block list, and how often in an hour. Pure; told what time it is."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Literal

from agent.memory import key_of
from agent.settings import Limits

HOUR_S = 3600.0
FORGET = 10_000
"""Numbers that are watched, at most; those that rang longest ago are forgotten first."""

Reason = Literal["blocked", "withheld", "too-often", "too-many"]


class Admission:
    """Decides for each caller before anything is answered."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._blocked = [_pattern(number) for number in limits.block]
        self._rang: dict[str, deque[float]] = defaultdict(deque)
        self._all: deque[float] = deque()

    def refuses(self, number: str, now_s: float) -> Reason | None:
        """Why the call of ``number`` is not taken at ``now_s`` (any clock that does not go back); ``None``: it is."""
        plain = _plain(number)
        if any(blocked.fullmatch(plain) for blocked in self._blocked):
            return "blocked"
        key = key_of(number)
        if not key and self._limits.refuse_withheld:
            return "withheld"
        if self._full(self._all, self._limits.per_hour, now_s):
            return "too-many"
        if key and self._full(self._rang[key], self._limits.per_caller_per_hour, now_s):
            return "too-often"
        self._note(key, now_s)
        return None

    def _full(self, rang: deque[float], most: int, now_s: float) -> bool:
        while rang and rang[0] <= now_s - HOUR_S:
            rang.popleft()
        return bool(most) and len(rang) >= most

    def _note(self, key: str, now_s: float) -> None:
        if self._limits.per_hour:
            self._all.append(now_s)
        if key and self._limits.per_caller_per_hour:
            rang = self._rang.pop(key)
            rang.append(now_s)
            self._rang[key] = rang  # now the newest
            for old in self._too_old():
                del self._rang[old]

    def _too_old(self) -> Iterator[str]:
        over = len(self._rang) - FORGET
        return iter(list(self._rang)[:over] if over > 0 else ())


def _pattern(number: str) -> re.Pattern[str]:
    return re.compile(re.escape(_plain(number)).replace(r"\*", ".*"), re.DOTALL)


def _plain(number: str) -> str:
    """``+7 900*`` without what stands between its digits; a name of a SIP user as it is."""
    return number.strip().lower() if re.search(r"[^\W\d_]", number) else re.sub(r"[^\d*]", "", number)
