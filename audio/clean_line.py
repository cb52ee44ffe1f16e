"""Proof that a line is without echo, so that nobody needs to look for one."""

import numpy as np

from audio.sums import weigh_delays
from audio.sums_by_numpy import SPAN

_KEEPS = 0.85
"""How much of the proof is still there ``SPAN`` frames later: half of it after 1.4 s of playing."""
_NO_ECHO = 2.5e-4
"""What comes back with less than this part of the power that was played (-36 dB) is no echo."""
_HUSH = 2.5e-7
"""Mean power of the quietest line that is believed (-66 dBFS): no quieter one proves more."""


class CleanLine:
    """Proof that nothing of what is played comes back: the near side stays quiet although there was much to hear.

    For each delay that an echo might have, what was played so long before quiet near frames is weighed against what
    was played so long before loud ones. An echo leaves nothing to the quiet ones at its delay. A caller who talks over
    the agent for a while is loud at all delays; for a second, what was there before outweighs that.
    """

    def __init__(self, size: int, parts: int, least: float) -> None:
        """``size``: samples of a frame. ``parts``: delays that an echo may have, frames. ``least``: power of what is
        loud, full scale = 1.
        """
        whole = size * 32768.0**2
        self._limits = least * whole, float(round(_HUSH * whole)), _KEEPS
        self._near: list[bytes] = []
        self._far: list[bytes] = []
        self._played = np.zeros(parts - 1 + SPAN)
        """Squares of what was played, a sum for each frame, the newest last."""
        self._sums = np.zeros((2, parts))
        """What was played before quiet frames, and before loud ones, for each delay."""
        self._heard = 0.0
        """Squares of what was heard in the quiet frames."""
        self.stands = False
        """There is proof."""

    @property
    def sure(self) -> int:
        """For so many more frames the proof stands, whatever they hold."""
        return SPAN - 1 - len(self._near) if self.stands else 0

    def push(self, near: bytes, far: bytes) -> bool:
        """Note a frame of both sides; True while there is proof."""
        self._near.append(near)
        self._far.append(far)
        if len(self._near) == SPAN:
            self._weigh()
        return self.stands

    def _weigh(self) -> None:
        far, near = b"".join(self._far), b"".join(self._near)
        self._far.clear()
        self._near.clear()
        heard, proof = weigh_delays(far, near, self._played, self._sums, self._limits)
        self._heard = self._heard * _KEEPS + heard
        if proof < 0.0:
            self.stands = False
        elif self._heard < _NO_ECHO * proof:
            self.stands = True
