"""Is this 20 ms frame speech? Two stages: a cheap one on every frame, a neural one only while the first says yes.

Stage one is a gate by level, then WebRTC's detector. The gate compares the frame's level with the quietest that this
call was in the last seconds (minimum statistics: R. Martin, "Noise power spectral density estimation", 2001, reduced
to one band), so a steady noise of any level closes it. Stage two is Silero's network (``audio.neural``): it tells
voices from coughs, clicks, keys, music and gusts, which stage one takes for speech. Both go deaf for quiet callers
and are therefore shown the sound at a steady loudness.
"""

import threading
from collections import deque
from functools import cache
from itertools import islice

import numpy as np
import webrtcvad
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from audio import neural
from audio.frame import frame_bytes

LEAST_DBFS = -58.0
"""Quieter frames are never speech (RMS). The idle noise of A-law lies near -72, a quiet caller's vowels near -52."""
OPEN_DB = 7.0
"""The gate opens this far above the noise floor."""
HOLD_DB = 4.0
"""While there is speech, this far above the floor is enough."""

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
VOICE_BEGINS = 0.4
"""Probability of a voice at which speech begins."""
VOICE_GOES_ON = 0.25
"""Probability under which it ends."""

_CERTAIN = 0.9
"""Probability of a voice that is beyond doubt; a hum that is switched on seldom gets so far."""
_CERTAIN_STEPS = 3
"""After so many certain steps in a row the network hears every second one only, while the sound stays loud."""
_STEADY_DB = 10.0
"""A frame this far under the loudest may be the end of the speech: the network hears it at once."""

_HANGOVER_FRAMES = 10
"""The network keeps its memory through a gap of stage one as long as this, 200 ms: between two syllables."""
_EARLIER_FRAMES = 4
"""Frames before a sound that the network hears too: with the first frame of the sound they are three whole steps."""
_KEPT_FRAMES = _EARLIER_FRAMES + 2
_TAPS_PER_STEP = 12
"""Length of the low-pass in front of the network, samples of the lower rate."""
_MOST_WAITING = neural.CONTEXT + neural.STEP + (_HANGOVER_FRAMES + 1) * neural.RATE // 50
"""Samples: what a whole step lacks one of, and then a gap and the frame behind it."""
_ONE = np.array(1.0, np.float32)
_PCM = np.dtype("<i2")
_LOWEST, _HIGHEST = np.array(-32768.0, np.float32), np.array(32767.0, np.float32)
_RATES = (8000, 16000, 32000, 48000)
_FULL_SCALE_SQUARE = 32768.0**2


def _ratio(db: float) -> float:
    return float(10.0 ** (db / 10.0))


_TARGET, _MOST_GAIN = _ratio(_TARGET_DBFS), _ratio(_MOST_GAIN_DB)


@cache
def _scratch(samples: int, _thread: int) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """One for all the detectors of a thread: it stays in the processor's cache."""
    return np.empty(samples, np.float32), np.empty(samples, np.dtype("<i2"))


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
        self._scratch, self._shown = _scratch(self._bytes // 2, threading.get_ident())
        self._taken = self._shown.data.cast("B")
        self._full_scale = self._scratch.size * _FULL_SCALE_SQUARE
        self._floor = _Floor()
        self._least = _ratio(LEAST_DBFS)
        self._open = _ratio(OPEN_DB)
        self._hold = _ratio(HOLD_DB)
        self._decay = _ratio(-_DECAY_DB)
        self._near = _ratio(-_STEADY_DB)
        self._loud = self._least
        self._sound = False
        self._voice = _VoiceCheck(rate)

    @property
    def sound(self) -> bool:
        """Stage one took the last frame for speech, whatever stage two says: a consonant, a cough, music."""
        return self._sound

    def push(self, pcm: bytes) -> bool:
        """Take one 20 ms frame of PCM16 mono; True when somebody speaks in it."""
        if len(pcm) != self._bytes:
            raise ValueError(f"{len(pcm)} bytes are not 20 ms at {self._rate} Hz ({self._bytes} bytes)")
        scratch, voice = self._scratch, self._voice
        self._taken[:] = pcm
        scratch[:] = self._shown
        power = float(scratch.dot(scratch)) / self._full_scale
        floor = self._floor.track(power)
        self._loud = max(power, self._loud * self._decay)
        margin = self._hold if self._sound else self._open
        if power <= self._least or power <= floor * margin:
            self._sound = False
            if voice.rests:
                voice.keep(pcm)
                return False
            return voice.push(pcm, False, 1.0, False)
        gain = max(1.0, min(_TARGET / self._loud, _MOST_GAIN)) ** 0.5
        self._sound = self._may_be_speech(pcm, gain)
        steady = power > self._loud * self._near
        return voice.push(pcm, self._sound, gain, steady)

    def _may_be_speech(self, pcm: bytes, gain: float) -> bool:
        if gain <= 1.0:
            return bool(self._vad.is_speech(pcm, self._rate))
        scratch = self._scratch
        scratch *= gain
        np.minimum(scratch, _HIGHEST, out=scratch)
        np.maximum(scratch, _LOWEST, out=scratch)
        self._shown[:] = scratch
        return bool(self._vad.is_speech(self._shown.tobytes(), self._rate))


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
            self._oldest = (oldest + 1) % _SMOOTH
        least = min(self._span_least, sum(recent) / len(recent))
        self._span_least = least
        floor = min(self._past, least)
        self._span_left -= 1
        if not self._span_left:
            self._minima[self._span] = self._span_least
            self._past = min(self._minima)
            self._span = (self._span + 1) % _SPANS
            self._span_left = _SPAN_FRAMES
            self._span_least = 1.0
        return floor


class _VoiceCheck:
    """Stage two: runs the network on the sounds that stage one let through, and on a little before them."""

    def __init__(self, rate: int) -> None:
        self._network = neural.Voice()
        self._factor = rate // neural.RATE
        self._taps = _low_pass(self._factor)
        self._frames: deque[bytes] = deque([bytes(frame_bytes(rate))] * _KEPT_FRAMES, _KEPT_FRAMES)
        self.keep = self._frames.append
        """Takes a frame while ``rests``."""
        self._waiting = np.empty(_MOST_WAITING, np.float32)
        """What the network has not heard yet, behind the last ``neural.CONTEXT`` samples that it did hear."""
        self._filled = 0
        self._step = _scratch(neural.CONTEXT + neural.STEP, threading.get_ident())[0]
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

    def push(self, pcm: bytes, sound: bool, gain: float, steady: bool) -> bool:
        """Take a frame, what stage one says of it, how much it is to be amplified, and whether it is about as loud as
        the speech before it; True for a voice.
        """
        self._frames.append(pcm)
        if not sound and self._quiet >= _HANGOVER_FRAMES:
            self._quiet = _HANGOVER_FRAMES + 1
            self._speech = False
            return False
        self._take(self._quiet > _HANGOVER_FRAMES)
        self._quiet = 0 if sound else self._quiet + 1
        if sound and self._filled >= self._step.size:
            self._listen(gain, steady)
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

    def _listen(self, gain: float, steady: bool) -> None:
        """Let the network hear what waits, a step at a time; of a steady voice only a part."""
        waiting, step, at = self._waiting, self._step, 0
        while self._filled - at >= step.size:
            self._skipped = steady and not self._skipped and self._certain >= _CERTAIN_STEPS
            if not self._skipped:
                np.multiply(waiting[at : at + step.size], gain / 32768.0, out=step)
                np.minimum(step, _ONE, out=step)
                np.maximum(step, -_ONE, out=step)
                self._voice = self._network.hear(step)
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
