"""Takes steady noise down: a Wiener gain over a noise estimate that follows the probability of speech.

The estimate is that of T. Gerkmann and R. C. Hendriks, "Unbiased MMSE-based noise power estimation with low complexity
and low tracking delay", IEEE TASLP 20, 2012; the gain is decision-directed (Y. Ephraim and D. Malah, 1984). It costs
20 ms of delay and, on quiet lines, some words: ``docs/decisions.md`` has the figures.
"""

import numpy as np
from numpy.typing import NDArray

from audio.frame import FRAME_MS, frame_bytes

LEAST_GAIN = 0.25
"""No frequency is turned down further (-12 dB): a recogniser prefers a little noise to holes."""
RATES = (8000, 16000)

_SPEECH_SNR = 10.0**1.5
"""Signal-to-noise ratio that speech is supposed to have, power (15 dB)."""
_NOISE_MEMORY = 0.8
_GAIN_MEMORY = 0.96
_LEARNING = 10
"""Frames at the start that are taken for noise, 200 ms."""


class NoiseSuppressor:
    """The noise suppressor of one call; what it returns is ``DELAY_MS`` behind what it takes."""

    DELAY_MS = FRAME_MS
    """Half a window, milliseconds."""

    def __init__(self, rate: int) -> None:
        if rate not in RATES:
            raise ValueError(f"noise can't be taken down at {rate} Hz; use one of {RATES}")
        self._rate = rate
        self._bytes = frame_bytes(rate)
        size = self._bytes // 2
        self._window = np.sqrt(np.hanning(2 * size + 1)[:-1]).astype(np.float32)
        self._last = np.zeros(size, np.float32)
        self._tail = np.zeros(size, np.float32)
        self._noise = np.zeros(size + 1, np.float32)
        self._speech = np.zeros(size + 1, np.float32)
        self._present = np.zeros(size + 1, np.float32)
        self._frames = 0

    def push(self, pcm: bytes) -> bytes:
        """Take 20 ms of PCM16 mono and return 20 ms; raises ``ValueError`` for another size."""
        if len(pcm) != self._bytes:
            raise ValueError(f"{len(pcm)} bytes are not 20 ms at {self._rate} Hz ({self._bytes} bytes)")
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
        spectrum = np.fft.rfft(np.concatenate((self._last, samples)) * self._window).astype(np.complex64, copy=False)
        self._last = samples
        gain = self._gain(spectrum.real**2 + spectrum.imag**2 + np.float32(1.0))
        out = np.fft.irfft(spectrum * gain).astype(np.float32, copy=False) * self._window
        whole: NDArray[np.int16] = np.clip(np.rint(self._tail + out[: samples.size]), -32768, 32767).astype("<i2")
        self._tail = out[samples.size :]
        return whole.tobytes()

    def _gain(self, power: NDArray[np.float32]) -> NDArray[np.float32]:
        self._learn(power)
        now = np.maximum(power / self._noise - 1.0, 0.0)
        snr = _GAIN_MEMORY * self._speech / self._noise + (1.0 - _GAIN_MEMORY) * now
        gain = np.maximum(snr / (1.0 + snr), LEAST_GAIN)
        self._speech = gain**2 * power
        return np.asarray(gain)

    def _learn(self, power: NDArray[np.float32]) -> None:
        """Move the noise estimate as far as speech is improbable in each frequency."""
        self._frames += 1
        if self._frames <= _LEARNING:
            self._noise += (power - self._noise) / self._frames
            return
        ratio = np.minimum(power / self._noise, 200.0)
        speech = 1.0 / (1.0 + (1.0 + _SPEECH_SNR) * np.exp(-ratio * _SPEECH_SNR / (1.0 + _SPEECH_SNR)))
        self._present = 0.9 * self._present + 0.1 * speech
        speech = np.where(self._present > 0.99, np.minimum(speech, 0.99), speech)
        expected = (1.0 - speech) * power + speech * self._noise
        self._noise = _NOISE_MEMORY * self._noise + (1.0 - _NOISE_MEMORY) * expected
