"""Engines that give again what they gave in a recorded call, at the same places: a trace read back.

Times are those of ``agent.replaying.virtual_time``: what was noted after the frame that ended at position ``p`` comes
right after that frame, in the noted order. Where the call goes another way than it did, a question that was never asked
then gets the nearest thing known at that place, or is put to today's engine.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from agent.answer import Answering, Watch
from agent.dialogue import Context
from agent.errors import HearingError, StartError, VoiceError
from agent.ports import Action, Recognizer, Sentence, Transcript, WordStart
from agent.speak import Voice
from agent.trace import VERSION
from audio.frame import SAMPLE_BYTES, AudioFrame

STEP_S = 1e-6
"""Virtual time between two notes of one frame, seconds."""
NEAR_MS = 1500
"""An utterance that ended this near to a recorded one is taken for it, milliseconds."""


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a trace."""

    position: int
    due: float
    """Virtual time at which it happened."""
    values: list[Any]
    """What stands after the kind."""


@dataclass(slots=True)
class _Asked:
    """A question to an engine, and the notes of its answer."""

    note: Note
    text: str
    replies: list[Note] = field(default_factory=list)
    used: bool = False


class Recorded:
    """The trace of one call."""

    def __init__(self, lines: list[str], name: str = "trace") -> None:
        """``lines`` of the file; raises ``StartError`` naming ``name`` when they are no trace of this version.

        Of a call that went on in another process only the part of the first is taken.
        """
        lines = lines[:1] + list(takewhile(lambda line: not line.startswith("{"), lines[1:]))
        try:
            self.head: dict[str, Any] = json.loads(lines[0])
            rows = [json.loads(line) for line in lines[1:]]
        except (IndexError, ValueError):
            raise StartError(f"{name}: not a trace, or cut off in the middle of a line") from None
        if not isinstance(self.head, dict) or self.head.get("version") != VERSION:
            raise StartError(f"{name}: a trace of another version; this Allo replays version {VERSION}")
        self.rate = int(self.head["rate"])
        self.notes: dict[str, list[Note]] = defaultdict(list)
        self.story = [row for row in rows if row[1] in ("decision", "event")]
        """Decisions and events as noted."""
        self.followed = True
        """False once the replayed call went another way."""
        self._sort(rows)
        self._answers = _asked(self.notes["answer"])
        self._voices = _asked(self.notes["voice"])
        self._played = self._delta = self._played_at = self._next_played = 0

    @classmethod
    def read(cls, path: Path) -> "Recorded":
        """Read a trace file."""
        try:
            return cls(path.read_text(encoding="utf-8").splitlines(), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise StartError(f"{path}: can't be read: {error}") from None

    def _sort(self, rows: list[list[Any]]) -> None:
        before, nth = -1, 0
        for position, kind, *values in rows:
            nth = nth + 1 if position == before else 1
            before = position
            self.notes[kind].append(Note(position, position / self.rate + nth * STEP_S, values))

    def now(self) -> int:
        """Position of the caller's newest frame."""
        return int(asyncio.get_running_loop().time() * self.rate + 1e-3)

    def played(self, position: int) -> int:
        """The mouth's count at the frame that ends at ``position``; frames are asked for in order."""
        notes = self.notes["played"]
        frame = position - self._played_at if self._played_at else position
        self._played_at = position
        if self._next_played < len(notes) and notes[self._next_played].position <= position:
            self._played, self._delta = notes[self._next_played].values
            self._next_played += 1
        elif frame:
            self._played += self._delta
        return self._played

    def cleared(self, played: int) -> int:
        """The mouth's count when it was cleared now."""
        now = self.now()
        known = next((note.values[0] for note in self.notes["clear"] if note.position == now), played)
        self._played = max(self._played, known)
        return int(known)

    def keys(self, position: int) -> list[str]:
        """Keys that were pressed right after the frame that ends at ``position``."""
        return [note.values[0] for note in self.notes["key"] if note.position == position]

    async def transfer(self) -> bool:
        """How the transfer under way ended, when it did."""
        now = self.now()
        for note in self.notes["transfer"]:
            if note.position >= now:
                await until(note.due)
                return bool(note.values[0])
        return False

    def answer(self, text: str) -> _Asked | None:
        """The recorded answer to ``text``."""
        return _take(self._answers, text, self.now())

    async def ended(self, asked: _Asked) -> None:
        """Return, unless the answer never ended: then it is waited for until somebody gives up, as then."""
        whole = bool(asked.replies) and asked.replies[-1].values[1] == "ends"
        if self.followed and not whole:
            await asyncio.get_running_loop().create_future()

    def voicing(self, text: str) -> _Asked | None:
        """The recorded voicing of ``text``."""
        return _take(self._voices, text, self.now())


async def until(due: float) -> None:
    """Wait for a virtual time; past ones are not waited for."""
    await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


def _asked(notes: list[Note]) -> list[_Asked]:
    numbered: dict[int, _Asked] = {}
    for note in notes:
        number, what = note.values[0], note.values[1]
        if what == "asks":
            numbered[number] = _Asked(note, note.values[2])
        else:
            numbered[number].replies.append(note)
    return list(numbered.values())


def _take(asked: list[_Asked], text: str, now: int) -> _Asked | None:
    """The question put here, else one like it that has not been used."""
    same = [one for one in asked if one.text == text and not one.used]
    found = next((one for one in same if one.note.position == now), same[0] if same else None)
    if found is not None:
        found.used = True
    return found


class RecordedStt:
    """Opens ears that hear what was heard then."""

    name = "as recorded"

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    async def open(self, rate: int, on_partial: Callable[[Transcript], None]) -> Recognizer:
        """The recorded ear, when it was open then."""
        if opened := self._recorded.notes["ear"]:
            await until(opened[0].due)
        loop = asyncio.get_running_loop()
        for note in self._recorded.notes["partial"]:
            text, position = note.values
            loop.call_at(note.due, on_partial, Transcript(text, False, position))
        return _RecordedEar(self._recorded)

    async def close(self) -> None:
        """Nothing to free."""


class _RecordedEar:
    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    def push(self, frame: AudioFrame) -> None:
        """The words are known."""

    async def peek(self, trailing: bool = False) -> Transcript:
        return await self._again("peek")

    async def finish(self) -> Transcript:
        return await self._again("finish")

    async def close(self) -> None:
        """Nothing to free."""

    async def _again(self, kind: str) -> Transcript:
        now = self._recorded.now()
        notes = self._recorded.notes[kind]
        exact = next((note for note in notes if note.values[1] == now), None)
        note = exact or (self._near(notes, now) if kind == "finish" else None)
        if note is None:
            return Transcript(self._known(now), kind == "finish", now)
        if exact:
            await until(note.due)
        _, _, text, position, sure = note.values
        if text is None:
            raise HearingError("the recogniser failed, as it did in the recorded call")
        return Transcript(text, kind == "finish", position, confidence=sure)

    def _near(self, notes: list[Note], now: int) -> Note | None:
        reach = NEAR_MS * self._recorded.rate // 1000
        near = [note for note in notes if abs(note.values[1] - now) <= reach]
        return min(near, key=lambda note: abs(note.values[1] - now), default=None)

    def _known(self, now: int) -> str:
        """What had been understood of the utterance by ``now``: the newest partial since the last one ended."""
        ended = max((note.position for note in self._recorded.notes["finish"] if note.position <= now), default=-1)
        texts = [note.values[0] for note in self._recorded.notes["partial"] if ended < note.position <= now]
        return texts[-1] if texts else ""


class RecordedVoice:
    """Speaks as long as the voice did then; the samples themselves are silence."""

    def __init__(self, recorded: Recorded, today: Voice) -> None:
        self._recorded, self._today = recorded, today

    async def speech(self, text: str, rate: int, pace: float = 1.0) -> AsyncIterator[bytes | WordStart]:
        """The recorded pieces, else today's."""
        asked = self._recorded.voicing(text)
        if asked is None:
            async for piece in self._today.speech(text, rate, pace):
                yield piece
            return
        for note in asked.replies:
            if self._recorded.followed:
                await until(note.due)
            _, what, *values = note.values
            if what == "pcm":
                yield bytes(values[0] * SAMPLE_BYTES)
            elif what == "word":
                yield WordStart(*values)
            elif what == "fails":
                raise VoiceError("the voice failed, as it did in the recorded call")
        await self._recorded.ended(asked)

    def ready(
        self, text: str, rate: int, pace: float = 1.0, *, anyhow: bool = False
    ) -> tuple[bytes | WordStart, ...] | None:
        """What was at hand then."""
        now = self._recorded.now()
        found = next((note.values[1] for note in self._recorded.notes["ready"] if note.position == now), None)
        return None if found is None else (bytes(found * SAMPLE_BYTES),)


class RecordedAnswers:
    """Answers as it was answered then."""

    def __init__(self, recorded: Recorded, today: Answering) -> None:
        self._recorded, self._today = recorded, today
        self.is_backchannel = today.is_backchannel
        self.alike = today.alike

    async def sentences(self, text: str, context: Context, watch: Watch) -> AsyncGenerator[Sentence, None]:
        """The recorded sentences, else today's."""
        asked = self._recorded.answer(text)
        if asked is None:
            async for sentence in self._today.sentences(text, context, watch):
                yield sentence
            return
        for note in asked.replies:
            if self._recorded.followed:
                await until(note.due)
            _, what, *values = note.values
            if what == "stage":
                watch.reached(values[0])
            elif what == "token":
                watch.token()
            elif what == "says":
                yield _sentence(values[0])
        await self._recorded.ended(asked)


class RecordedTurnModel:
    """Judges as the end-of-turn model did."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded

    async def ended(self, pcm: bytes, rate: int) -> float:
        """The recorded probability asked for here; even odds where it was not asked."""
        now = self._recorded.now()
        note = next((note for note in self._recorded.notes["sound"] if note.values[0] == now), None)
        if note is None:
            return 0.5
        await until(note.due)
        return float(note.values[1])

    async def close(self) -> None:
        """Nothing to free."""


def _sentence(values: dict[str, Any]) -> Sentence:
    action = Action(**values["action"]) if values["action"] else None
    return Sentence(**{**values, "action": action})
