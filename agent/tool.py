"""What a model may ask to be done, and what came of it: values that cross the ports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that a model may ask to be done."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of its arguments, an object."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request to somebody else's server."""

    method: str
    """``GET``: arguments that the address does not name become its query; ``POST``, ``PUT``: they are sent as JSON."""
    url: str
    """``{name}`` stands for an argument."""
    headers: Mapping[str, str]
    """With their secrets: never shown or logged."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool."""

    id: str
    name: str
    arguments: str
    """JSON as the model wrote it: it may be wrong."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back."""

    call: ToolCall
    text: str
