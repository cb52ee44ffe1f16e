"""The settings of the lines: a section each, and what all sections share."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

Port = Annotated[int, Field(ge=1, le=65535)]
Network = IPv4Network | IPv6Network

PRIVATE = (
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)


def _web_address(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("an address must begin with http:// or https://")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""Of a server that is spoken to over HTTP; may be empty."""


def split(value: object) -> object:
    """Let the environment give lists as ``a, b, c``."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _networks(value: object) -> object:
    parts = split(value)
    return [ip_network(str(part), strict=False) for part in parts] if isinstance(parts, list | tuple) else parts


class Section(BaseModel):
    """A part of the settings: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sip(Section):
    """The SIP line: rings without any PBX."""

    enabled: bool = True
    """Listen for SIP calls."""
    host: str = "0.0.0.0"  # noqa: S104 - a phone must reach it; `allow` guards the door
    """Address to listen on, UDP and TCP."""
    port: Port = 5060
    """Port to listen on, UDP and TCP."""
    allow: Annotated[tuple[Network, ...], BeforeValidator(_networks)] = tuple(ip_network(n) for n in PRIVATE)
    """Networks that may call; others get 403. Default: loopback and private ranges."""
    advertise: str = ""
    """Address put into SDP and Contact when it differs from ours (NAT); empty: found per call."""
    rtp_ports: Annotated[tuple[Port, Port], BeforeValidator(split)] = (20000, 20999)
    """First and last UDP port for RTP, two for each call."""
    registrar: str = ""
    """Provider to register with, ``host`` or ``host:port``; empty: none."""
    username: str = ""
    """User name at the registrar."""
    password: SecretStr = SecretStr("")
    """Password at the registrar."""
    session_expires_s: Annotated[int, Field(ge=90)] = 1800
    """Session timer offered (RFC 4028), seconds."""
    operator: str = ""
    """SIP URI that callers are transferred to by REFER; empty: transfer is not offered."""


class Asterisk(Section):
    """The Asterisk line: a Stasis application over ARI."""

    url: WebAddress = ""
    """ARI base address such as ``http://127.0.0.1:8088``; empty: no Asterisk line."""
    username: str = "allo"
    """User from ``ari.conf``."""
    password: SecretStr = SecretStr("")
    """Password from ``ari.conf``."""
    app: str = "allo"
    """Stasis application name; one daemon to a name."""
    media: Literal["auto", "websocket", "rtp"] = "auto"
    """How audio travels: chan_websocket, RTP ExternalMedia, or whichever this Asterisk has."""
    rtp_host: str = "127.0.0.1"
    """Our address as Asterisk sees it, for RTP ExternalMedia."""


ORDINARY = (
    *("+7[349]?????????", "+78[1-9]????????", "+7800???????"),
    *("8[349]?????????", "88[1-9]????????", "8800???????"),
)
"""Russian mobile and town numbers and +7 800, which costs nothing: +7 80x is paid by who rings, 8 10 leads abroad."""


class Modem(Section):
    """The GSM line: a cellular modem on USB."""

    enabled: bool = False
    """Answer a SIM card's number."""
    count: Annotated[int, Field(ge=1, le=8)] = 1
    """Modems to look for on USB, when ``ports`` names none."""
    ports: Annotated[tuple[str, ...], BeforeValidator(split)] = ()
    """Ports of each modem as ``AT|AUDIO``, such as ``/dev/ttyUSB2|/dev/ttyUSB4``; empty: found by USB id."""
    model: str = "SIM7600"
    """Kind of the modems that ``ports`` names; those that are found are known by their USB id."""
    pin: SecretStr = SecretStr("")
    """PIN of the SIM card; tried once in the life of the daemon, since the third wrong one locks the card."""
    rate: Literal[8000, 16000] = 8000
    """Sample rate asked of the modem, Hz; it falls back to 8000 where it can't."""
    rings: Annotated[int, Field(ge=1, le=10)] = 1
    """Rings before a call is answered."""
    sms_reply: Annotated[str, Field(max_length=670)] = ""
    """Text sent back to whoever sends a message and is not answered by the agent; empty: nothing is."""
    sms_agent: bool = False
    """The agent answers messages from the knowledge base, with the language model where there is one."""
    call_back: Annotated[tuple[str, ...], BeforeValidator(split)] = ()
    """Numbers that the agent may offer to call back, as patterns such as ``+79*``; empty: none."""
    dial: Annotated[tuple[str, ...], BeforeValidator(split)] = ORDINARY
    """Numbers that may be rung at all, by `allo dial` and by call-backs, as patterns; empty: none."""
    power_hook: str = ""
    """Program that takes the modem's power away and gives it back; run when nothing else helps. Empty: none."""
