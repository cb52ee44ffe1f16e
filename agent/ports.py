"""The doors of the conversation: Protocols and the values that cross them.

Lines, recognisers, voices, models and retrievers live behind these Protocols; the core never
imports one of them. Nothing here does I/O. Positions are samples of the caller's audio since
the line opened (see ``audio.frame``); at most five members to a port.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from agent.question import Base as Base  # noqa: PLC0414 - they belong to the ports
from agent.question import Exchange as Exchange  # noqa: PLC0414
from agent.question import Passage as Passage  # noqa: PLC0414
from agent.question import Question as Question  # noqa: PLC0414
from agent.tool import ToolCall
from audio.frame import AudioFrame
from audio.together import Together

# ---------------------------------------------------------------- the line


@dataclass(frozen=True, slots=True)
class CallerInfo:
    """Who rings, and over what."""

    call_id: str
    """Unique id of this call, chosen by the line, safe in file names."""
    line: str
    """Kind of line: ``sip``, ``asterisk``, ``modem``."""
    number: str
    """The caller's number or user part as signalled; empty when withheld."""
    called: str
    """The number or user part that was dialled; may be empty."""
    rate: int
    """Sample rate of this leg in both directions, Hz (8000 or 16000)."""
    purpose: str | None = None
    """What is said after the greeting where it is we who call, may be empty; ``None``: they rang."""


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key that the caller pressed."""

    digit: str
    """One of ``0-9 * # A-D``."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The leg is gone; always the last event of a line."""

    cause: str
    """Short machine word: ``caller``, ``agent``, ``transfer``, ``lost``, ``cancelled``."""


LineEvent = AudioFrame | Dtmf | HungUp


class LineGone(Exception):  # noqa: N818 - an event of the trade, not a fault
    """The caller left before or while the request was made."""


class Mouth(Protocol):
    """The outgoing direction of a line. Audio goes in ahead of real time; the line paces it.

    ``agent.playout`` is its only user. Nothing here blocks or awaits.
    """

    @property
    def played(self) -> int:
        """Samples of all audio given to ``play`` that were really played so far, cleared ones not counted."""

    def play(self, pcm: bytes) -> None:
        """Queue PCM16 mono at the leg's rate, any length; an odd tail is padded with silence."""

    def pause(self) -> None:
        """Stop playing at once, keep the queue."""

    def resume(self) -> None:
        """Go on from where ``pause`` stopped."""

    def clear(self) -> None:
        """Drop everything queued, silence now, end a pause."""


@runtime_checkable
class Handing(Protocol):
    """Events of a leg that can hand their frames on without waking the reader for each; see ``Line.answer``."""

    async def until(
        self, take: Callable[[AudioFrame], bool], gather: Callable[[], int], together: Together | None = None
    ) -> LineEvent | None:
        """Give frames to ``take``, in order and on the event loop, until it says True or ``interrupt`` is called: None.

        Else the first event that is no frame. ``gather`` tells after a frame how many more, from 1, the leg may let
        come together; ``together`` is asked before several are given. What ``take`` raises is raised here.
        """

    def interrupt(self) -> None:
        """The reader has something to do before the next frame."""


class Line(Protocol):
    """One live two-way leg to a person, deliberately dumb."""

    @property
    def caller(self) -> CallerInfo:
        """Who rings; constant for the life of the line."""

    @property
    def mouth(self) -> Mouth:
        """Where our speech goes."""

    async def answer(self) -> AsyncIterator[LineEvent]:
        """Pick up and return the events of the leg, ending with ``HungUp``.

        Frames are 20 ms, contiguous, delivered in real time for as long as the leg is up (silence
        where the wire has none). Raises ``LineGone`` when the caller left before. Events that are ``Handing`` cost
        less.
        """

    async def hangup(self) -> None:
        """End the leg; harmless when it has ended."""

    async def transfer(self, target: str) -> bool:
        """Give the caller to ``target`` (a SIP URI or dialplan extension; empty: the line's default operator).

        True: the leg has left us and ``HungUp("transfer")`` follows. False: refused, the call goes on.
        """


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a new call is not taken now."""

    reason: Literal["busy", "stopping"]
    retry_after_s: int
    """What a line may tell the caller's side as Retry-After, seconds."""


