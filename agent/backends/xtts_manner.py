"""How XTTS may speak: the settings of its sampling that make a voice sound warm, calm, energetic ... Data.

They steer how freely the language model of the voice chooses the next sound, and how fast it is spoken; the timbre
comes from the samples. Names of the fields are those of ``Xtts.inference_stream``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manner:
    """One preset."""

    temperature: float
    """Of the sampling, no unit: low is even and sure, high is lively and may slip."""
    speed: float
    """Tempo against the samples', 1 = the same."""
    top_p: float
    """Only the likeliest sounds that together have this probability are chosen from."""
    top_k: int
    """And only so many of them."""
    repetition_penalty: float
    """By how much a sound that was used is made less likely, a factor: against stretched vowels and long pauses."""
    length_penalty: float = 1.0
    """Exponent of the length in a beam's score; without beams, as in streaming, it changes nothing."""


MANNERS = {
    "natural": Manner(temperature=0.75, speed=1.0, top_p=0.85, top_k=50, repetition_penalty=5.0),
    "warm": Manner(temperature=0.7, speed=0.95, top_p=0.85, top_k=50, repetition_penalty=5.0),
    "calm": Manner(temperature=0.6, speed=0.9, top_p=0.8, top_k=40, repetition_penalty=5.0),
    "energetic": Manner(temperature=0.85, speed=1.1, top_p=0.9, top_k=60, repetition_penalty=4.0),
    "neutral": Manner(temperature=0.5, speed=1.0, top_p=0.75, top_k=30, repetition_penalty=6.0),
}
"""The presets of ``xtts.preset``."""
