"""Is this 20 ms frame speech? Two stages: a cheap one on every frame, a neural one only while the first says yes.

Stage one is a gate by level, then WebRTC's detector. The gate compares the frame's level with the quietest that this
call was in the last seconds (minimum statistics: R. Martin, "Noise power spectral density estimation", 2001, reduced
to one band), so a steady noise of any level closes it. Stage two is Silero's network (``audio.neural``): it tells
voices from coughs, clicks, keys, music and gusts, which stage one takes for speech. Both go deaf for quiet callers
and are therefore shown the sound at a steady loudness.
"""

import threading
from collections import deque
from collections.abc import Generator, Sequence
from functools import cache

import webrtcvad

from audio import neural
from audio.frame import frame_bytes
from audio.sums import amplified, squares
from audio.voice_check import VoiceCheck

LEAST_DBFS = -58.0
"""Quieter frames are never speech (RMS). The idle noise of A-law lies near -72, a quiet caller's vowels near -52."""
OPEN_DB = 7.0
"""The gate opens this far above the noise floor."""
HOLD_DB = 4.0
"""While there is speech, this far above the floor is enough."""

_WORTH = 2
"""Fewer frames than this, where nothing was heard before them, are heard quicker one by one than told before."""
_SMOOTH = 5
"""Frames averaged before the quietest is taken: single frames of a rough noise dip too deep."""
_SPAN_FRAMES = 15
"""Frames of one minimum, 300 ms."""
_SPANS = 8
"""Minima that make the floor: 2.4 s, longer than people speak without a pause between syllables."""
_TARGET_DBFS = -18.0
"""Loudness that the detector is shown."""
_MOST_GAIN_DB = 30.0
_DECAY_DB = 0.05
"""How fast a loud sound is forgotten, dB a frame (2.5 dB/s)."""
_STEADY_DB = 10.0
"""A frame this far under the loudest may be the end of the speech: the network hears it at once."""

_RATES = (8000, 16000, 32000, 48000)
_FULL_SCALE_SQUARE = 32768.0**2


def _ratio(db: float) -> float:
    return float(10.0 ** (db / 10.0))


_TARGET, _MOST_GAIN = _ratio(_TARGET_DBFS), _ratio(_MOST_GAIN_DB)
_LEAST, _OPEN, _HOLD, _DECAY, _NEAR = map(_ratio, (LEAST_DBFS, OPEN_DB, HOLD_DB, -_DECAY_DB, -_STEADY_DB))


Weighed = tuple[float, bool, bool]
"""Of a frame's level: the gain with which it is shown to the detectors, 0 where the gate is shut; whether it opens
a gate that was shut; whether it is about as loud as the loudest before it."""
Flags = tuple[bool, bool]
"""Of a frame: somebody speaks in it; it is a sound like speech."""
Hears = Generator[neural.Step, float, None]
_CLOSED: Weighed = (0.0, False, False)
_SILENT: Flags = (False, False)