class FrontDoor(Protocol):
    """What the house hands to a source of lines."""

    def admit(self) -> Refusal | None:
        """Ask before ringing: ``None`` means that one more call has room."""

    def ring(self, line: Line) -> None:
        """A caller is at the door; returns at once, the call runs on its own."""


class LineSource(Protocol):
    """Something that yields lines: a SIP port, an Asterisk, a modem."""

    @property
    def name(self) -> str:
        """Kind of line, as in ``CallerInfo.line``."""

    @property
    def state(self) -> str:
        """One line for ``/health``: ``up``, or what is wrong and what to do."""

    async def run(self, door: FrontDoor, ready: Callable[[], None]) -> None:
        """Serve until cancelled; call ``ready`` once when the source listens (or has begun to reconnect by itself)."""


# ---------------------------------------------------------------- hearing


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word and where it was spoken."""

    text: str
    start: int
    """Position of its first sample."""
    end: int
    """Position after its last sample."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood of one utterance so far."""

    text: str
    """Lower-case words as the recogniser gave them; empty when nothing was understood."""
    final: bool
    """True when no later result will change it."""
    position: int
    """Caller audio up to here was used."""
    words: tuple[Word, ...] = ()
    confidence: float = 1.0
    """How sure the recogniser is of the words on average, 0 to 1; 1 where it does not tell."""
    language: str = ""
    """Which it was, where the recogniser was to find out: ``ru`` or ``en``; empty: it was told."""
    hum: int = 0
    """Samples for which a voice as loud as the words goes on after them: «эээ», a word missed; 0: nobody can tell."""


class Recognizer(Protocol):
    """The ear of one call."""

    def push(self, frame: AudioFrame) -> None:
        """Take one frame; never blocks. Partial transcripts go to the callback given at ``open``, on the event loop."""

    async def peek(self, trailing: bool = False) -> Transcript:
        """Everything understood so far of a caller who paused, the look-ahead included; the utterance goes on.

        ``trailing``: the caller may look for the next word; a slight one at the end, «и», is rather heard than missed.

        Its ``position`` tells how far it reaches: a recogniser that is behind may give less than everything.
        """

    async def finish(self) -> Transcript:
        """The utterance is over: return everything heard since the last ``finish`` and start afresh."""

    async def close(self) -> None:
        """Free what the call used."""


class SpeechToText(Protocol):
    """A recognition engine that opens one Recognizer per call."""

    @property
    def name(self) -> str:
        """Engine and model, for health and the call log."""

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> Recognizer:
        """A fresh recogniser for audio at ``rate`` Hz."""

    async def close(self) -> None:
        """Free models, threads and processes."""


class TurnModel(Protocol):
    """Judges by the sound whether the caller has finished."""

    async def ended(self, pcm: bytes, rate: int) -> float:
        """Probability, 0 to 1, that the turn is over: ``pcm`` is the caller's latest audio (PCM16 mono, up to 8 s).

        Raises ``agent.errors.HearingError``.
        """

    async def close(self) -> None:
        """Free the model."""


# ---------------------------------------------------------------- speaking


@dataclass(frozen=True, slots=True)
class Manner:
    """How the agent speaks to this caller."""

    pace: float = 1.0
    """Speed of speech, 1 is the voice's own; below 1 is slower."""
    gain_db: float = 0.0
    """Loudness above the voice's own, dB."""


@dataclass(frozen=True, slots=True)
class WordStart:
    """Where a word begins to sound; comes before the audio that holds it."""

    offset: int
    """Characters of the text before the word."""
    sample: int
    """Samples of this stream before the word sounds."""


