"""The audio of one call over a modem's PCM port. Pure: bytes come in, bytes go out by a callable.

The modem's clock is the call's clock. For each block that comes in one goes out, so the modem's buffer stays where the
blocks given in advance put it: neither starved nor overfilled, whatever the two crystals think of 20 ms. Where blocks
come several at once (a modem that gives 100 ms at a time, a machine that was busy) more are given in advance. Our own
clock only watches: what does not come is replaced by silence, so that the conversation's time goes on.
"""

from collections.abc import Callable

from audio.frame import frame_bytes
from telephony.inbox import Inbox
from telephony.rtp_mouth import RtpMouth

AHEAD, AHEAD_MOST = 2, 5
"""Blocks given to the modem in advance, 20 ms each, at first and at most: what our side may be late. As many as ever
came at once, and one more."""
LATE = 10
"""So long without audio and silence stands in for it, ticks of 20 ms; what comes later than that is dropped."""
DEAD = 150
"""So long without audio, or without any taken, and something is broken, ticks of 20 ms."""
FULL = 8
"""With so many blocks waiting in the port the modem does not take what it is given: nothing more is sent."""


class ModemAudio:
    """Between the PCM port and the line. ``broken`` is called once, with ``deaf`` or ``dumb``, when a side is dead."""

    def __init__(
        self,
        rate: int,
        inbox: Inbox,
        write: Callable[[bytes], None],
        waiting: Callable[[], int],
        broken: Callable[[str], None],
    ) -> None:
        """``waiting`` tells how many bytes the port has not taken yet."""
        self.mouth = RtpMouth(rate)
        self._inbox, self._write, self._waiting, self._broken = inbox, write, waiting, broken
        self._size = frame_bytes(rate)
        self._silence = bytes(self._size)
        self._odd = b""
        self.ahead = self._wanted = AHEAD
        """Blocks given in advance so far."""
        self._owed = AHEAD * self._size
        self._ticks = self._quiet = self._deaf = self._stuck = 0
        self._since_byte = 0
        self._given = 0
        self._told = False
        self.on = False
        """Whether the modem was told to give audio: from then on it must."""
        self._heard = self._dropped = 0
        self.filled = self.held_back = 0
        """Silent blocks put in for missing ones; blocks not sent because the port was full."""

    @property
    def frames(self) -> int:
        """Blocks heard."""
        return self._heard // self._size

    @property
    def late(self) -> int:
        """Blocks dropped because they came too late."""
        return self._dropped // self._size

    def hear(self, data: bytes) -> None:
        """What the port gave, any number of bytes."""
        if self._odd and self._since_byte >= 2:
            self._odd = b""  # the other half of that sample was lost: without this all that follows would be noise
        self._since_byte = self._quiet = self._deaf = 0
        data = self._odd + data
        even = len(data) - len(data) % 2
        if even >= self._wanted * self._size:
            self._wanted = min(even // self._size + 1, AHEAD_MOST)
        self._odd = data[even:]
        if self._is_late():
            self._dropped += even
        else:
            self._owed += even
            self._given += even
            self._heard += even
            self._inbox.put_audio(data[:even])
        self._speak()

    def tick(self, periods: int) -> None:
        """Our own clock: ``periods`` times 20 ms have passed."""
        self._ticks += periods
        self._since_byte += periods
        self._quiet += periods
        self._deaf += periods if self.on else 0
        if self._quiet > LATE:
            self.filled += periods
            self._given += periods * self._size
            self._inbox.put_audio(self._silence * periods)
            self._owed += periods * self._size
            self._speak()  # it may hear although it says nothing
        if self._deaf >= DEAD:
            self._tell("deaf")
        elif self._stuck >= DEAD:
            self._tell("dumb")

    def _is_late(self) -> bool:
        """Silence stood in for this already: it would make the call longer than it is."""
        return self.filled > self.late and self._given > (self._ticks + LATE) * self._size

    def _speak(self) -> None:
        if self._wanted > self.ahead and not self.mouth.queued:  # between two words, where a pause more is not heard
            self._owed += (self._wanted - self.ahead) * self._size
            self.ahead = self._wanted
        while self._owed >= self._size:
            self._owed -= self._size
            if self._waiting() >= FULL * self._size:
                self._stuck += 1
                self.held_back += 1
            else:
                self._stuck = 0
                self._write(self.mouth.take() or self._silence)

    def _tell(self, what: str) -> None:
        if not self._told:
            self._told = True
            self._broken(what)
