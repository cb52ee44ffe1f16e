"""How long a caller has waited for an answer, counted in their own audio. Pure."""

from typing import Literal

FILLER_MS = 900
"""Silence of a reply under way that a short «секундочку» ends, milliseconds."""
STALLED_MS = 3500
"""No answer for so long after the caller's last word, fillers not counted: something hangs. Milliseconds; the caller
hears of it within 4 s."""


class DeadAir:
    """Watches one call for answers that don't come."""

    def __init__(self, rate: int) -> None:
        """``rate``: samples a second."""
        self._filler = FILLER_MS * rate // 1000
        self._stalled = STALLED_MS * rate // 1000
        self._waited = self._before = 0
        self._asked = False
        self._filled_to: int | None = None

    def ended(self, before: int) -> None:
        """A turn ended ``before`` samples ago: the reply that is begun now is waited for since then."""
        self._before = before

    def push(self, samples: int, waiting: bool, audible: bool, pushed: int) -> Literal["filler", "stalled", ""]:
        """Take a frame.

        ``waiting``: a reply is being made; ``audible``: the agent is heard; ``pushed``: samples given to the mouth.
        """
        filling = self._filled_to is not None and pushed <= self._filled_to
        if not waiting or (audible and not filling):
            self._before = 0 if self._waited or audible else self._before
            self._waited, self._asked, self._filled_to = 0, False, None
            return ""
        self._waited += samples
        if self._waited + self._before >= self._stalled:
            self._waited = self._before = 0
            return "stalled"
        if self._waited >= self._filler and not self._asked:
            self._asked = True
            return "filler"
        return ""

    def filled(self, pushed: int) -> None:
        """A filler was said; the mouth was given ``pushed`` samples up to its end."""
        self._filled_to = pushed
