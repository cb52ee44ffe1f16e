"""Is this 20 ms frame speech? A cheap gate by level first; the detector runs only while the gate is open.

The gate compares the frame's level with the quietest that this call was in the last seconds (minimum
statistics: R. Martin, "Noise power spectral density estimation", 2001, reduced to one band), so a steady
noise of any level closes it. The detector behind it is WebRTC's, which goes deaf for quiet callers:
it is therefore shown the frame at a steady loudness.
"""

import numpy as np
import webrtcvad

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
_RATES = (8000, 16000, 32000, 48000)
_FULL_SCALE_SQUARE = 32768.0**2


def _ratio(db: float) -> float:
    return float(10.0 ** (db / 10.0))


class SpeechDetector:
    """Speech flags for one call; the same frames always give the same flags.

    ``rate`` is 8000 or 16000 Hz (32000 and 48000 work too); the flag of a frame comes with the frame,
    there is no look-ahead. Speech flags trail the end of speech by at most 60-100 ms.
    """

    def __init__(self, rate: int) -> None:
        if rate not in _RATES:
            raise ValueError(f"speech can't be detected at {rate} Hz; use one of {_RATES}")
        self._rate = rate
        self._bytes = frame_bytes(rate)
        self._vad = webrtcvad.Vad(2)
        self._scratch = np.empty(self._bytes // 2, dtype=np.float32)
        self._shown = np.empty(self._bytes // 2, dtype=np.int16)
        self._least = _ratio(LEAST_DBFS)
        self._open = _ratio(OPEN_DB)
        self._hold = _ratio(HOLD_DB)
        self._decay = _ratio(-_DECAY_DB)
        self._recent: list[float] = []
        self._oldest = 0
        self._minima = [1.0] * _SPANS
        self._past = 1.0
        self._span_least = 1.0
        self._span_left = _SPAN_FRAMES
        self._span = 0
        self._loud = self._least
        self._speech = False

    def push(self, pcm: bytes) -> bool:
        """Take one 20 ms frame of PCM16 mono; True when somebody speaks in it."""
        if len(pcm) != self._bytes:
            raise ValueError(f"{len(pcm)} bytes are not 20 ms at {self._rate} Hz ({self._bytes} bytes)")
        scratch = self._scratch
        scratch[:] = np.frombuffer(pcm, dtype="<i2")
        power = float(scratch.dot(scratch)) / (scratch.size * _FULL_SCALE_SQUARE)
        floor = self._track(power)
        self._loud = max(power, self._loud * self._decay)
        margin = self._hold if self._speech else self._open
        self._speech = power > self._least and power > floor * margin and self._is_speech(pcm)
        return self._speech

    def _track(self, power: float) -> float:
        """Note a frame's power and return the floor: the least power of the last ``_SPANS`` spans and this one."""
        self._span_least = min(self._span_least, self._smooth(power))
        floor = min(self._past, self._span_least)
        self._span_left -= 1
        if not self._span_left:
            self._minima[self._span] = self._span_least
            self._past = min(self._minima)
            self._span = (self._span + 1) % _SPANS
            self._span_left = _SPAN_FRAMES
            self._span_least = 1.0
        return floor

    def _smooth(self, power: float) -> float:
        recent = self._recent
        if len(recent) < _SMOOTH:
            recent.append(power)
        else:
            recent[self._oldest] = power
            self._oldest = (self._oldest + 1) % _SMOOTH
        return sum(recent) / len(recent)

    def _is_speech(self, pcm: bytes) -> bool:
        gain_square = min(_ratio(_TARGET_DBFS) / self._loud, _ratio(_MOST_GAIN_DB))
        if gain_square <= 1.0:
            return bool(self._vad.is_speech(pcm, self._rate))
        scratch = self._scratch
        scratch *= gain_square**0.5
        np.clip(scratch, -32768.0, 32767.0, out=scratch)
        self._shown[:] = scratch
        return bool(self._vad.is_speech(self._shown.tobytes(), self._rate))
