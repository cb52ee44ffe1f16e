"""SIP messages as text: checked on the way in, built on the way out (RFC 3261). Pure.

aiosipua splits the message; what a user agent must be able to rely on is checked here once, so that nothing
further in has to doubt a header.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from aiosipua.headers import Via, parse_params, parse_via, stringify_via
from aiosipua.message import SipMessage, SipRequest, SipResponse
from aiosipua.utils import generate_tag

MAX_MESSAGE = 32 * 1024
"""Longest message taken from the network, bytes."""

MAX_CSEQ = 1 << 31
"""RFC 3261, 8.1.1.5."""

METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "UPDATE", "NOTIFY", "INFO")
"""What we take; the Allow header."""

SERVER = "Allo"

_REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
}

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose vital headers are sound."""

    message: SipRequest
    via: Via
    call_id: str
    from_tag: str
    to_tag: str
    """Empty outside a dialog."""
    cseq: int

    @property
    def method(self) -> str:
        """Upper-case method as sent."""
        return self.message.method

    @property
    def transaction(self) -> tuple[str, str, str]:
        """Key of its server transaction (RFC 3261, 17.2.3); an ACK or CANCEL differs only in the last part."""
        branch = self.via.branch or f"{self.call_id}|{self.from_tag}|{self.cseq}"
        return branch, f"{self.via.host}:{self.via.port}", self.method

    def header(self, name: str) -> str:
        """First value, or empty."""
        return self.message.get_header(name) or ""

    def tokens(self, name: str) -> set[str]:
        """Lower-case members of a list header such as ``Supported``."""
        return {value.strip().lower() for value in self.message.get_header_values(name) if value.strip()}

    @property
    def sdp(self) -> str | None:
        """The body when it is SDP."""
        kind = self.header("content-type").partition(";")[0].strip().lower()
        return self.message.text if self.message.body and kind == "application/sdp" else None


def read(data: bytes) -> Request | SipResponse:
    """Parse and check one message; raises ``ValueError`` naming the fault."""
    first, _, _ = data.partition(b"\n")
    if len(data) > MAX_MESSAGE:
        raise ValueError("message too long")
    if not (first.startswith(b"SIP/2.0 ") or first.rstrip().endswith(b" SIP/2.0")):
        raise ValueError("not SIP/2.0")
    try:
        message = SipMessage.parse(data)
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError("can't be parsed") from error
    if isinstance(message, SipResponse):
        return _check_response(message)
    return _check_request(message)


def _check_response(message: SipResponse) -> SipResponse:
    if not 100 <= message.status_code <= 699:
        raise ValueError("status code out of range")
    _cseq(message)
    if not message.get_header("via"):
        raise ValueError("no Via")
    return message


def _check_request(message: SipRequest) -> Request:
    for name in ("via", "from", "to", "call-id"):
        if len(message.get_header_values(name)) < 1:
            raise ValueError(f"no {name}")
        if name != "via" and len(message.get_header_values(name)) > 1:
            raise ValueError(f"more than one {name}")
    if not _TOKEN.fullmatch(message.method):
        raise ValueError("method is no token")
    number, method = _cseq(message)
    if method != message.method:
        raise ValueError("CSeq names another method")
    via = parse_via(message.get_header_values("via")[0])
    if not via.host:
        raise ValueError("Via without host")
    return Request(
        message,
        via,
        (message.call_id or "")[:256],
        tag_of(message.get_header("from") or ""),
        tag_of(message.get_header("to") or ""),
        number,
    )


def _cseq(message: SipMessage) -> tuple[int, str]:
    number, _, method = (message.get_header("cseq") or "").strip().partition(" ")
    if not number.isascii() or not number.isdigit() or len(number) > 10 or int(number) >= MAX_CSEQ:
        raise ValueError("CSeq is no number below 2**31")
    return int(number), method.strip()


# ---------------------------------------------------------------- addresses


def split_address(value: str) -> tuple[str, dict[str, str | None]]:
    """URI and header parameters of a name-addr or addr-spec (RFC 3261, 20.10), quoted display names respected."""
    rest = value.strip()
    if rest.startswith('"'):
        closing = re.match(r'"(?:[^"\\]|\\.)*"', rest)
        rest = rest[closing.end() :] if closing else rest[1:]
    before, opening, after = rest.partition("<")
    if opening:
        uri, _, params = after.partition(">")
    else:
        uri, _, params = before.partition(";")
    return uri.strip(), parse_params(params)


def tag_of(value: str) -> str:
    """The tag parameter of a From or To header; empty when there is none."""
    return split_address(value)[1].get("tag") or ""


def user_of(uri: str) -> str:
    """User part of a sip, sips or tel URI, unescaped, printable, at most 64 characters; may be empty."""
    scheme, _, rest = uri.partition(":")
    rest = rest.partition(";")[0].partition("?")[0] if scheme.lower() == "tel" else rest
    user = rest if scheme.lower() == "tel" else rest.rpartition("@")[0].partition(":")[0].partition(";")[0]
    return _UNPRINTABLE.sub("", unquote(user))[:64]


def number_of(value: str) -> str:
    """Caller's number or user from a From header; empty when withheld."""
    user = user_of(split_address(value)[0])
    return "" if user.lower() in {"anonymous", "unavailable", "unknown", "restricted"} else user


# ---------------------------------------------------------------- answers


def response(
    request: Request,
    status: int,
    *,
    tag: str = "",
    headers: Mapping[str, str] | None = None,
    body: str = "",
) -> SipResponse:
    """Answer a request: Via, From, To (with ``tag``, made up when empty), Call-ID and CSeq copied (RFC 3261, 8.2.6)."""
    reply = SipResponse(status_code=status, reason_phrase=_REASONS.get(status, "Refused"))
    reply.headers.append("Via", stringify_via(request.via))
    for via in request.message.get_header_values("via")[1:]:
        reply.headers.append("Via", via)
    to = request.header("to")
    if not request.to_tag and status > 100:
        to += f";tag={tag or generate_tag()}"
    copied = {"From": request.header("from"), "To": to, "Call-ID": request.header("call-id")}
    for name, value in {**copied, "CSeq": f"{request.cseq} {request.method}", "Server": SERVER}.items():
        reply.headers.set_single(name, value)
    if request.method == "INVITE" and 100 < status < 300:
        for route in request.message.get_header_values("record-route"):
            reply.headers.append("Record-Route", route)
    for name, value in (headers or {}).items():
        reply.headers.set_single(name, value)
    if body:
        reply.text = body
        reply.headers.set_single("Content-Type", "application/sdp")
    return reply


def stamp(request: Request, source: tuple[str, int]) -> None:
    """Note in the topmost Via where the request really came from (RFC 3261, 18.2.1; RFC 3581)."""
    params = request.via.params
    if "rport" in params:
        params["rport"] = str(source[1])
        params["received"] = source[0]
    elif request.via.host.strip("[]") != source[0]:
        params["received"] = source[0]


def reply_port(request: Request, source_port: int) -> int:
    """UDP port that answers go to (RFC 3581, 4)."""
    return source_port if "rport" in request.via.params else request.via.port or 5060


def host_port(host: str, port: int) -> str:
    """``host:port`` for URIs, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
