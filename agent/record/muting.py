"""Spoken card numbers and codes are silenced in the recording, on both sides, as soon as their words are known.

A number may be said in several utterances; those of the last minute are read together. What was written by then is
silenced in the file, while the call goes on; in a sealed file the chunk is sealed anew.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from agent.attending import Emit
from agent.events import AgentSaid, CallEvent, Noted
from agent.ports import Word
from agent.record.redaction import LABELS, Redaction, card_numbers
from agent.recording import Keeping
from agent.settings_upkeep import Mute, Privacy

WINDOW_S = 60
"""Utterances that may hold parts of one number lie so close together, seconds."""
MARGIN_MS = 250
"""Silenced before and after the words: recognisers' times are not exact, milliseconds."""
APART_MS = 1500
"""Words of a number that are farther apart are silenced each for itself, milliseconds."""


def is_wished(mute: Mute, privacy: Privacy) -> bool:
    """What the setting comes to."""
    return mute == "always" or (mute == "redacted" and privacy.redact)


@runtime_checkable
class Mutable(Protocol):
    """A recording in which stretches can be silenced."""

    @property
    def position(self) -> int:
        """Samples of each side so far."""

    def mute(self, start: int, end: int) -> None:
        """Silence both sides from position ``start`` up to ``end``."""


class Muting:
    """An attendant of one call; see ``agent.attending``."""

    def __init__(self, language: str, rate: int, emit: Emit) -> None:
        self._language, self._rate, self._emit = language, rate, emit
        self._words: deque[Word] = deque()
        self._told = Redaction(language)
        self._recording: Mutable | None = None
        self._agent_since = 0
        """Where the agent's present speech may have begun, a position."""
        self._done: set[tuple[int, int]] = set()

    def recorded(self, recording: Keeping | None) -> None:
        """What is to be silenced."""
        self._recording = recording if isinstance(recording, Mutable) else None

    def frame(self, caller: bytes) -> None:
        """Nothing to do."""

    def heard(self, words: tuple[Word, ...]) -> None:
        """Silence what of the last minute is a card's."""
        self._words.extend(words)
        while self._words and self._words[0].start < words[-1].end - WINDOW_S * self._rate:
            self._words.popleft()
        texts = [word.text for word in self._words]
        self._told.caller(" ".join(texts))
        margin = MARGIN_MS * self._rate // 1000
        for start, end in self._spans(texts):
            self._mute(max(start - margin, 0), end + margin)

    def observe(self, event: CallEvent) -> None:
        """The agent's own words may repeat the number."""
        if not isinstance(event, AgentSaid) or self._recording is None:
            return
        since, self._agent_since = self._agent_since, self._recording.position
        labels = (f"[{LABELS[self._language][kind]}]" for kind in ("card", "code"))
        kept = self._told.agent(event.said)
        if any(label in kept for label in labels):
            self._mute(since, self._agent_since)

    def _spans(self, texts: Sequence[str]) -> Iterator[tuple[int, int]]:
        """(first sample, the one after the last) of each stretch to be silenced."""
        apart = APART_MS * self._rate // 1000
        for first, last in card_numbers(" ".join(texts), self._language):
            span: tuple[int, int] | None = None
            for word in _within(self._words, texts, first, last):
                if span is not None and word.start - span[1] > apart:
                    yield span
                    span = None
                span = (span[0] if span else word.start, word.end)
            if span is not None:
                yield span

    def _mute(self, start: int, end: int) -> None:
        if self._recording is None or (start, end) in self._done:
            return
        if not self._done:
            self._emit(Noted("muted", "card"))
        self._done.add((start, end))
        self._recording.mute(start, end)


def _within(words: Sequence[Word], texts: Sequence[str], first: int, last: int) -> Iterator[Word]:
    """Words that stand between two characters of their joined text."""
    at = 0
    for word, text in zip(words, texts, strict=True):
        if at < last and at + len(text) > first:
            yield word
        at += len(text) + 1