class Makeshift(bytes):
    """Audio of a voice that stands in for the one whose name was told: to be heard, not to be kept."""

    __slots__ = ()


class Synthesizer(Protocol):
    """A voice."""

    @property
    def name(self) -> str:
        """Engine and voice, stable: part of the phrase cache's key."""

    @property
    def rate(self) -> int:
        """Sample rate of its audio, Hz."""

    def synthesize(self, text: str, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """Stream PCM16 mono chunks of one sentence, and the starts of its words where the voice knows them.

        ``pace``: as in ``Manner``. Raises ``agent.errors.VoiceError``.
        """

    async def close(self) -> None:
        """Free what the voice holds."""


# ---------------------------------------------------------------- knowing


class Retriever(Protocol):
    """Finds passages."""

    async def search(self, text: str, history: Sequence[Exchange] = ()) -> tuple[Passage, ...]:
        """Passages for a question, best first; raises ``agent.errors.KnowledgeError``."""


class Embedder(Protocol):
    """Turns texts into vectors, so that texts of like meaning lie close together."""

    @property
    def name(self) -> str:
        """Engine, model and version: vectors of different names can't be compared."""

    @property
    def remote(self) -> bool:
        """True for a model of language, on the network or in memory, that may be slow; false for plain arithmetic."""

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """A vector of length 1 for each text; raises ``agent.errors.KnowledgeError``."""

    async def close(self) -> None:
        """Close connections, free the model."""


class LanguageModel(Protocol):
    """Turns a question with its passages into text."""

    @property
    def name(self) -> str:
        """Provider and model, for health and the call log."""

    def reply(self, question: Question) -> AsyncIterator[str | ToolCall]:
        """Stream the answer's text in pieces of any size; raises ``agent.errors.ModelError``.

        Tools are asked for only where the question offers them. Yields nothing when it does not know: the caller then
        hears the no-answer prompt.
        """

    async def close(self) -> None:
        """Close connections."""


# ---------------------------------------------------------------- doing


@dataclass(frozen=True, slots=True)
class Action:
    """Something done between sentences."""

    kind: Literal["transfer", "hangup"]
    target: str = ""
    """Where to, for ``transfer``; empty: the operator from the settings."""


Effect = Literal["", "offer", "repeat", "aside", "wait", "slower", "faster", "louder", "quieter"]
"""``offer``: a yes now means the operator; ``repeat``: said before, not worth repeating; ``aside``: no answer and not
worth repeating either; ``wait``: the caller asked for time; the rest change the manner of speaking."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """The unit between brain and voice."""

    text: str
    """What is said, as shown in transcripts."""
    source: str = ""
    """``general`` or ``tech`` when it stands on a passage, else empty."""
    action: Action | None = None
    """Done after the sentence was heard."""
    effect: Effect = ""
    """What the conversation is to remember once this sentence is on its way."""
    firm: bool = False
    """The caller may not interrupt it."""


AnswerText = Callable[[str, str], Awaitable[str]]
"""What a text door is handed: who asks (his conversation goes on) and what; the answer, empty when there is none."""


@dataclass(frozen=True, slots=True)
class Health:
    """What ``/health`` says, assembled by the daemon."""

    ready: bool
    version: str
    lines: dict[str, str] = field(default_factory=dict)
    """Each line source and its state."""
    engines: dict[str, str] = field(default_factory=dict)
    """Recogniser, voice and model in use."""
    calls: int = 0
    """Calls in progress."""
    tasks: int = 0
    """asyncio tasks alive: flat over time when nothing leaks."""
    answers: dict[str, object] = field(default_factory=dict)
    """Language models and whether they answer, the answer cache, files that can't be used."""
    records: dict[str, object] = field(default_factory=dict)
    """What keeps records from the disk, and how many entries wait for it; empty: all is well."""
    loop_lag_ms: float = 0.0
    """Longest delay of the event loop in the last ten seconds, milliseconds."""
