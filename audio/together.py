"""How a reader takes frames that came together."""

from collections.abc import Sequence
from typing import Protocol

from audio.frame import AudioFrame


class Together(Protocol):
    """What is asked of a reader before it is given the first of several frames. It may do nothing and say False."""

    def expect(self, pcm: Sequence[bytes]) -> None:
        """The samples of the frames that it will be given next, told while others are told theirs: so that what all of
        them need may be done in one go.
        """

    def take(self, frames: Sequence[AudioFrame]) -> bool:
        """True: it has taken all of these, since nothing hangs on any of them; False: it has taken none."""
