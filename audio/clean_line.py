"""Proof that a line is without echo, so that nobody needs to look for one."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_UNIT = np.float32(1.0 / 32768.0)
_SPAN = 16
"""Frames that are looked at together for proof that nothing comes back at all, 320 ms."""
_KEEPS = 0.85
"""How much of that proof is still there a span later: half of it after 1.4 s of playing."""
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
        self._size, self._parts, self._least = size, parts, least
        self._near: list[bytes] = []
        self._far: list[bytes] = []
        self._played = np.zeros(self._parts - 1 + _SPAN, np.float32)
        """Mean power of what was played, a number a frame, the newest last."""
        self._delayed = sliding_window_view(self._played, _SPAN)
        self._quiet = np.zeros(parts, np.float32)
        self._loud = np.zeros(parts, np.float32)
        self._hush = 0.0
        """What was heard in the quiet frames."""
        self.stands = False
        """There is proof."""

    @property
    def sure(self) -> int:
        """For so many more frames the proof stands, whatever they hold."""
        return _SPAN - 1 - len(self._near) if self.stands else 0

    def push(self, near: bytes, far: bytes) -> bool:
        """Note a frame of both sides; True while there is proof."""
        self._near.append(near)
        self._far.append(far)
        if len(self._near) == _SPAN:
            self._weigh()
        return self.stands

    def _weigh(self) -> None:
        powers = self._powers(self._far + self._near)
        heard = powers[_SPAN:]
        self._far.clear()
        self._near.clear()
        self._played[: self._parts - 1] = self._played[_SPAN:]
        self._played[self._parts - 1 :] = powers[:_SPAN]
        quiet = heard < self._least
        self._quiet *= _KEEPS
        self._quiet += self._delayed @ quiet.astype(np.float32)
        self._loud *= _KEEPS
        if not quiet.all():  # else they add nothing
            self._loud += self._delayed @ (~quiet).astype(np.float32)
            heard = heard[quiet]
        self._hush = self._hush * _KEEPS + float(np.maximum(heard, _HUSH).sum())
        if bool((self._loud > self._quiet).any()):
            self.stands = False
        elif self._hush < _NO_ECHO * float(self._quiet.min()):
            self.stands = True

    def _powers(self, frames: list[bytes]) -> Floats:
        """Mean power of each of the frames."""
        samples = np.frombuffer(b"".join(frames), dtype="<i2").astype(np.float32).reshape(-1, self._size)
        return np.asarray(np.einsum("pk,pk->p", samples, samples) * (_UNIT**2 / self._size))
