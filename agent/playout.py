"""The one owner of the mouth: what was pushed, what of it was heard.

Sentences are pushed ahead of real time; ``clear`` closes the handle that pushed them, so a late
chunk of a dead reply has nowhere to go, and returns what the caller really heard.
"""

from collections import deque
from dataclasses import dataclass, field

from agent.ports import Mouth
from audio.frame import SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class Heard:
    """What of a speech reached the caller."""

    text: str
    """Heard sentences; the last one cut to its played words, or to the words that fit its played part."""
    said: str
    """Everything that was given to the voice."""
    complete: bool
    """True when nothing was lost."""
    samples: int = 0
    """How much audio of it was heard, fillers aside."""


@dataclass(slots=True)
class _Spoken:
    """One sentence and where its audio lies, in samples of the mouth's count."""

    text: str
    start: int
    end: int
    firm: bool = False
    filler: bool = False
    finished: bool = False
    marks: list[tuple[int, int]] = field(default_factory=list)
    """Samples of it after which so many characters of the text were said, rising."""

    def holds(self, played: int) -> bool:
        """True while it is being heard; a voice that is late does not end it."""
        return self.start < self.end and self.start <= played and (played < self.end or not self.finished)

    def heard(self, played: int) -> int:
        """Samples of it that were heard."""
        return min(max(played - self.start, 0), self.end - self.start)


class Speech:
    """The handle of one reply; dead after the next ``begin`` or ``clear``."""

    def __init__(self, playout: "Playout") -> None:
        """Made by ``Playout.begin`` only."""
        self._playout = playout
        self.sentences: list[_Spoken] = []

    @property
    def alive(self) -> bool:
        """False once the mouth belongs to somebody else."""
        return self._playout.speech is self

    @property
    def heard(self) -> Heard:
        """What was heard of it until now."""
        played = self._playout.played
        said = " ".join(sentence.text for sentence in self.sentences)
        parts = [_part(sentence, played) for sentence in self.sentences]
        complete = all(sentence.finished and sentence.end <= played for sentence in self.sentences)
        samples = sum(sentence.heard(played) for sentence in self.sentences if not sentence.filler)
        return Heard(" ".join(part for part in parts if part), said, complete, samples)

    def open_sentence(self, text: str, firm: bool = False) -> None:
        """What is pushed next belongs to ``text``; ``firm``: the caller may not interrupt it."""
        at = self._playout.pushed
        self.sentences.append(_Spoken(text, at, at, firm))
        if firm:
            self._playout.keep_firm(self.sentences[-1])

    def close_sentence(self) -> None:
        """The audio of the open sentence is complete."""
        self.sentences[-1].finished = True

    def mark(self, said: int, sample: int) -> None:
        """``said`` characters of the open sentence were heard when ``sample`` samples of it were played."""
        self.sentences[-1].marks.append((sample, said))

    def push(self, pcm: bytes) -> bool:
        """Give audio of the open sentence, or a breath after a closed one; False when the handle is dead."""
        if not self.alive:
            return False
        self._playout.push(pcm)
        if self.sentences and not self.sentences[-1].finished:
            self.sentences[-1].end = self._playout.pushed
        return True

    @property
    def waiting(self) -> bool:
        """True when no audio came since the last sentence was closed."""
        newest = self.sentences[-1] if self.sentences else None
        return self.alive and (newest is None or newest.finished or newest.start == newest.end)

    @property
    def wants_breath(self) -> bool:
        """True when the last sentence's end was the last that was pushed."""
        return bool(self.sentences) and self.sentences[-1].end == self._playout.pushed

    def fill(self, text: str, pcm: bytes, breath: bytes) -> None:
        """Say a short phrase and a breath before the sentence that is being made; only while ``waiting``."""
        opened = self.sentences.pop() if self.sentences and not self.sentences[-1].finished else None
        at = self._playout.pushed
        self._playout.push(pcm)
        self.sentences.append(_Spoken(text, at, self._playout.pushed, filler=True, finished=True))
        self._playout.push(breath)
        if opened is not None:
            opened.start = opened.end = self._playout.pushed
            self.sentences.append(opened)


