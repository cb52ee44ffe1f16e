"""ARI, Asterisk's REST interface: its events and answers as values. No I/O here.

Source: Asterisk's own ``rest-api/api-docs/*.json``; checked against 16.28 and 22.10. Bad input raises
``ValueError`` naming the fault and nothing else. The requests are in ``ari_requests``.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# ---------------------------------------------------------------- values


@dataclass(frozen=True, slots=True)
class Channel:
    """A leg inside Asterisk."""

    id: str
    name: str = ""
    """Technology and peer, ``PJSIP/trunk-0000001f``."""
    state: str = ""
    """``Ring``, ``Up``, ..."""
    number: str = ""
    """The caller's number; empty when withheld."""
    exten: str = ""
    """Extension in the dialplan."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Channel variables that the reply carries (``externalMedia`` tells the media's address so)."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """A mixing bridge and the channels in it."""

    id: str
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StasisStart:
    """A channel has come to our application."""

    channel: Channel
    args: tuple[str, ...] = ()
    """What the dialplan gave after the application's name."""


@dataclass(frozen=True, slots=True)
class StasisEnd:
    """A channel has left our application: hung up, or gone on in the dialplan."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelStateChange:
    """A channel was answered, or rings."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelHangupRequest:
    """Somebody wants the channel to end; ``cause`` is Q.850, 0 when unknown."""

    channel: Channel
    cause: int = 0


@dataclass(frozen=True, slots=True)
class ChannelDestroyed:
    """The channel is gone; ``cause`` is Q.850, 0 when unknown."""

    channel: Channel
    cause: int = 0


@dataclass(frozen=True, slots=True)
class ChannelDtmfReceived:
    """A key was pressed and let go."""

    channel: Channel
    digit: str


@dataclass(frozen=True, slots=True)
class BridgeDestroyed:
    """A bridge is gone."""

    bridge: Bridge


@dataclass(frozen=True, slots=True)
class ApplicationReplaced:
    """Another client has taken our application's name: the events go there from now on."""

    application: str


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """An event that we have no use for."""

    type: str


ChannelEvent = (
    StasisStart | StasisEnd | ChannelStateChange | ChannelHangupRequest | ChannelDestroyed | ChannelDtmfReceived
)
Event = ChannelEvent | BridgeDestroyed | ApplicationReplaced | UnknownEvent


# ---------------------------------------------------------------- parsing


def parse_event(text: str) -> Event:
    """Read one message of the event socket."""
    data = _object(_json(text), "event")
    kind = _text(data, "type", "event")
    parser = _EVENTS.get(kind)
    return parser(data) if parser else UnknownEvent(kind)


def parse_channel(text: str) -> Channel:
    """Read the answer that is one channel."""
    return _channel(_json(text))


def parse_channels(text: str) -> tuple[Channel, ...]:
    """Read the answer of ``list_channels``."""
    return tuple(_channel(item) for item in _list(_json(text), "channels"))


def parse_bridges(text: str) -> tuple[Bridge, ...]:
    """Read the answer of ``list_bridges``."""
    return tuple(_bridge(item) for item in _list(_json(text), "bridges"))


def parse_application(text: str) -> frozenset[str]:
    """Read the answer of ``application``: ids of the channels inside."""
    data = _object(_json(text), "application")
    return frozenset(_strings(data.get("channel_ids", []), "application.channel_ids"))


def parse_version(text: str) -> tuple[int, ...]:
    """Read the answer of ``version``: ``(22, 10, 1)``; empty for a build without a plain number (git, certified)."""
    system = _object(_object(_json(text), "info").get("system"), "info.system")
    found = re.match(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", _text(system, "version", "info.system"))
    return tuple(int(part) for part in found.groups() if part) if found else ()


def parse_variable(text: str) -> str:
    """Read the answer of ``variable``."""
    return _text(_object(_json(text), "variable"), "value", "variable")


def serialize_event(event: Event) -> str:
    """Write an event as Asterisk would; ``parse_event`` reads it back to the same value."""
    if isinstance(event, UnknownEvent):
        return json.dumps({"type": event.type})
    data: dict[str, Any] = {"type": type(event).__name__}
    if isinstance(event, ApplicationReplaced):
        return json.dumps(data | {"application": event.application})
    if isinstance(event, BridgeDestroyed):
        return json.dumps(data | {"bridge": {"id": event.bridge.id, "channels": list(event.bridge.channels)}})
    data["channel"] = _channel_json(event.channel)
    if isinstance(event, StasisStart):
        data["args"] = list(event.args)
    if isinstance(event, ChannelDtmfReceived):
        data["digit"] = event.digit
    if isinstance(event, ChannelHangupRequest | ChannelDestroyed):
        data["cause"] = event.cause
    return json.dumps(data)


def _channel_json(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        "name": channel.name,
        "state": channel.state,
        "caller": {"number": channel.number},
        "dialplan": {"exten": channel.exten},
        "channelvars": dict(channel.variables),
    }


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {type(error).__name__}") from None


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: an object is missing")
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"{where}: a list is missing")
    return value


def _strings(value: object, where: str) -> list[str]:
    items = _list(value, where)
    if not all(isinstance(item, str) for item in items):
        raise ValueError(f"{where}: not a list of texts")
    return [str(item) for item in items]


def _text(data: Mapping[str, object], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{where}.{key}: a text is missing")
    return value


def _optional(data: object, key: str) -> str:
    """Texts that one Asterisk sends and another leaves out."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


def _cause(data: Mapping[str, object]) -> int:
    value = data.get("cause", 0)
    return value if isinstance(value, int) else 0


def _channel(value: object) -> Channel:
    data = _object(value, "channel")
    variables = data.get("channelvars")
    known = variables if isinstance(variables, dict) else {}
    return Channel(
        id=_text(data, "id", "channel"),
        name=_optional(data, "name"),
        state=_optional(data, "state"),
        number=_optional(data.get("caller"), "number"),
        exten=_optional(data.get("dialplan"), "exten"),
        variables={key: text for key, text in known.items() if isinstance(text, str)},
    )


def _bridge(value: object) -> Bridge:
    data = _object(value, "bridge")
    return Bridge(_text(data, "id", "bridge"), tuple(_strings(data.get("channels", []), "bridge.channels")))


def _of(data: Mapping[str, object]) -> Channel:
    return _channel(data.get("channel"))


_EVENTS: Mapping[str, Callable[[Mapping[str, object]], Event]] = {
    "StasisStart": lambda data: StasisStart(_of(data), tuple(_strings(data.get("args", []), "StasisStart.args"))),
    "StasisEnd": lambda data: StasisEnd(_of(data)),
    "ChannelStateChange": lambda data: ChannelStateChange(_of(data)),
    "ChannelHangupRequest": lambda data: ChannelHangupRequest(_of(data), _cause(data)),
    "ChannelDestroyed": lambda data: ChannelDestroyed(_of(data), _cause(data)),
    "ChannelDtmfReceived": lambda data: ChannelDtmfReceived(_of(data), _text(data, "digit", "ChannelDtmfReceived")),
    "BridgeDestroyed": lambda data: BridgeDestroyed(_bridge(data.get("bridge"))),
    "ApplicationReplaced": lambda data: ApplicationReplaced(_text(data, "application", "ApplicationReplaced")),
}
