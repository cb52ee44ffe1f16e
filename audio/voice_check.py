"""Stage two of the speech detector (``audio.vad``): is the sound that stage one let through a voice?"""

from collections import deque
from collections.abc import Generator
from itertools import islice

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from audio import neural
from audio.frame import frame_bytes

VOICE_BEGINS = 0.4
"""Probability of a voice at which speech begins."""
VOICE_GOES_ON = 0.25
"""Probability under which it ends."""

_CERTAIN = 0.9
"""Probability of a voice that is beyond doubt; a hum that is switched on seldom gets so far."""
_CERTAIN_STEPS = 3
"""After so many certain steps in a row the network hears every second one only, while the sound stays loud."""

_HANGOVER_FRAMES = 10
"""The network keeps its memory through a gap of stage one as long as this, 200 ms: between two syllables."""
_EARLIER_FRAMES = 4
"""Frames before a sound that the network hears too: with the first frame of the sound they are three whole steps."""
_KEPT_FRAMES = _EARLIER_FRAMES + 2
_TAPS_PER_STEP = 12
"""Length of the low-pass in front of the network, samples of the lower rate."""
_STEP = neural.CONTEXT + neural.STEP
_MOST_WAITING = _STEP + (_HANGOVER_FRAMES + 1) * neural.RATE // 50
"""Samples: what a whole step lacks one of, and then a gap and the frame behind it."""
_PCM = np.dtype("<i2")


class VoiceCheck:
    """Runs the network on the sounds that stage one let through, and on a little before them."""

    def __init__(self, rate: int) -> None:
        self._network = neural.Voice()
        self._factor = rate // neural.RATE
        self._taps = _low_pass(self._factor)
        self._frames: deque[bytes] = deque([bytes(frame_bytes(rate))] * _KEPT_FRAMES, _KEPT_FRAMES)
        self.keep = self._frames.append
        """Takes a frame while ``rests``."""
        self.keep_all = self._frames.extend
        """Takes several."""
        self._waiting = np.empty(_MOST_WAITING, np.float32)
        """What the network has not heard yet, behind the last ``neural.CONTEXT`` samples that it did hear."""
        self._filled = 0
        self._quiet = _HANGOVER_FRAMES + 1
        """Frames since stage one last said yes."""
        self._speech = False
        self._voice = 0.0
        """Probability of the last step."""
        self._certain = 0
        """Certain steps in a row."""
        self._skipped = False
        """The last step was not listened to."""

    @property
    def rests(self) -> bool:
        """Without a new sound nothing comes of a frame."""
        return self._quiet > _HANGOVER_FRAMES

    def take(self, pcm: bytes, sound: bool) -> bool:
        """Take a frame and what stage one says of it; True when ``listen`` must come before ``conclude``."""
        self._frames.append(pcm)
        if not sound and self._quiet >= _HANGOVER_FRAMES:
            self._quiet = _HANGOVER_FRAMES + 1
            return False
        self._take(self._quiet > _HANGOVER_FRAMES)
        self._quiet = 0 if sound else self._quiet + 1
        return sound and self._filled >= _STEP

    def conclude(self, sound: bool) -> bool:
        """True when the frame that was taken holds a voice."""
        self._speech = sound and self._voice >= (VOICE_GOES_ON if self._speech else VOICE_BEGINS)
        return self._speech

    def _take(self, fresh: bool) -> None:
        """Put the newest frame to what waits for the network; a fresh sound begins with the frames before it."""
        if fresh:
            self._network.forget()
            self._filled = self._certain = 0
        new = self._slow(_EARLIER_FRAMES + 1 if fresh else 1)
        self._waiting[self._filled : self._filled + new.size] = new
        self._filled += new.size

    def listen(self, gain: float, steady: bool) -> Generator[neural.Step, float, None]:
        """What the network has to hear, a step at a time; it is sent the probability of a voice in each.

        ``gain``: how much the frame is to be amplified. ``steady``: it is about as loud as the speech before it; of a
        steady voice only a part is heard.
        """
        waiting, at = self._waiting, 0
        while self._filled - at >= _STEP:
            self._skipped = steady and not self._skipped and self._certain >= _CERTAIN_STEPS
            if not self._skipped:
                self._voice = yield neural.Step(self._network, waiting[at : at + _STEP], gain / 32768.0)
                self._certain = self._certain + 1 if self._voice >= _CERTAIN else 0
            at += neural.STEP
        self._filled -= at
        waiting[: self._filled] = waiting[at : at + self._filled]

    def _slow(self, frames: int) -> NDArray[np.int16] | NDArray[np.float32]:
        """The newest frames at the network's rate; the low-pass also sees the end of the frame before them."""
        if frames == self._factor == 1:
            return np.frombuffer(self._frames[-1], _PCM)
        samples = np.frombuffer(b"".join(islice(self._frames, _KEPT_FRAMES - frames - 1, None)), dtype="<i2")
        wanted = samples.size // (frames + 1) * frames
        if self._factor == 1:
            return samples[-wanted:]
        windows = sliding_window_view(samples[1 - wanted - self._taps.size :], self._taps.size)
        return windows[self._factor - 1 :: self._factor] @ self._taps


def _low_pass(factor: int) -> NDArray[np.float32]:
    """Windowed sinc that lets half of the lower rate through; gain 1."""
    place = np.arange(_TAPS_PER_STEP * factor + 1) - _TAPS_PER_STEP * factor / 2
    taps = np.sinc(place * 0.9 / factor) * np.hamming(place.size)
    return np.asarray(taps / taps.sum(), dtype=np.float32)