class Playout:
    """Pushes to one ``Mouth`` and knows what is still to be heard."""

    def __init__(self, mouth: Mouth) -> None:
        """``mouth`` belongs to this playout alone from now on."""
        self._mouth = mouth
        self._pushed = mouth.played
        self._pending: deque[bytes] = deque()
        self._begun = 0
        """Bytes of the first pending piece that were taken."""
        self._taken = mouth.played
        self._paused = False
        self._firm: list[_Spoken] = []
        self.speech: Speech | None = None

    @property
    def pushed(self) -> int:
        """Samples given to the mouth, cleared ones not counted."""
        return self._pushed

    @property
    def played(self) -> int:
        """Samples heard."""
        return self._mouth.played

    @property
    def audible(self) -> bool:
        """True while something is being heard or is paused."""
        return self._pushed > self._mouth.played

    @property
    def paused(self) -> bool:
        """True while the tongue is held."""
        return self._paused

    @property
    def idle(self) -> bool:
        """True when all that was given was heard, or cleared, and taken for the recording."""
        return self._taken == self._pushed and not self._pending

    @property
    def firm(self) -> bool:
        """True while a sentence that may not be interrupted is being heard or is paused."""
        if not self._firm:
            return False
        played = self._mouth.played
        return any(sentence.holds(played) for sentence in self._firm)

    def begin(self) -> Speech:
        """Open the mouth for a new reply; the earlier handle dies, its audio plays on."""
        played = self._mouth.played
        self._firm = [sentence for sentence in self._firm if sentence.finished and sentence.end > played]
        self.speech = Speech(self)
        return self.speech

    def keep_firm(self, sentence: _Spoken) -> None:
        """For ``Speech`` only."""
        self._firm.append(sentence)

    def push(self, pcm: bytes) -> None:
        """For ``Speech`` only."""
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"{len(pcm)} bytes are not whole 16-bit samples")
        if pcm:
            self._mouth.play(pcm)
            self._pending.append(pcm)
            self._pushed += len(pcm) // SAMPLE_BYTES

    def pause(self) -> None:
        """Hold the tongue, keep the rest."""
        if not self._paused:
            self._paused = True
            self._mouth.pause()

    def resume(self) -> None:
        """Go on where ``pause`` stopped."""
        if self._paused:
            self._paused = False
            self._mouth.resume()

    def clear(self) -> Heard:
        """Silence now, kill the present handle, and tell what was heard of it."""
        self._mouth.clear()
        self._paused = False
        heard = self.speech.heard if self.speech else Heard("", "", complete=True)
        self._pushed = self._mouth.played
        self._firm.clear()
        self.speech = None
        return heard

    def take_played(self) -> bytes:
        """Audio heard since the last call, for the recording."""
        want = (self._mouth.played - self._taken) * SAMPLE_BYTES
        if want <= 0:
            if self._pending and self._pushed == self._taken:
                self._forget()  # cleared before a sample of it was heard
            return b""
        self._taken = self._mouth.played
        taken = self._take(want)
        if self._pushed == self._taken:
            self._forget()
        return taken

    def _forget(self) -> None:
        self._pending.clear()
        self._begun = 0

    def _take(self, want: int) -> bytes:
        piece, end = self._pending[0] if self._pending else b"", self._begun + want
        if end < len(piece):  # what nearly always is
            taken, self._begun = piece[self._begun : end], end
            return taken
        taken = b""
        while self._pending:
            piece, end = self._pending[0], self._begun + want - len(taken)
            taken += piece[self._begun : end]
            if end < len(piece):
                self._begun = end
                return taken
            self._pending.popleft()
            self._begun = 0
            if len(taken) == want:
                return taken
        return taken


def _part(sentence: _Spoken, played: int) -> str:
    """The words of a sentence that were heard: by their times, else those that fit its played share, rounded down."""
    if sentence.finished and played >= sentence.end:
        return sentence.text
    heard = sentence.heard(played)
    if heard <= 0:
        return ""
    if sentence.marks:
        reach = max((said for sample, said in sentence.marks if sample <= heard), default=0)
    else:
        reach = int(heard / (sentence.end - sentence.start) * len(sentence.text))
    kept = sentence.text[:reach]
    if reach < len(sentence.text) and not sentence.text[reach].isspace():
        kept = kept.rpartition(" ")[0]
    return kept.rstrip(" ,;:-")
