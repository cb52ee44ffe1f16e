"""Who speaks the scripts: espeak-ng in many voices, Festival's Russian man, recorded people where the machine has them.

Every piece of text becomes samples between -1 and 1 at 8000 Hz, without silence around it. Festival (Debian:
``festival festvox-ru``) and the recorded prompts (``asterisk-core-sounds-ru-wav``) are optional: without Festival its
scripts are spoken by espeak-ng, without the prompts theirs are left out.
"""

import asyncio
import ctypes
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader
import numpy as np
import soxr

from agent.backends.tts_espeak import Espeak
from audio.wav import read_mono
from bench.ear_sounds import RATE, Samples, samples_of
from bench.turns.hums import HUMS, hum

FESTIVAL = "festival msu_ru_nsh"
HUMAN = "woman of the Asterisk prompts"
PROMPTS = Path("/usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU")
"""Where Debian puts them."""

VARIANTS = {
    "ru": (
        "f1",
        "f2",
        "f3",
        "f4",
        "f5",
        "m1",
        "m2",
        "m3",
        "m4",
        "m6",
        "m7",
        "Andrea",
        "Annie",
        "Denis",
        "Mario",
        "steph",
    ),
    "en": ("f1", "f2", "f3", "f5", "m1", "m3", "m6", "Andy", "linda", "zac"),
}
"""espeak-ng's speaker variants; f3 and m6 are in no training set of the demo recognisers."""
ACCENTS = {"ru": ("ru",), "en": ("en-us", "en-gb-x-rp")}

AUDIBLE = 10 ** (-50 / 20)
"""What counts as sound: -50 dBFS, as in ``telephony.phone_report``."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker."""

    name: str
    """``festival ...``, or espeak-ng's name such as ``ru+f3``."""
    language: str
    speed_wpm: int = 165
    """espeak-ng's rate, words per minute."""
    pitch: float = 1.0
    """Everything is moved up by this factor, 1 = as it is."""

    def say(self, text: str) -> Samples:
        """Speech without silence around it, as loud as the voice made it."""
        if text in HUMS:
            return trimmed(hum(text, self.name))
        if self.name == FESTIVAL:
            return trimmed(_festival(text))
        return trimmed(self._espeak(text))

    def _espeak(self, text: str) -> Samples:
        async def make() -> bytes:
            synth = Espeak(self.language, self.name, round(self.speed_wpm / self.pitch))
            # breath is thrown with dice, which espeak-ng seeds with the clock
            ctypes.CDLL(espeakng_loader.get_library_path()).espeak_ng_SetRandSeed(ctypes.c_long(1))
            return b"".join([made async for made in synth.synthesize(text) if isinstance(made, bytes)])

        return np.asarray(soxr.resample(samples_of(asyncio.run(make())), 22_050 * self.pitch, RATE))


def cast(language: str, dice: np.random.Generator, festival: float = 0.2) -> Voice:
    """Draw a speaker; every fifth or so is Festival's man where the machine has him."""
    if language == "ru" and dice.random() < festival and has_festival():
        return Voice(FESTIVAL, language)
    name = f"{dice.choice(ACCENTS[language])}+{dice.choice(VARIANTS[language])}"
    return Voice(name, language, int(dice.integers(135, 190)), round(float(dice.uniform(0.92, 1.08)), 3))


def has_festival() -> bool:
    """Whether Festival and its Russian voice are installed."""
    return bool(shutil.which("text2wave")) and Path("/usr/share/festival/voices/russian/msu_ru_nsh_clunits").is_dir()


def has_prompts() -> bool:
    """Whether the recorded prompts are installed."""
    return (PROMPTS / "digits/1.wav").is_file()


def prompt(name: str) -> Samples:
    """A recorded prompt such as ``digits/7``; raises ``OSError``."""
    return trimmed(samples_of(read_mono(PROMPTS / f"{name}.wav", RATE)))


def _festival(text: str) -> Samples:
    with tempfile.TemporaryDirectory(prefix="allo-festival-") as folder:
        out = Path(folder) / "out.wav"
        command = ["text2wave", "-eval", "(voice_msu_ru_nsh_clunits)", "-o", str(out)]
        subprocess.run(command, input=text, text=True, check=True, capture_output=True, timeout=60)
        return samples_of(read_mono(out, RATE))


def trimmed(samples: Samples) -> Samples:
    """From the first to the last audible sample."""
    loud = np.flatnonzero(np.abs(samples) > AUDIBLE)
    return samples[loud[0] : loud[-1] + 1] if loud.size else samples[:0]