class SpeechDetector:
    """Speech flags for one call; the same frames always give the same flags.

    ``rate`` is 8000 or 16000 Hz (32000 and 48000 work too); the flag of a frame comes with the frame,
    there is no look-ahead. It belongs to the thread that made it. Making one raises ``FileNotFoundError`` when the
    network's file is missing.
    """

    def __init__(self, rate: int) -> None:
        if rate not in _RATES:
            raise ValueError(f"speech can't be detected at {rate} Hz; use one of {_RATES}")
        self._rate = rate
        self._bytes = frame_bytes(rate)
        self._vad = webrtcvad.Vad(2)
        self._full_scale = self._bytes // 2 * _FULL_SCALE_SQUARE
        self._floor = _Floor()
        self._loud = _LEAST
        self._sound = self._stood = False
        self._voice = VoiceCheck(rate)
        self._room = _room(self._bytes, threading.get_ident())
        self._known: deque[Flags] = deque()
        """Of the frames that were told before they were pushed, once they were asked for."""
        self._silent = 0
        """The same, where all of them hold nothing: how many."""
        self._told: Sequence[bytes] = ()
        """Frames whose flags nobody has asked for yet."""

    @property
    def sound(self) -> bool:
        """Stage one took the last frame for speech, whatever stage two says: a consonant, a cough, music."""
        return self._sound

    def push(self, pcm: bytes) -> bool:
        """Take one 20 ms frame of PCM16 mono; True when somebody speaks in it."""
        if self._told:
            self._room.hear()
        if self._silent:
            self._silent -= 1
            self._sound = False
            return False
        if self._known:
            speech, self._sound = self._known.popleft()
            return speech
        if len(pcm) != self._bytes:
            raise ValueError(f"{len(pcm)} bytes are not 20 ms at {self._rate} Hz ({self._bytes} bytes)")
        weighed = self.weigh(squares(pcm, self._bytes)[0])
        if not weighed[0] and self._voice.rests:
            self._sound = self._stood = False
            self._voice.keep(pcm)
            return False
        _run([self.live((pcm,), (weighed,))])
        speech, self._sound = self._known.popleft()
        return speech

    def expect(self, frames: Sequence[bytes]) -> None:
        """Tell that these frames will be pushed next, just so.

        That changes no flag. But what several detectors of a thread were told is heard in one go when the first of
        them is asked, which is cheaper. Nothing, where earlier ones have not all been pushed. Raises ``ValueError``
        for frames of another length.
        """
        for pcm in frames:
            if len(pcm) != self._bytes:
                raise ValueError(f"frames are not 20 ms at {self._rate} Hz ({self._bytes} bytes)")
        few = len(frames) < _WORTH and self._voice.rests
        if frames and not (few or self._told or self._known or self._silent):
            self._told = frames
            self._room.join(self)

    def skip_silence(self, count: int) -> bool:
        """True when the next ``count`` frames that were told hold no sound: then they count as pushed."""
        if self._told:
            self._room.hear()
        if self._silent != count:
            return False
        self._silent = 0
        self._sound = False
        return True

    def tell(self) -> Sequence[bytes]:
        """For the room only: the frames that were told, which are heard now."""
        told, self._told = self._told, ()
        return told

    def weigh(self, square: float) -> Weighed:
        """For the room only: what the level of the next frame says; ``square``: the sum of its samples' squares."""
        power = square / self._full_scale
        floor = self._floor.track(power)
        loud = self._loud * _DECAY
        if power > loud:  # noqa: PLR1730 - ``max`` costs as much as all the rest
            loud = power
        self._loud = loud
        if power <= _LEAST or power <= floor * _HOLD:
            return _CLOSED
        gain = max(1.0, min(_TARGET / loud, _MOST_GAIN)) ** 0.5
        return gain, power > floor * _OPEN, power > loud * _NEAR

    def rest(self, frames: Sequence[bytes]) -> bool:
        """For the room only: True when frames that all came to a shut gate need nothing more."""
        if not self._voice.rests:
            return False
        self._silent, self._stood = len(frames), False
        self._voice.keep_all(frames)
        return True

    def live(self, frames: Sequence[bytes], weighed: Sequence[Weighed]) -> Hears:
        """For the room only: flags of frames that were weighed.

        Yields what the network has to hear, and is sent how much of a voice that is.
        """
        known, voice = self._known, self._voice
        for pcm, (gain, wide, steady) in zip(frames, weighed, strict=True):
            open_ = gain > 0.0 and (wide or self._stood)
            sound = self._stood = open_ and self._sounds(pcm, gain)
            if not sound and voice.rests:
                voice.keep(pcm)
                known.append(_SILENT)
                continue
            if voice.take(pcm, sound):
                yield from voice.listen(gain, steady)
            known.append((voice.conclude(sound), sound))

    def _sounds(self, pcm: bytes, gain: float) -> bool:
        """WebRTC's detector."""
        return bool(self._vad.is_speech(amplified(pcm, gain) if gain > 1.0 else pcm, self._rate))


class _Room:
    """The detectors of one thread for frames of one length: what they are told is heard in one go."""

    def __init__(self, size: int) -> None:
        self._size = size
        """Bytes of a frame."""
        self._told: list[SpeechDetector] = []

    def join(self, detector: SpeechDetector) -> None:
        """It was told frames."""
        self._told.append(detector)

    def hear(self) -> None:
        """Hear all that was told."""
        together, self._told = self._told, []
        told = [detector.tell() for detector in together]
        sums = squares(b"".join([pcm for frames in told for pcm in frames]), self._size)
        at, hearing = 0, list[Hears]()
        for detector, frames in zip(together, told, strict=True):
            end = at + len(frames)
            weighed = [detector.weigh(square) for square in sums[at:end]]
            at = end
            if weighed.count(_CLOSED) < len(weighed) or not detector.rest(frames):
                hearing.append(detector.live(frames, weighed))
        _run(hearing)


@cache
def _room(size: int, _thread: int) -> _Room:
    """One for each thread."""
    return _Room(size)


def _run(hearing: list[Hears]) -> None:
    """Live through frames side by side: a step of the network for all who wait for one, until nobody does."""
    waiting = [(one, step) for one in hearing if (step := next(one, None)) is not None]
    while waiting:
        voices = neural.hear_together([step for _, step in waiting])
        waiting = [
            (one, step)
            for (one, _), voice in zip(waiting, voices, strict=True)
            if (step := _send(one, voice)) is not None
        ]


def _send(hearing: Hears, voice: float) -> neural.Step | None:
    try:
        return hearing.send(voice)
    except StopIteration:
        return None


class _Floor:
    """The noise floor of a call: the least power of the last ``_SPANS`` spans and the one under way."""

    def __init__(self) -> None:
        self._recent: list[float] = []
        self._oldest = 0
        self._minima = [1.0] * _SPANS
        self._past = 1.0
        self._span_least = 1.0
        self._span_left = _SPAN_FRAMES
        self._span = 0

    def track(self, power: float) -> float:
        """Note a frame's power and return the floor."""
        recent, oldest = self._recent, self._oldest
        if len(recent) < _SMOOTH:
            recent.append(power)
        else:
            recent[oldest] = power
            self._oldest = oldest + 1 if oldest + 1 < _SMOOTH else 0
        total = 0.0
        for one in recent:  # compiled, `sum` costs several times as much
            total += one
        least, now = self._span_least, total / len(recent)
        if now < least:
            self._span_least = least = now
        floor = self._past if self._past < least else least  # noqa: FURB136 - ``min`` costs as much as all the rest
        self._span_left -= 1
        if not self._span_left:
            self._minima[self._span] = self._span_least
            self._past = min(self._minima)
            self._span = (self._span + 1) % _SPANS
            self._span_left = _SPAN_FRAMES
            self._span_least = 1.0
        return floor
