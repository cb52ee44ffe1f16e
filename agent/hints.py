"""Sounds that may be the beginning of a word: «с» of «стоп» is no voice yet, but no silence.

A detector of voices is sure only at the first vowel, 100 to 200 ms into such a word. So a sound of any kind over the
agent's speech makes the agent hesitate for a moment already, and one in a pause of the caller puts the end of the turn
off. Where it came to nothing over the agent's speech the line is noisy (music, a hum, breath), and the next such sound
has to wait: twice as long each time.
"""

from audio.frame import AudioFrame

LEAST_MS = 80
"""A sound must last this long."""
MOST_MS = 200
"""After this long without a voice it is a noise."""
LONGEST_CONSONANT_MS, CLOSURE_MS = 300, 80
"""A consonant before a voice lasts so long at most; «ск», «ст» close the mouth for a moment on the way to the vowel."""
SHORTEST_S, LONGEST_S = 8, 120
"""How long no sound counts after one that came to nothing."""


class Hints:
    """Which sounds of one call are worth hesitating for."""

    def __init__(self, rate: int) -> None:
        """``rate`` is that of the frames, Hz."""
        per_ms = rate // 1000
        self._least, self._most = LEAST_MS * per_ms, MOST_MS * per_ms
        self._shortest, self._longest = SHORTEST_S * rate, LONGEST_S * rate
        self._wait = self._shortest
        self._after = 0
        self._sounding = False
        self.since = 0
        """Where the present sound began, a position."""

    def push(self, frame: AudioFrame, sound: bool) -> bool:
        """Take a frame that holds no voice; True when it is in a sound that may become one."""
        if sound and not self._sounding:
            self.since = frame.position
        self._sounding = sound
        lasted = frame.end - self.since
        return sound and frame.position >= self._after and lasted >= self._least and self.young(frame, self.since)

    def young(self, frame: AudioFrame, since: int) -> bool:
        """A sound that began at ``since`` may still become a voice."""
        return frame.end - since <= self._most

    def wrong(self, position: int) -> None:
        """It became none, or no word: as long as this caller makes sounds, the agent waits for a voice."""
        self._after = position + self._wait
        self._wait = min(2 * self._wait, self._longest)

    def right(self) -> None:
        """It did."""
        self._wait = self._shortest


class Consonant:
    """A sound in the quiet after speech: perhaps the caller goes on."""

    def __init__(self, rate: int) -> None:
        """``rate`` is that of the frames, Hz."""
        per_ms = rate // 1000
        self._most, self._closure = LONGEST_CONSONANT_MS * per_ms, CLOSURE_MS * per_ms
        self._since = self._until = self._now = 0

    def push(self, frame: AudioFrame, sound: bool) -> None:
        """Take a frame; ``sound``: it holds a sound without a voice."""
        self._now = frame.end
        if not sound:
            return
        if frame.position > self._until + self._closure:
            self._since = frame.position
        self._until = frame.end

    def grace(self, speech_end: int) -> int:
        """Samples by which the end of a turn whose speech ended there is put off; none in silence or its last sound."""
        young = self._now - self._since <= self._most and self._now - self._until <= self._closure
        return self._most if young and self._since > speech_end else 0
