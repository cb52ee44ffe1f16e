"""One caller's Kaldi decoder, as Vosk gives it: what runs in the recogniser's threads and knows no event loop."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vosk

from agent.errors import StartError
from audio.frame import FRAME_MS, SAMPLE_BYTES
from audio.level import dbfs
from audio.resample import Resampler, resample

log = logging.getLogger(__name__)
BLOCK_FRAMES = 6
"""Frames that are decoded together: the network steps by 120 ms."""
RIVALS = 6
"""Hypotheses that are looked at when the caller paused."""
NEARLY = 5.0
"""One that is less likely than the best by no more than this may be what was said, natural logarithm."""
UNKNOWN = "[unk]"
"""What is none of the words."""
SHOWN = 10
"""Words of a grammar that are named in a warning."""
LOUDEST, AS_LOUD_DB = 0.9, 15.0
"""A frame is as loud as the words within so many dB of what a tenth of all frames exceeds."""
SLIGHT = 1
"""Letters of a word that is easily missed at the end: «и», «в», "a"."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one step of the decoder brought."""

    pieces: tuple[dict[str, Any], ...]
    """Vosk's results that are final."""
    partial: dict[str, Any]
    hum: int = 0
    """See ``hum``."""


class Decoder:
    """One recogniser; never used by two threads at once."""

    def __init__(self, model: vosk.Model, rate: int, fed_rate: int, grammar: str = "") -> None:
        """``grammar``: a JSON list of phrases, empty: the whole vocabulary."""
        self._limits = (grammar,) if grammar else ()
        self._recognizer = vosk.KaldiRecognizer(model, fed_rate, *self._limits)
        self._recognizer.SetWords(True)
        self._recognizer.SetPartialWords(True)
        self._up = Resampler(rate, fed_rate) if fed_rate != rate else None
        self._model, self._rate, self._fed_rate = model, rate, fed_rate
        self._block = BLOCK_FRAMES * FRAME_MS * rate // 1000 * 2

    def peek(self, pcm: bytes, trailing: bool) -> Heard:
        """Decode an utterance so far with a recogniser of its own; ``trailing``: see ``likeliest``.

        The one that listens on is left alone: silence pushed through it to bring the last words out makes it
        mishear what follows (word error rate in noise 9 -> 16 %, measured on tests/speech).
        """
        scout = vosk.KaldiRecognizer(self._model, self._fed_rate, *self._limits)
        scout.SetWords(True)
        if trailing:
            scout.SetMaxAlternatives(RIVALS)
        pieces = []
        if scout.AcceptWaveform(resample(pcm, self._rate, self._fed_rate)):
            pieces.append(json.loads(scout.Result()))
        pieces.append(json.loads(scout.FinalResult()))
        if trailing:
            pieces = [likeliest(piece["alternatives"]) for piece in pieces]
        words = [word for piece in pieces for word in piece.get("result", ())]
        after = hum(pcm, self._rate, round(words[-1]["end"] * self._rate)) if trailing and words else 0
        return Heard(tuple(pieces), {}, after)

    def step(self, pcm: bytes) -> Heard:
        """Decode whole blocks of ``BLOCK_FRAMES``."""
        pieces = self._decode(pcm)
        return Heard(tuple(pieces), json.loads(self._recognizer.PartialResult()))

    def conclude(self, pcm: bytes) -> Heard:
        """Decode the rest and flush the look-ahead; the next audio begins a new utterance."""
        pieces = self._decode(pcm)
        if self._up:
            pieces += self._accept(self._up.flush())
        pieces.append(json.loads(self._recognizer.FinalResult()))
        return Heard(tuple(pieces), {})

    def _decode(self, pcm: bytes) -> list[dict[str, Any]]:
        """What Vosk hears depends a little on how its input is cut: so it is cut by position, not by what waited."""
        pieces: list[dict[str, Any]] = []
        for start in range(0, len(pcm), self._block):
            block = pcm[start : start + self._block]
            pieces += self._accept(self._up.push(block) if self._up else block)
        return pieces

    def _accept(self, pcm: bytes) -> list[dict[str, Any]]:
        """The result that this audio made final, if it did."""
        if pcm and self._recognizer.AcceptWaveform(pcm):
            return [json.loads(self._recognizer.Result())]
        return []


def likeliest(alternatives: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of Vosk's texts; but one with a slight word at its end is taken where it is nearly as likely.

    A word of one sound, with which few sentences end, loses against none; it is where callers stop to think.
    """
    best = alternatives[0]
    for other in alternatives if best["text"] else ():
        longer = len(other["text"].split()) >= len(best["text"].split())
        slight = len(other["text"].split(" ")[-1]) == SLIGHT
        if slight and longer and best["confidence"] - other["confidence"] <= NEARLY:
            return other
    return best


def hum(pcm: bytes, rate: int, end: int) -> int:
    """Samples for which a voice as loud as the words goes on after sample ``end``, where the last of them is over."""
    size = rate * FRAME_MS // 1000 * SAMPLE_BYTES
    levels = [dbfs(pcm[start : start + size]) for start in range(0, len(pcm), size)]
    least = sorted(levels)[int(LOUDEST * len(levels))] - AS_LOUD_DB if levels else 0.0
    last = max((number for number, level in enumerate(levels, 1) if level >= least), default=0)
    return max(0, last * size // SAMPLE_BYTES - end)


def read_grammar(file: Path, folder: Path) -> list[str]:
    """The phrases of ``file`` for the model in ``folder``, if its graph takes any; raises ``StartError``."""
    if not (folder / "graph" / "HCLr.fst").is_file():
        raise StartError(f"[stt] grammar: the graph of {folder.name} is fixed; take a model that has graph/HCLr.fst")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"[stt] grammar: {file} can't be read: {error}") from None
    phrases = [" ".join(line.lower().split()) for line in lines if line.strip() and not line.startswith("#")]
    if not phrases:
        raise StartError(f"[stt] grammar: {file} has no phrases")
    return phrases


def grammar(phrases: Sequence[str], knows: Callable[[str], bool], file: Path) -> str:
    """The phrases as Vosk wants them; those with a word that the model does not know can't be heard.

    ``knows`` tells whether a word is in its vocabulary. Vosk itself would warn of each word at each call, and hear the
    rest of the phrase. Raises ``StartError`` where no phrase is left.
    """
    strange = sorted({word for phrase in phrases for word in phrase.split() if not knows(word)})
    left = [phrase for phrase in phrases if all(knows(word) for word in phrase.split())]
    if not left:
        raise StartError(f"[stt] grammar: {file}: the model knows the words of no phrase; the first is {strange[0]!r}")
    if strange:
        shown = ", ".join(strange[:SHOWN])
        log.warning("[stt] grammar: phrases with words that the model does not know are left out: %s", shown)
    return json.dumps([*left, *([UNKNOWN] if knows(UNKNOWN) else [])], ensure_ascii=False)


def native_rate(folder: Path) -> int | None:
    """The model's own rate when it can't be fed a lower one (Kaldi only ever goes down by itself); else None."""
    try:
        options = (folder / "conf" / "mfcc.conf").read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return None
    if "--allow-upsample=true" in options:
        return None
    rates = [option.partition("=")[2] for option in options if option.startswith("--sample-frequency=")]
    return int(float(rates[-1])) if rates else None
