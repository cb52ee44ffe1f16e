"""ARI, Asterisk's REST interface: the requests that we make, as values. No I/O here.

Ids of media channels and bridges are chosen by us before the request, so that an event that overtakes the
reply is recognised, and carry the application's name, so that what a killed daemon left is recognised too.
"""

import re
import uuid
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Request:
    """One REST request; ``path`` is what stands behind ``/ari``."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    query: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The request without the ids in it, for messages: ``channels/answer``."""
        return "/".join(part for part in self.path.split("/") if part.isalpha())


# ---------------------------------------------------------------- ids


@dataclass(frozen=True, slots=True)
class Ids:
    """Names for what we make in Asterisk, recognised again after a restart."""

    app: str

    def media(self) -> str:
        """A fresh id for a media channel."""
        return f"{self.app}-media-{uuid.uuid4().hex}"

    def bridge(self) -> str:
        """A fresh id for a bridge; never used twice (asterisk#211)."""
        return f"{self.app}-bridge-{uuid.uuid4().hex}"

    def made(self, some_id: str) -> bool:
        """True when ``some_id`` is a channel or bridge that this application made, in this life or an earlier one."""
        return re.fullmatch(rf"{re.escape(self.app)}-(media|bridge)-[0-9a-f]{{32}}", some_id) is not None


# ---------------------------------------------------------------- requests


def application(app: str) -> Request:
    """Ask what is inside the application: its ``channel_ids`` and ``bridge_ids``."""
    return Request("GET", f"/applications/{_segment(app)}")


def version() -> Request:
    """Ask for Asterisk's version."""
    return Request("GET", "/asterisk/info", (("only", "system"),))


def module(name: str) -> Request:
    """Ask whether a module is loaded; 404 when it is not."""
    return Request("GET", f"/asterisk/modules/{_segment(name)}")


def list_channels() -> Request:
    """List every channel of this Asterisk."""
    return Request("GET", "/channels")


def list_bridges() -> Request:
    """List every bridge of this Asterisk."""
    return Request("GET", "/bridges")


def answer(channel_id: str) -> Request:
    """Pick up."""
    return Request("POST", f"/channels/{_segment(channel_id)}/answer")


def hangup(channel_id: str) -> Request:
    """Hang up."""
    return Request("DELETE", f"/channels/{_segment(channel_id)}")


def go_on(channel_id: str, context: str = "", extension: str = "") -> Request:
    """Let the channel go on in the dialplan: behind ``Stasis()``, or at priority 1 of ``extension``."""
    query: tuple[tuple[str, str], ...] = ()
    if extension:
        query = (("extension", extension), ("priority", "1"))
        query = (("context", context), *query) if context else query
    return Request("POST", f"/channels/{_segment(channel_id)}/continue", query)


def variable(channel_id: str, name: str) -> Request:
    """Ask for a channel variable."""
    return Request("GET", f"/channels/{_segment(channel_id)}/variable", (("variable", name),))


def create_bridge(bridge_id: str) -> Request:
    """Make a bridge that mixes, tells keys, and lets no channel's media pass by us."""
    return Request("POST", f"/bridges/{_segment(bridge_id)}", (("type", "mixing,dtmf_events,proxy_media"),))


def add_channel(bridge_id: str, channel_id: str) -> Request:
    """Put a channel into a bridge; 422 until its ``StasisStart`` has come."""
    return Request("POST", f"/bridges/{_segment(bridge_id)}/addChannel", (("channel", channel_id),))


def destroy_bridge(bridge_id: str) -> Request:
    """Destroy a bridge; its channels stay."""
    return Request("DELETE", f"/bridges/{_segment(bridge_id)}")


def media_by_websocket(channel_id: str, app: str) -> Request:
    """Make a media channel of 8 kHz PCM16 that waits for our WebSocket (chan_websocket)."""
    query = (
        ("channelId", channel_id),
        ("app", app),
        ("external_host", "INCOMING"),
        ("transport", "websocket"),
        ("encapsulation", "none"),
        ("connection_type", "server"),
        ("format", "slin"),
        ("transport_data", "f(json)"),
    )
    return Request("POST", "/channels/externalMedia", query)


def media_by_rtp(channel_id: str, app: str, host: str, port: int, codec: str) -> Request:
    """Make a media channel that sends RTP to ``host:port``; ``codec`` is ``alaw`` or ``ulaw``."""
    query = (("channelId", channel_id), ("app", app), ("external_host", _host_port(host, port)), ("format", codec))
    return Request("POST", "/channels/externalMedia", query)


def _segment(text: str) -> str:
    return quote(text, safe="")


def _host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
