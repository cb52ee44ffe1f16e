"""What requests may ask, checked by pydantic; the same models describe the API."""

import hashlib
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

Status = Literal["active", "completed", "transferred", "failed", "abandoned"]
STATUSES = ("active", "completed", "transferred", "failed", "abandoned")


def _listed(value: object) -> object:
    """``Completed,failed`` in one parameter."""
    return tuple(part.strip().lower() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def moment(value: str, *, end: bool) -> str:
    """ISO 8601, a day or a moment, as the call log writes it (UTC, milliseconds); ``end`` takes the day's last moment.

    Without a time zone it is UTC. Raises ``ValueError``.
    """
    if not value:
        return ""
    if len(value) == len("2026-01-01"):
        day = date.fromisoformat(value)
        at = datetime.combine(day, time.max if end else time.min, UTC)
    else:
        at = datetime.fromisoformat(value.replace(" ", "+"))  # a plus that was not escaped
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="milliseconds")


class Query(BaseModel):
    """Frozen; a parameter that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Dated(Query):
    """A span of time."""

    date_from: str = Field("", max_length=40, description="First moment of the start, ISO 8601; a day is its first")
    date_to: str = Field("", max_length=40, description="Last moment of the start, ISO 8601; a day is its last")

    @field_validator("date_from")
    @classmethod
    def _begin(cls, value: str) -> str:
        return _moment(value, end=False)

    @field_validator("date_to")
    @classmethod
    def _end(cls, value: str) -> str:
        return _moment(value, end=True)


class Newest(Query):
    """How much of a list."""

    count: int = Field(50, ge=1, le=500, description="So many of the newest")
    q: str = Field("", max_length=100, description="Only messages that hold these words, or this part of a number")


class LogsQuery(Dated):
    """Which calls of the log."""

    q: str = Field("", max_length=200, description="Words that were said, or part of a number")
    status: Annotated[tuple[Status, ...], BeforeValidator(_listed)] = Field(
        (), description="Any of these, separated by commas"
    )
    sort: Literal["started", "-started", "seconds", "-seconds", "status", "-status", "number", "-number"] = Field(
        "-started", description="A minus sorts downwards"
    )
    page: int = Field(1, ge=1, le=1_000_000, description="From 1")
    per_page: int = Field(50, ge=1, le=200)


class FiguresQuery(Dated):
    """Which calls are summed up."""

    offset_min: int = Field(0, ge=-14 * 60, le=14 * 60, description="The reader's clock ahead of UTC, minutes")


class Tongue(Query):
    """Whose texts."""

    language: Literal["", "ru", "en"] = Field("", description="Empty: the language in force")


class Document(Tongue):
    """A text of a base."""

    document: str = Field("", max_length=200, description="A document beside the base's own text, by its name")


class NewDocument(Tongue):
    """Where an upload goes."""

    document: str = Field(
        "", max_length=200, description="A name: kept beside the base's own text; empty: in the place of that"
    )


class Asked(Query):
    """A question to the search."""

    q: str = Field(min_length=1, max_length=500, description="As a caller would say it")


class BackupsQuery(Query):
    """Whose backups."""

    of: str = Field("", max_length=300, description="Beginning of a name: kb/ru/general.md, prompts/ru/, settings")


class Wrong(Query):
    """An answer that was wrong."""

    question: str = Field(min_length=1, max_length=1000, description="What the caller asked")
    expected: str = Field("", max_length=1000, description="Words that a right answer holds, | between alternatives")
    kb: Literal["general", "tech", "none"] = Field("general", description="Where the answer stands; none: refuse")
    call_id: str = Field("", max_length=100, pattern=r"^[A-Za-z0-9._@-]*$", description="The call that it was in")
    turn: int = Field(0, ge=0, le=100_000, description="The caller's turn in it, from 1")

    def row(self) -> dict[str, str]:
        """With an id: the same turn reported again replaces the report."""
        told = hashlib.sha256(self.question.lower().encode()).hexdigest()[:10]
        id_ = f"call-{self.call_id}-{self.turn}" if self.call_id else f"page-{told}"
        return {"id": id_, "kb": self.kb, "question": self.question, "expected": self.expected}


class Text(Query):
    """A text to normalise."""

    text: str = Field(max_length=4000)


class Conversation(Query):
    """Which conversation of a program is meant."""

    conversation: str = Field(
        "default", min_length=1, max_length=100, pattern=r"^[\w.@:+-]+$", description="Any name; each remembers"
    )


class ChatText(Conversation):
    """A question in writing."""

    text: str = Field(min_length=1, max_length=2000, pattern=r"\S", description="What a caller would ask")


class SpeechText(Query):
    """A text to be spoken."""

    text: str = Field(
        min_length=1, max_length=2000, pattern=r"\S", description="As it is written; numbers are read out"
    )
    rate: Literal[8000, 16000, 24000, 48000] = Field(16000, description="Samples per second")
    pace: float = Field(1.0, ge=0.5, le=2.0, description="1: as the voice speaks by itself")


class NewMessage(Query):
    """A text message."""

    number: str = Field(pattern=r"^\+?[0-9]{3,20}$", description="To whom, as +79161234567")
    text: str = Field(min_length=1, max_length=1000, pattern=r"\S", description="Long ones are sent in parts")


class NetworkCode(Query):
    """A code that the network answers (USSD)."""

    code: str = Field("*100#", pattern=r"^[0-9*#]{2,30}$", description="Such as *100# for the balance")


class Again(Query):
    """How a recorded call is lived again."""

    engines: Literal["recorded", "today"] = Field("recorded", description="Who hears, answers and speaks")


class Key(Query):
    """The key, for a browser that is to get a cookie."""

    key: str = Field(max_length=500)


def _moment(value: str, *, end: bool) -> str:
    try:
        return moment(value, end=end)
    except (ValueError, OverflowError):
        raise ValueError("not a date: use 2026-01-31 or 2026-01-31T12:00:00Z") from None


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema of a model without references."""
    return model.model_json_schema()
