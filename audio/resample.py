"""Rate change of a stream, stateful: the output does not depend on how the input was cut.

soxr's own int16 output is dithered with a seed of the moment; here the samples go through float32 and
are rounded once, so the same input always gives the same bytes and digital silence stays digital silence.
"""

import numpy as np
import soxr
from numpy.typing import NDArray

from audio.frame import SAMPLE_BYTES

_PCM = np.dtype("<i2")


class Resampler:
    """PCM16 mono bytes at ``source`` Hz in, PCM16 mono bytes at ``target`` Hz out; one instance a stream.

    The filter (soxr HQ) holds some 70-100 ms of input back until more arrives or ``flush`` is called:
    meant for speech that is made ahead of real time. Equal rates pass through untouched.
    """

    def __init__(self, source: int, target: int) -> None:
        self._stream = None if source == target else soxr.ResampleStream(source, target, 1, dtype="float32")
        self._odd = b""

    def push(self, pcm: bytes) -> bytes:
        """Take any number of bytes (a split sample waits for its other half); return what is ready, maybe nothing."""
        if self._odd:
            pcm = self._odd + pcm
        even = len(pcm) - len(pcm) % SAMPLE_BYTES
        self._odd = pcm[even:]
        if self._stream is None:
            return pcm[:even]
        samples = np.frombuffer(pcm, dtype=_PCM, count=even // SAMPLE_BYTES).astype(np.float32)
        return _to_pcm(self._stream.resample_chunk(samples))

    def flush(self) -> bytes:
        """End of the stream: return the rest. The next ``push`` begins a new stream."""
        self._odd = b""
        if self._stream is None:
            return b""
        rest = _to_pcm(self._stream.resample_chunk(np.empty(0, dtype=np.float32), last=True))
        self._stream.clear()
        return rest


def resample(pcm: bytes, source: int, target: int) -> bytes:
    """Change the rate of a whole piece at once; the same bytes as a ``Resampler`` would give."""
    stream = Resampler(source, target)
    return stream.push(pcm) + stream.flush()


def _to_pcm(samples: NDArray[np.float32]) -> bytes:
    return np.clip(np.rint(samples), -32768, 32767).astype(_PCM).tobytes()
