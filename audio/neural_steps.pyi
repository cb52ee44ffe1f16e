"""Machine code of ``neural.c``, where `make compile` has made it."""

from audio.neural import Floats

def hear(weights: Floats, samples: list[Floats], memories: list[Floats], scales: list[float], /) -> list[float]: ...
