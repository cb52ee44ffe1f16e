"""One stretch of caller or agent audio, and what its samples are."""

from dataclasses import dataclass

FRAME_MS = 20
"""Length of the frames that lines deliver, in milliseconds."""

SAMPLE_BYTES = 2
"""Bytes of one sample: PCM16, signed, little-endian, mono."""


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """PCM16 mono audio at a place in time.

    Time is audio: ``position`` counts samples since the line was opened, without gaps
    (a line fills what the wire lost with silence), so it is the only clock of a conversation.
    """

    pcm: bytes
    """Samples, signed 16-bit little-endian mono."""
    rate: int
    """Samples per second."""
    position: int
    """Samples since the line opened, of the first sample of this frame."""

    @property
    def samples(self) -> int:
        """Number of samples in this frame."""
        return len(self.pcm) // SAMPLE_BYTES

    @property
    def end(self) -> int:
        """Position just after the last sample."""
        return self.position + self.samples


def frame_bytes(rate: int) -> int:
    """Bytes of one 20 ms frame at ``rate`` samples per second."""
    return rate * FRAME_MS // 1000 * SAMPLE_BYTES
