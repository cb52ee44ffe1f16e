"""The settings of keeping house: limits, what is kept and for how long, log and traces: a section each."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr

from agent.settings_lines import Section, WebAddress, split

Level = Literal["debug", "info", "warning", "error"]
Mute = Literal["redacted", "always", "never"]
"""``redacted``: where ``privacy.redact`` is on."""


def _pairs(value: object) -> object:
    """``a=b, c=d`` of the environment as a table."""
    if not isinstance(value, str):
        return value
    parts = (part.partition("=") for part in value.split(",") if part.strip())
    return {name.strip(): what.strip() for name, _, what in parts}


class Calls(Section):
    """Limits."""

    max: Annotated[int, Field(ge=1, le=1000)] = 40
    """Calls at once; further ones hear busy."""
    max_minutes: Annotated[float, Field(gt=0, le=1440)] = 60.0
    """Longest call, minutes."""


class Limits(Section):
    """Who may ring, and how often; who may not is not answered, and is on record. 0: as often as they like."""

    block: Annotated[tuple[str, ...], BeforeValidator(split)] = ()
    """Numbers that are not answered; ``*`` stands for anything: ``+7900*``."""
    refuse_withheld: bool = False
    """Don't answer callers who hide their number."""
    per_caller_per_hour: Annotated[int, Field(ge=0)] = 0
    """Calls of one number in an hour."""
    per_hour: Annotated[int, Field(ge=0)] = 0
    """Calls of everybody in an hour."""
    machines: Literal["ignore", "note", "hang up", "operator"] = "note"
    """Faxes, recordings and loops that ring, answering machines that we ring: what is done about them."""


class Recording(Section):
    """Recordings of calls."""

    enabled: bool = True
    """Write a stereo WAV for each call (caller left, agent right)."""
    encrypt: bool = False
    """Seal recordings with ``recording.key`` (AES-256-GCM; extra ``sealed``)."""
    key: SecretStr = SecretStr("")
    """The key, as ``allo privacy new-key`` prints it; best as a credential, so that it is in no backup."""
    old_keys: SecretStr = SecretStr("")
    """Former keys, with which older recordings are still read; several with commas."""
    mute_cards: Mute = "redacted"
    """Silence spoken card numbers and codes in recordings."""
    mute_keys: Mute = "redacted"
    """Silence the tones of keys that were pressed, on both sides."""
    notice_first: bool = False
    """Keep only recordings of callers who heard ``notice`` of the prompts to its end."""


class Privacy(Section):
    """What is not kept of callers."""

    redact: bool = False
    """Take cards, telephones, passports, INN and SNILS, e-mail addresses, codes and names out of the record."""


class Retention(Section):
    """How long what is kept; `allo privacy prune` (a timer of the service) deletes what is older. 0: for ever."""

    recordings_days: Annotated[int, Field(ge=0)] = 0
    """Recordings, days."""
    words_days: Annotated[int, Field(ge=0)] = 0
    """What was said: call log, transcripts, traces, and kept answers and phrases, which may repeat it, days."""
    calls_days: Annotated[int, Field(ge=0)] = 0
    """Everything of a call, days."""
    messages_days: Annotated[int, Field(ge=0)] = 0
    """Text messages, and call-backs that are over, days."""
    callers_days: Annotated[int, Field(ge=0)] = 0
    """What is remembered of callers (`memory.enabled`) since they called last, days."""

    @property
    def cached_days(self) -> int:
        """How long caches may keep what was said; 0: for ever."""
        return min((days for days in (self.words_days, self.calls_days) if days), default=0)


class Shutdown(Section):
    """What SIGTERM does."""

    grace_s: Annotated[float, Field(ge=0, le=3600)] = 20.0
    """Calls in progress may finish for this long; then a spoken goodbye, seconds."""


class Log(Section):
    """Log output on standard error."""

    level: Level = "info"
    """Least severe message written."""
    levels: Annotated[dict[str, Level], BeforeValidator(_pairs)] = Field(default_factory=dict)
    """Other levels for single modules, such as ``telephony``."""
    format: Literal["console", "json"] = "console"
    """For people, or one JSON object a line; both name the call."""


class Traces(Section):
    """OpenTelemetry traces of calls, without callers' words and numbers."""

    endpoint: WebAddress = ""
    """OTLP over HTTP, such as ``http://127.0.0.1:4318/v1/traces`` (extra ``traces``); empty: none."""
