"""What one voice has made of a sentence: at the house's rate and loudness, the last of it held back for a while.

When a voice dies in the middle of a word nobody can go on in the next one, and what was given out can't be taken back.
So of the audio that the line doesn't need yet the newest is held: after a failure it is cut at a word's border, and
another voice goes on with the next word. Nothing is held when the line would otherwise run dry. Pure.
"""

import re
from collections.abc import Sequence

import numpy as np

from agent.errors import VoiceError
from agent.ports import WordStart
from agent.voices.word_borders import Borders
from audio.frame import SAMPLE_BYTES
from audio.level import FULL_SCALE, dbfs
from audio.loudness import TARGET_DBFS, Leveller
from audio.resample import Resampler

HELD_S = 0.7
"""Newest audio that is held back where the line can do without it, seconds: longer than most words."""
LEAD_S = 0.25
"""The line is always given so much more than it has played, where there is so much, seconds."""
STEP_S = 0.06
"""How much of what is held is given when the line comes nearer than that, seconds."""
LETTER_S = 0.07
"""A letter takes so long where nothing is known of the voice, seconds."""
WHOLE = 0.9
"""A word of which so much was said is over."""
LEANING = 8.0
"""What a short word beside a seam counts, natural logarithm of power."""
HALF = 0.5
"""A last word of which so much was said is taken for said when the voice itself says that it has finished."""
MOSTLY = 0.8
"""A word that can't be taken back is said again, unless so much of it was heard."""

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_LOUD_NOISE_DBFS = -12.0
_DYING_DB = 20.0
"""Ends that are so much quieter than speech are natural."""
_WHITE = 1.2
"""Energy of the differences of white noise is twice its own, that of speech a fraction."""


