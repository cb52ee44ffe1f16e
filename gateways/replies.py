"""What is answered, as the API's description tells it. Answers may hold more than is named here, never less."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Moment = str
"""ISO 8601 in UTC; empty while it has not come."""


class Reply(BaseModel):
    """An object with at least these fields."""

    model_config = ConfigDict(extra="allow")


class Done(Reply):
    """It was done."""

    done: Literal[True]


class State(Reply):
    """How Allo does."""

    ready: bool = Field(description="Calls are answered")
    version: str
    lines: dict[str, Any] = Field(description="Each source of calls and its state", examples=[{"sip": "up"}])
    engines: dict[str, Any] = Field(examples=[{"stt": "vosk vosk-demo-ru", "tts": "espeak-ng ru 165 wpm"}])
    calls: int = Field(ge=0, description="Calls in progress")
    tasks: int = Field(ge=0)
    answers: dict[str, Any] = Field(description="Language models, answer cache, files that can't be used")
    loop_lag_ms: float = Field(ge=0, description="Longest delay of the event loop in the last ten seconds")


class OpenState(State):
    """How Allo does, for everybody."""

    status: str = Field(description="ok where calls are answered", examples=["ok", "starting"])


class WholeState(State):
    """How Allo and its machine do."""

    disk: dict[str, Any]
    versions: dict[str, str]
    up_s: int = Field(ge=0)


class Session(Reply):
    """Whether a key must be given."""

    key_needed: bool


class Call(Reply):
    """A call of the log."""

    id: str
    line: str = Field(examples=["sip"])
    number: str = Field(description="The caller's; empty where it was withheld")
    called: str
    started_at: Moment
    ended_at: Moment | None
    status: Literal["active", "completed", "transferred", "failed", "abandoned"]


class CallRow(Call):
    """A call in a list."""

    seconds: float | None
    question: str | None = Field(description="The first that the caller asked")
    sources: list[str] = Field(description="Bases that answered: general, tech")


class Calls(Reply):
    """A page of calls."""

    calls: list[CallRow]
    total: int = Field(ge=0, description="Of a search 1,001 means more than 1,000")
    page: int
    per_page: int


class Turn(Reply):
    """What a caller said and what was answered."""

    n: int
    heard: str | None
    said: str | None
    said_heard: str | None = Field(description="What of it reached the caller")
    source: str | None
    stages: dict[str, int | float] = Field(description="Milliseconds from the caller's last sound")
    passages: list[dict[str, Any]]


class Event(Reply):
    """Something that happened in a call."""

    at: Moment
    kind: str
    detail: str | None


class WholeCall(Call):
    """Everything of a call."""

    turns: list[Turn]
    events: list[Event]
    timeline: list[dict[str, Any]] = Field(description="Who spoke from when to when, word by word where known")
    recorded: bool


class Deleted(Reply):
    """How many calls were deleted."""

    deleted: int = Field(ge=0)


class Sums(Reply):
    """Sums over a span, each a list of rows."""

    days: list[dict[str, Any]]
    hours: list[dict[str, Any]]
    durations: list[dict[str, Any]]
    latency: list[dict[str, Any]]
    asked: list[dict[str, Any]]
    unanswered: list[dict[str, Any]]


class GsmMessage(Reply):
    """A text message."""

    at: Moment
    way: Literal["in", "out"]
    number: str
    text: str
    state: Literal["", "failed"]


class CallBackRow(Reply):
    """A call that was asked for."""

    id: str
    number: str
    due: Moment
    why: str
    state: Literal["waiting", "done", "failed", "cancelled"]
    tries: int
    note: str


class GsmState(Reply):
    """The GSM lines."""

    lines: dict[str, dict[str, Any]] = Field(description="By name: state and counts; empty where there is none")
    signal: dict[str, list[tuple[int, int]]] = Field(description="By name: (seconds since 1970, dBm) of the last day")
    messages: list[GsmMessage] = Field(description="The oldest first")
    call_backs: list[CallBackRow]


class MessageSent(Reply):
    """The network took the message."""

    sent: Literal[True]


class NetworkText(Reply):
    """What the network answered."""

    text: str


class HeardText(Reply):
    """What was heard in a recording."""

    text: str
    seconds: float = Field(description="Length of the recording")


class Answer(Reply):
    """An answer of a conversation."""

    conversation: str
    text: str
    source: str = Field(description="The base that it comes from: general, tech or empty")
    action: str = Field(description="What a call would do then: transfer, hangup or nothing")
    sentences: list[dict[str, str]]


class SpokenAnswer(Answer):
    """An answer in speech."""

    heard: str
    audio: str = Field(description="WAV, base64")


class Reset(Reply):
    """Whether there was such a conversation."""

    conversation: str
    reset: bool


class Normalised(Reply):
    """A text in canonical writing."""

    raw: str
    normalized: str


class Saved(Reply):
    """What was changed, and the backups of what stood there."""

    replaced: Any = Field(description="Ids of backups")


class Changed(Saved):
    """Which prompts or settings were changed."""

    changed: list[str]


class Prompts(Reply):
    """What the agent says by itself and is told."""

    language: str
    lists: list[str]
    phrases: dict[str, dict[str, Any]]
    files: dict[str, str]


class Tuned(Reply):
    """Settings in force; no secrets."""

    fields: list[dict[str, Any]]
    file: str


class BackupRows(Reply):
    """What texts were before, the newest first."""

    backups: list[dict[str, Any]]


class BackupText(Reply):
    """A text as it was."""

    text: str


class Found(Reply):
    """What a question finds, and why."""

    question: str
    terms: dict[str, float]
    threshold: float
    known: bool
    found: list[dict[str, Any]]


class Converted(Reply):
    """A document as Markdown."""

    markdown: str


class Reports(Reply):
    """Answers that were reported as wrong."""

    file: str
    wrong: list[dict[str, Any]]


class Report(Reply):
    """A reported answer."""

    id: str
    kb: str
    question: str
    expected: str


class Peaks(Reply):
    """The waveform: loudest samples of each column, 0 to 255."""

    caller: list[int]
    agent: list[int]
    length_ms: int


class Object(Reply):
    """An object."""
