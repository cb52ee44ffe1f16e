"""How many of the caller's words were lost: the record against the script, beside the recogniser on the bare WAV."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vosk import KaldiRecognizer, Model, SetLogLevel

from agent.language.normalise import normalise
from agent.model_store import BUNDLED
from agent.word_errors import word_errors
from audio.wav import read_mono
from bench.ear_sounds import RATE
from bench.turns.observation import Observation

FILLERS = {"эээ", "ээ", "э"}
"""Nobody expects them in a record."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Word errors over several scripts."""

    words: int
    live: int
    """Wrong, missing or added in the daemon's record."""
    bare: int
    """The same when the recogniser gets the WAV alone, whole."""

    def __str__(self) -> str:
        share = self.words or 1
        return f"{self.live / share:.1%} in the record, {self.bare / share:.1%} from the bare WAV"


def loss(seen: Sequence[Observation], folder: Path) -> Loss:
    """Count over all observations whose last step is speech."""
    words = live = bare = 0
    for one in seen:
        step, language = one.script.last, one.script.language
        wanted = canonical(step.text, language)
        words += len(wanted)
        live += word_errors(wanted, canonical(one.said(), language))
        bare += word_errors(wanted, canonical(_decoded(folder / step.wav, language), language))
    return Loss(words, live, bare)


def canonical(text: str, language: str) -> list[str]:
    """Words to compare: units the house's way, «ё» as «е», no marks, no fillers."""
    plain = normalise(text.lower(), language).replace("ё", "е")
    return [word for word in re.findall(r"[\w'/%]+", plain) if word not in FILLERS]


@cache
def _model(language: str) -> Model:
    SetLogLevel(-1)
    return Model(str(BUNDLED / f"vosk-demo-{language}"))


@cache
def _decoded(wav: Path, language: str) -> str:
    recognizer = KaldiRecognizer(_model(language), RATE)
    recognizer.AcceptWaveform(bytes(RATE) + read_mono(wav, RATE) + bytes(RATE))
    return str(json.loads(recognizer.FinalResult())["text"])