class Take:
    """One voice's try at a sentence, or at the rest of one."""

    def __init__(self, source: int, rate: int, level_dbfs: float | None, holds: bool) -> None:
        """``source``: the voice's rate; ``level_dbfs``: its loudness where known; ``holds``: another may go on."""
        self._source, self._rate, self.holds = source, rate, holds
        self._change, self.leveller = Resampler(source, rate), Leveller(rate, level_dbfs)
        self._checked = False
        self.pcm = bytearray()
        """All audio, PCM16 mono at the house's rate."""
        self.given = 0
        """Samples that were given out."""
        self.words: list[WordStart] = []
        """Word starts in samples of ``pcm``."""
        self._told = 0
        self._ended = False

    @property
    def made(self) -> int:
        """Samples made."""
        return len(self.pcm) // SAMPLE_BYTES

    @property
    def made_s(self) -> float:
        """The same in seconds."""
        return self.made / self._rate

    @property
    def given_s(self) -> float:
        """Given out, seconds."""
        return self.given / self._rate

    @property
    def abrupt(self) -> bool:
        """True when the last of it is as loud as speech: a sentence dies away, a lost connection doesn't."""
        tail = bytes(self.pcm[-self._rate // 50 * SAMPLE_BYTES :])
        return dbfs(tail) > TARGET_DBFS - _DYING_DB

    def add(self, pcm: bytes) -> None:
        """Audio at the voice's rate; raises ``VoiceError`` when it is no speech."""
        if not self._checked and len(pcm) >= self._source // 50 * SAMPLE_BYTES:
            self._checked = True
            if is_noise(pcm):
                raise VoiceError("sends noise instead of speech")
        self.pcm += self.leveller.push(self._change.push(pcm))

    def mark(self, word: WordStart) -> None:
        """The voice tells the start of a word, in its own samples."""
        self.words.append(WordStart(word.offset, word.sample * self._rate // self._source))

    def passed(self) -> list[WordStart]:
        """Word starts within what was given out that were not returned before."""
        begin = self._told
        while self._told < len(self.words) and self.words[self._told].sample < self.given:
            self._told += 1
        return self.words[begin : self._told]

    def end(self) -> None:
        """Nothing more comes; harmless when that is known."""
        if not self._ended:
            self._ended = True
            self.pcm += self.leveller.push(self._change.flush()) + self.leveller.flush()

    def ready(self, playing_s: float) -> bytes:
        """What may be given out when the line has come to ``playing_s`` of this take, seconds."""
        lead = round((playing_s + LEAD_S) * self._rate)
        step = self.given + round(STEP_S * self._rate)
        wanted = self.made - (round(HELD_S * self._rate) if self.holds else 0)
        if lead > self.given:
            wanted = max(wanted, lead, step)
        return self._give(wanted)

    def rest(self, until: int | None = None) -> bytes:
        """Everything that is left, up to the sample ``until``."""
        return self._give(self.made if until is None else until)

    def _give(self, until: int) -> bytes:
        until = min(until, self.made)
        if until <= self.given:
            return b""
        out = bytes(self.pcm[self.given * SAMPLE_BYTES : until * SAMPLE_BYTES])
        self.given = until
        return out


def is_noise(pcm: bytes) -> bool:
    """True for loud PCM16 that can't be speech: compressed audio, or samples that are shifted by a byte."""
    samples = np.frombuffer(pcm, dtype="<i2", count=len(pcm) // SAMPLE_BYTES).astype(np.float32) / np.float32(
        FULL_SCALE
    )
    energy = float((samples * samples).mean())
    if energy < 10.0 ** (_LOUD_NOISE_DBFS / 10.0):
        return False
    steps = np.diff(samples)
    return float((steps * steps).mean()) > _WHITE * energy


def words_of(text: str) -> list[int]:
    """Where each word begins, in characters."""
    return [found.start() for found in _WORD.finditer(text)]


def too_short(text: str, seconds: float, letter_s: float | None, abrupt: bool) -> bool:
    """True when a voice may not have said all of ``text`` in that time; ``letter_s``: how long it takes for one.

    ``abrupt``: it did not end as sentences do, so a little is enough to doubt it; all there is where it is not known.
    """
    letters = sum(len(found[0]) for found in _WORD.finditer(text))
    if letter_s is None:
        return abrupt or seconds < 0.5 * letters * LETTER_S
    return seconds < (0.9 if abrupt else 0.75) * letters * letter_s


def letter_time(text: str, seconds: float) -> float | None:
    """How long a letter took; None for a text too short to tell."""
    letters = sum(len(found[0]) for found in _WORD.finditer(text))
    return seconds / letters if letters >= 15 else None


def told(text: str, words: Sequence[WordStart], samples: int) -> Borders | None:
    """Borders as the voice itself told them; None where it did not tell all words."""
    starts = {word.offset: word.sample for word in words if word.sample < samples}
    if not starts:
        return None
    if len([place for place in words_of(text) if place <= max(starts)]) > len(starts):
        return None
    found = sorted(starts.items())
    later = [place for place in words_of(text) if place > found[-1][0]]
    return Borders(tuple(found), later[0] if later else -1, 0.0)


def by_letters(text: str, samples: int, rate: int, letter_s: float | None) -> Borders:
    """Borders where nobody knows better: each letter takes as long as the others."""
    per_letter = (letter_s or LETTER_S) * rate
    found, at, place = list[tuple[int, int]](), 0.0, 0
    for word in _WORD.finditer(text):
        place, begin = word.start(), at
        if begin >= samples:
            return Borders(tuple(found), place, 1.0 if found else 0.0)
        found.append((place, int(begin)))
        at += len(word[0]) * per_letter
    into = (samples - found[-1][1]) / max(at - found[-1][1], 1.0) if found else 1.0
    return Borders(tuple(found), -1, min(into, 1.0))


def resumed(borders: Borders, given: int, made: int, text: str) -> tuple[int, int]:
    """Where to end audio of which ``given`` samples of ``made`` are out, and the character to go on from."""
    following = borders.next_word if borders.next_word >= 0 else len(text)
    if not borders.words:
        return given, min(following, len(text))
    offset, begins = borders.words[-1]
    if borders.into_last >= WHOLE and (begins < given or following == len(text)):
        return made, following
    if begins < given:
        return (made, following) if borders.into_last >= MOSTLY else (given, offset)
    offset, begins = borders.words[_best_seam(borders, given, text)]
    return begins, offset


def _best_seam(borders: Borders, given: int, text: str) -> int:
    """The word that begins where it is quietest, among those that can still be taken back; else the last of them."""
    last = len(borders.words) - 1
    if not borders.loudness:
        return last
    free = [place for place, (_, begins) in enumerate(borders.words) if begins >= given]
    return min(free, key=lambda place: (borders.loudness[place] + _hurry(borders, place, text), -place))


def _hurry(borders: Borders, place: int, text: str) -> float:
    """A seam before or behind a word of one syllable is a bad one: such words lean on their neighbours."""
    around = [text[borders.words[near][0] :].split(maxsplit=1)[0] for near in (place - 1, place) if near >= 0]
    return LEANING * sum(len(word) <= 3 for word in around)
