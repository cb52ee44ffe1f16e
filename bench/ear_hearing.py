"""The bundled Russian recogniser as a judge of what the ear leaves of speech."""

import json
from functools import cache
from pathlib import Path

import vosk

ROOT = Path(__file__).parents[1]
TRANSCRIPTS = dict(
    line.split("\t")
    for line in (ROOT / "tests/speech/ru/domain/transcripts.tsv").read_text(encoding="utf-8").splitlines()
)
"""File names and what is said in them."""


@cache
def _model() -> vosk.Model:
    vosk.SetLogLevel(-1)
    return vosk.Model(str(ROOT / "agent/models/vosk-demo-ru"))


def recognised(pcm: bytes) -> str:
    """Text of PCM16 mono at 8000 Hz."""
    ear = vosk.KaldiRecognizer(_model(), 8000)
    ear.AcceptWaveform(pcm)
    return str(json.loads(ear.FinalResult())["text"])


class Errors:
    """Words wrong, missing or too many."""

    def __init__(self) -> None:
        self._wrong = self._words = 0

    def add(self, said: str, heard: str) -> None:
        """Compare one phrase."""
        words, others = said.split(), heard.split()
        row = list(range(len(others) + 1))
        for number, word in enumerate(words, 1):
            above, row[0] = row[:], number
            for at, other in enumerate(others, 1):
                row[at] = min(above[at] + 1, row[at - 1] + 1, above[at - 1] + (word != other))
        self._wrong += row[-1]
        self._words += len(words)

    @property
    def share(self) -> float:
        """Word error rate, 0 to 1 and more."""
        return self._wrong / max(1, self._words)
