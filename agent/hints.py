"""Sounds that may be the beginning of a word: «с» of «стоп» is no voice yet, but no silence.

A detector of voices is sure only at the first vowel, 100 to 200 ms into such a word. So a sound of any kind over the
agent's speech makes the agent hesitate for a moment already, and one in a pause of the caller puts the end of the turn
off. Where it came to nothing over the agent's speech the line is noisy (music, a hum, breath), and the next such sound
has to wait: twice as long each time.
"""

from collections import deque
from dataclasses import dataclass

from audio.frame import FRAME_MS, AudioFrame
from audio.level import dbfs

LEAST_MS = 80
"""A sound must last this long."""
MOST_MS = 200
"""After this long without a voice it is a noise."""
LONGEST_CONSONANT_MS, CLOSURE_MS = 300, 80
"""A consonant before a voice lasts so long at most; «ск», «ст» close the mouth for a moment on the way to the vowel."""
HUM_MS, LONGEST_HUM_MS, PUT_OFF_MS = 120, 800, 1000
"""«Ммм» with a closed mouth is no voice to every detector: a sound so long in an open pause may be one, and puts the
end of the turn off by so much at most, milliseconds. What sounds for longer is a noise."""
FADE_MEMORY_MS, FADES_APART_MS = 500, 100
"""A voice is compared with its loudest moment of so long, milliseconds, and asked about no more often than that."""
STILL_FADED_MS = 60
"""While it stays so low it is asked about again after so long: the last syllable was not whole the first time."""
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
        if not sound:
            self._sounding = False
            return False
        if not self._sounding:
            self.since = frame.position
        self._sounding = True
        lasted = frame.end - self.since
        return frame.position >= self._after and lasted >= self._least and self.young(frame, self.since)

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


@dataclass(frozen=True, slots=True)
class Fade:
    """The voice dies away: ask what was said so far, it may be all, and an answer may be thought of already."""

    position: int
    """Where it was noticed; the caller is still heard."""


class Fading:
    """Watches how loud the caller is."""

    def __init__(self, drop_db: int) -> None:
        """``drop_db``: so far below the loudest of the last half second a voice dies away; 0: it is not watched."""
        self._drop = drop_db
        self._levels: deque[float] = deque(maxlen=FADE_MEMORY_MS // FRAME_MS)
        self._faded = False
        self._since = 0

    @property
    def watching(self) -> bool:
        """A voice that dies away is wanted to be known."""
        return self._drop > 0

    def push(self, frame: AudioFrame, voice: bool) -> Fade | None:
        """Take a frame; a ``Fade`` where the voice has just fallen so far, and now and then while it stays there."""
        if not self._drop or not voice:
            self._levels.clear()
            return None
        level = dbfs(frame.pcm)
        self._levels.append(level)
        faded, before = level < max(self._levels) - self._drop, self._faded
        self._faded = faded
        apart = STILL_FADED_MS if before else FADES_APART_MS
        if not faded or frame.position - self._since < apart * frame.rate // 1000:
            return None
        self._since = frame.position
        return Fade(frame.end)


class Sounding:
    """Sounds in the quiet after speech: perhaps the caller goes on."""

    def __init__(self, rate: int) -> None:
        """``rate`` is that of the frames, Hz."""
        per_ms = rate // 1000
        self._most, self._closure = LONGEST_CONSONANT_MS * per_ms, CLOSURE_MS * per_ms
        self._hum, self._longest, self._put_off = HUM_MS * per_ms, LONGEST_HUM_MS * per_ms, PUT_OFF_MS * per_ms
        self._since = self._until = self._now = 0
        self._hummed_since = self._hummed_until = 0

    def push(self, frame: AudioFrame, sound: bool) -> None:
        """Take a frame; ``sound``: it holds a sound without a voice."""
        self._now = frame.end
        if not sound:
            return
        if frame.position > self._until + self._closure:
            self._remember()
            self._since = frame.position
        self._until = frame.end

    def grace(self, speech_end: int, *, patient: bool = False) -> int:
        """Samples by which the end of a turn whose speech ended there is put off; none in silence or its last sound.

        ``patient``: more is expected of the caller, so a hum is waited out, too.
        """
        if self._since <= speech_end:
            return 0
        young = self._now - self._since <= self._most and self._now - self._until <= self._closure
        hummed = self._hum_end(speech_end) if patient else 0
        return max(self._most if young else 0, min(hummed - speech_end, self._put_off) if hummed else 0)

    @property
    def _hums(self) -> bool:
        return self._hum <= self._until - self._since <= self._longest

    def _remember(self) -> None:
        """A new sound begins: the first consonant after «ммм» does not take back that there was one."""
        if self._hums:
            self._hummed_since, self._hummed_until = self._since, self._until

    def _hum_end(self, speech_end: int) -> int:
        """Where the last hum since ended; 0: there was none."""
        if self._hums:
            return self._until
        return self._hummed_until if self._hummed_since > speech_end else 0
