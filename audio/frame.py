"""One stretch of caller or agent audio, and what its samples are."""

from dataclasses import dataclass, field

FRAME_MS = 20
"""Length of the frames that lines deliver, in milliseconds."""

SAMPLE_BYTES = 2
"""Bytes of one sample: PCM16, signed, little-endian, mono."""


@dataclass(init=False, slots=True)
class AudioFrame:
    """PCM16 mono audio at a place in time; nobody changes one.

    Time is audio: ``position`` counts samples since the line was opened, without gaps
    (a line fills what the wire lost with silence), so it is the only clock of a conversation.
    """

    # not frozen, and all worked out at once: fifty are made a second for each call, and each is asked twenty times

    pcm: bytes
    """Samples, signed 16-bit little-endian mono."""
    rate: int
    """Samples per second."""
    position: int
    """Samples since the line opened, of the first sample of this frame."""
    samples: int = field(repr=False, compare=False)
    """Number of samples in this frame."""
    end: int = field(repr=False, compare=False)
    """Position just after the last sample, samples since the line opened."""

    def __init__(self, pcm: bytes, rate: int, position: int) -> None:
        self.pcm, self.rate, self.position = pcm, rate, position
        self.samples = samples = len(pcm) // SAMPLE_BYTES
        self.end = position + samples


def frame_bytes(rate: int) -> int:
    """Bytes of one 20 ms frame at ``rate`` samples per second."""
    return rate * FRAME_MS // 1000 * SAMPLE_BYTES
