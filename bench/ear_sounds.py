"""Sounds that are not speech, and a speakerphone's echo: made from numbers, the same for the same seed.

Everything is float64 between -1 and 1 at 8000 Hz until ``pcm`` makes PCM16 of it, the way a phone line does:
through G.711 A-law.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 8000
"""Samples per second of everything made here."""

Samples = NDArray[np.float64]
Make = Callable[[np.random.Generator], Samples]


def _resonant(noise: Samples, centre: float, width: float) -> Samples:
    """Two-pole resonance at ``centre`` Hz, ``width`` Hz wide, by its impulse response."""
    time = np.arange(int(RATE * min(0.2, 4.0 / width)))
    return np.convolve(noise, np.exp(-np.pi * width * time / RATE) * np.sin(2 * np.pi * centre * time / RATE))[
        : noise.size
    ]


def pink(samples: int, dice: np.random.Generator) -> Samples:
    """Noise whose power falls by 3 dB an octave, RMS 1."""
    spectrum = np.fft.rfft(dice.standard_normal(samples))
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.size), 1))
    noise = np.fft.irfft(spectrum, samples)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def cough(dice: np.random.Generator) -> Samples:
    """One to three bursts: a sharp opening, a hissing middle, sometimes a short voiced end."""
    out = np.zeros(2 * RATE)
    for start in np.cumsum(dice.uniform(0.05, 0.45, dice.integers(1, 4))):
        length = int(RATE * dice.uniform(0.12, 0.35))
        time = np.arange(length) / RATE
        noise = dice.standard_normal(length) * np.minimum(time / 0.004, 1) * np.exp(-time / dice.uniform(0.04, 0.1))
        burst = noise + sum(
            _resonant(noise, centre, 250) for centre in (dice.uniform(400, 800), dice.uniform(1200, 2400))
        )
        at = int(start * RATE)
        out[at : at + length] += burst[: out.size - at]
    return out


def clicks(dice: np.random.Generator) -> Samples:
    """A keyboard, a switch, a bad contact: impulses of 1 to 8 ms."""
    out = np.zeros(2 * RATE)
    for at in dice.integers(0, out.size - 200, dice.integers(2, 14)):
        length = int(dice.integers(8, 64))
        out[at : at + length] += (
            dice.standard_normal(length) * np.exp(-np.arange(length) / (length / 4)) * dice.uniform(0.3, 1)
        )
    return out


def knocks(dice: np.random.Generator) -> Samples:
    """Something set down on the table: damped low tones."""
    out = np.zeros(2 * RATE)
    time = np.arange(int(0.25 * RATE)) / RATE
    for at in dice.integers(0, out.size - time.size, dice.integers(1, 5)):
        hz, decay = dice.uniform(90, 400), dice.uniform(0.01, 0.05)
        out[at : at + time.size] += np.sin(2 * np.pi * hz * time) * np.exp(-time / decay) * dice.uniform(0.4, 1)
    return out


def hum(dice: np.random.Generator) -> Samples:
    """A mains hum that comes with a bad contact and goes again."""
    time = np.arange(2 * RATE) / RATE
    tone = sum(np.sin(2 * np.pi * 50 * k * time + dice.uniform(0, 6)) * dice.uniform(0.2, 1) / k for k in range(2, 12))
    on = (time > dice.uniform(0.1, 0.6)) & (time < dice.uniform(1.0, 1.9))
    return np.asarray(tone * np.convolve(on, np.ones(160) / 160, "same"))


def crackle(dice: np.random.Generator) -> Samples:
    """A bad line: hiss that swells, with pops in it."""
    hiss = dice.standard_normal(2 * RATE)
    swell = np.interp(np.arange(hiss.size), np.linspace(0, hiss.size, 9), dice.uniform(0.05, 1, 9) ** 2)
    return hiss * swell + 4 * (dice.random(hiss.size) < 0.002) * dice.standard_normal(hiss.size)


def breath(dice: np.random.Generator) -> Samples:
    """Breath over a microphone: soft noise that rises and falls within a second."""
    out = np.zeros(2 * RATE)
    length = int(RATE * dice.uniform(0.4, 1.2))
    noise = pink(length, dice)
    shaped = _resonant(noise, dice.uniform(300, 700), 400) / 8 + _resonant(noise, dice.uniform(1000, 2200), 900) / 8
    at = int(dice.uniform(0.1, 0.6) * RATE)
    out[at : at + length] = (noise * 0.3 + shaped) * np.sin(np.pi * np.arange(length) / length) ** 2
    return out


def gust(dice: np.random.Generator) -> Samples:
    """Pink noise in gusts: wind, a passing car, a chair."""
    noise = pink(2 * RATE, dice)
    return noise * np.interp(np.arange(noise.size), np.linspace(0, noise.size, 7), dice.uniform(0, 1, 7) ** 3)


def dtmf(dice: np.random.Generator) -> Samples:
    """Keys pressed at a far phone whose tones come in the audio (ITU-T Q.23)."""
    out = np.zeros(2 * RATE)
    time = np.arange(int(0.12 * RATE)) / RATE
    for at in (0.2, 0.5, 0.8, 1.1):
        row, column = dice.choice((697, 770, 852, 941)), dice.choice((1209, 1336, 1477))
        begin = int(at * RATE)
        out[begin : begin + time.size] = np.sin(2 * np.pi * row * time) + np.sin(2 * np.pi * column * time)
    return out


def music(dice: np.random.Generator) -> Samples:
    """A tune in chords over a beat, from a radio in the room."""
    out = np.zeros(4 * RATE)
    step = int(RATE * dice.uniform(0.18, 0.4))
    root = dice.uniform(110, 260)
    for at in range(0, out.size - step, step):
        time = np.arange(min(2 * step, out.size - at)) / RATE
        for semitone in dice.choice((0, 4, 7, 9, 12, 16, 19), 3, replace=False):
            hz = root * 2 ** (semitone / 12)
            note = sum(np.sin(2 * np.pi * hz * k * time) / k**1.3 for k in range(1, 9) if hz * k < 3800)
            out[at : at + time.size] += note * np.exp(-time / 0.3) * np.minimum(time / 0.01, 1)
        out[at : at + 400] += dice.standard_normal(400) * np.exp(-np.arange(400) / 80)
    return out


NOISES: dict[str, Make] = {
    make.__name__: make for make in (cough, clicks, knocks, hum, crackle, breath, gust, dtmf, music)
}
"""Everything that should not be taken for speech, by its name."""


def at_level(samples: Samples, level: float) -> Samples:
    """The same sound with its loudest 100 ms at ``level`` dBFS (RMS)."""
    power = np.convolve(samples**2, np.ones(800) / 800, "valid").max()
    return np.asarray(samples * 10 ** (level / 20) / np.sqrt(power + 1e-20))


def noise(name: str, level: float, seed: int) -> bytes:
    """One of ``NOISES`` with its loudest 100 ms at ``level`` dBFS over a faint background, through A-law, PCM16."""
    dice = np.random.default_rng(seed)
    sound = at_level(NOISES[name](dice), level)
    lead = np.zeros(RATE)
    whole = np.concatenate((lead, sound, lead[: RATE // 2]))
    return pcm(whole + dice.standard_normal(whole.size) * 10 ** (-68 / 20))


def a_law(samples: Samples) -> Samples:
    """Through G.711 A-law and back: logarithmic steps of ITU-T G.711, without its sign and bit order."""
    size = np.clip(np.abs(samples), 0, 32639 / 32768) * 4096
    segment = np.floor(np.log2(np.maximum(size, 32))) - 4
    width = 2.0 ** np.maximum(segment, 1)
    return np.asarray(np.sign(samples) * (np.floor(size / width) + 0.5) * width / 4096)


def pcm(samples: Samples) -> bytes:
    """PCM16 mono of what comes out of a phone line."""
    return np.rint(np.clip(a_law(samples), -1, 32767 / 32768) * 32768).astype("<i2").tobytes()


def samples_of(data: bytes) -> Samples:
    """PCM16 mono as numbers between -1 and 1."""
    return np.frombuffer(data, dtype="<i2") / 32768.0


@dataclass(frozen=True, slots=True)
class EchoPath:
    """From what we play to what comes back: a caller on a loud speakerphone in a small room."""

    level: float
    """How much of it comes back, dB (negative)."""
    delay_ms: float
    """From our playing to the first reflection, milliseconds."""
    seed: int = 0
    """Which room."""
    reverb_ms: float = 60.0
    """Time in which the room's answer falls by 20 dB, milliseconds."""
    drive: float = 1.5
    """How hard the small loudspeaker is driven; it clips softly. 0 = it does not clip."""

    def response(self) -> Samples:
        """Impulse response: delay, then decaying noise behind a strong first path; energy 1."""
        dice = np.random.default_rng(self.seed)
        tail = dice.standard_normal(int(RATE * self.reverb_ms * 3 / 1000))
        tail *= 10 ** (-np.arange(tail.size) / (RATE * self.reverb_ms / 1000))
        tail[:3] += (4.0, -2.5, 1.2)
        tail = np.convolve(tail, (1.0, -0.85))  # a small loudspeaker has no bass
        return np.concatenate((np.zeros(int(RATE * self.delay_ms / 1000)), tail / np.sqrt(np.sum(tail**2))))

    def echo(self, played: Samples) -> Samples:
        """What the caller's microphone hears of ``played``, as long as that."""
        heard = a_law(played)
        if self.drive:
            heard = np.tanh(heard * self.drive) / self.drive
        response = self.response()
        size = played.size + response.size
        echo = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(response, size), size)[: played.size]
        gain = 10 ** (self.level / 20) * np.sqrt(np.sum(played**2) / (np.sum(echo**2) + 1e-20))
        return np.asarray(echo * gain)
