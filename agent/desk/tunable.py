"""Settings that may be changed while the daemon runs, and from when on they count. All others want an editor."""

from typing import Any, Literal

from pydantic import BaseModel

from agent.settings import Settings
from agent.settings_file import variable_of

Used = Literal["turn", "call", "start"]
"""A change counts from the next turn, the next call, or the next start."""

TURN = (
    "kb.top_k",
    "kb.threshold",
    "kb.fallback_threshold",
    "llm.model",
    "llm.fallback_model",
    "llm.temperature",
    "llm.max_tokens",
    "llm.first_token_s",
    "llm.stall_s",
    "prompts.persona",
)
CALL = (
    "turns.barge_in",
    "turns.barge_in_ms",
    "turns.barge_in_confirm_ms",
    "turns.end_silence_complete_ms",
    "turns.end_silence_ms",
    "turns.end_silence_open_ms",
    "turns.adapt",
    "turns.reprompt_s",
    "turns.reprompts",
    "turns.wait_s",
    "calls.max_minutes",
)
START = ("tts.engine", "tts.voice", "tts.speed_wpm", "recording.enabled")
TUNABLE: dict[str, Used] = {
    **dict.fromkeys(TURN, "turn"),
    **dict.fromkeys(CALL, "call"),
    **dict.fromkeys(START, "start"),
}

SPECIFIED = {
    "kb_top_k": "kb.top_k",
    "kb_fallback_threshold": "kb.fallback_threshold",
    "llm_model_primary": "llm.model",
    "llm_model_fallback": "llm.fallback_model",
    "llm_temperature": "llm.temperature",
}
"""Names that the API of other bots uses (in either case) -> ours."""


def our_name(name: str) -> str:
    """``section.key`` for a name of either kind."""
    return SPECIFIED.get(name.lower(), name)


def value_of(settings: Settings, name: str) -> Any:
    """The value of ``section.key``."""
    section, _, key = name.partition(".")
    return getattr(getattr(settings, section), key)


def rows(written: Settings, started: Settings) -> list[dict[str, Any]]:
    """Each with its value in the file, its default, limits or choices, and who else fixes it; fit for JSON.

    ``waits``: it differs from what the daemon was ``started`` with and counts only from the next start.
    """
    return [_row(name, used, written, started) for name, used in TUNABLE.items()]


def _row(name: str, used: Used, written: Settings, started: Settings) -> dict[str, Any]:
    section, _, key = name.partition(".")
    kind: type[BaseModel] = type(getattr(written, section))
    shape = kind.model_json_schema()["properties"][key]
    value = value_of(written, name)
    shown = {
        "type": "string" if shape.get("type") == "array" else shape.get("type", "string"),
        "least": shape.get("minimum", shape.get("exclusiveMinimum")),
        "most": shape.get("maximum", shape.get("exclusiveMaximum")),
        "choices": shape.get("enum", []),
        "default": _written(shape.get("default")),
    }
    return {
        "name": name,
        "value": _written(value),
        **shown,
        "used": used,
        "waits": used == "start" and value != value_of(started, name),
        "fixed_by": variable_of(section, key),
    }


def _written(value: Any) -> Any:
    """A list as people write it into the settings: ``yandex, piper``."""
    return ", ".join(value) if isinstance(value, list | tuple) else value
