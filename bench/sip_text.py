"""The little SIP and SDP that a load caller needs (RFC 3261, RFC 4566), as text; nothing here does I/O."""

import secrets
from dataclasses import dataclass, field

CRLF = "\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """A SIP request or response as it was read."""

    start: str
    """Request line or status line."""
    headers: dict[str, str]
    """Lower-case name -> value of its first appearance."""
    body: str
    vias: tuple[str, ...]
    """All Via values, topmost first: a response repeats them."""

    @property
    def status(self) -> int:
        """Status of a response, 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Method of a request, or of the request that a response answers."""
        return self.headers.get("cseq", "0 ?").split()[1]


def read(datagram: bytes) -> Message:
    """Parse one datagram; raises ``ValueError`` when it is no SIP message."""
    head, _, body = datagram.decode("utf-8", "replace").partition(CRLF + CRLF)
    start, *lines = head.split(CRLF)
    if "SIP/2.0" not in start:
        raise ValueError(f"no SIP message: {start[:40]!r}")
    headers: dict[str, str] = {}
    vias = []
    for line in lines:
        name, _, value = line.partition(":")
        name = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact"}.get(name.lower(), name.lower())
        if name == "via":
            vias.append(value.strip())
        headers.setdefault(name, value.strip())
    return Message(start, headers, body, tuple(vias))


def response(request: Message, status: str, contact: str = "", body: str = "", tag: str = "") -> bytes:
    """Answer a request; ``status`` is ``200 OK`` and the like, ``tag`` is added to a To that has none."""
    to = request.headers["to"]
    lines = [
        f"SIP/2.0 {status}",
        *(f"Via: {via}" for via in request.vias),
        f"From: {request.headers['from']}",
        f"To: {to if not tag or ';tag=' in to else f'{to};tag={tag}'}",
        f"Call-ID: {request.headers['call-id']}",
        f"CSeq: {request.headers['cseq']}",
        *([f"Contact: <{contact}>"] if contact else []),
    ]
    return _finish(lines, body)


@dataclass(slots=True)
class Dialog:
    """The caller's side of one call: builds its requests in order."""

    target: str
    """SIP URI rung."""
    local: str
    """``host:port`` of our SIP socket."""
    user: str = "bench"
    call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    remote: str = ""
    """To header with the far side's tag, once it answered."""
    route: str = ""
    """The far side's Contact, once it answered."""
    cseq: int = 1
    branch: str = ""

    @property
    def own(self) -> str:
        """Our SIP URI."""
        return f"sip:{self.user}@{self.local}"

    def invite(self, sdp: str) -> bytes:
        """The first request; the same bytes serve to repeat it."""
        self.branch = f"z9hG4bK{secrets.token_hex(6)}"
        return self._request("INVITE", self.target, self.branch, sdp)

    def answered(self, message: Message) -> None:
        """Take the far side's tag and address from its 200."""
        self.remote = message.headers["to"]
        contact = message.headers.get("contact", "")
        self.route = contact.partition("<")[2].partition(">")[0] or contact.split(";")[0] or self.target

    def ack(self, refused: Message | None = None) -> bytes:
        """Acknowledge the 200, or a refusal (which repeats the INVITE's branch and To)."""
        if refused is None:
            return self._request("ACK", self.route, f"z9hG4bK{secrets.token_hex(6)}")
        self.remote = refused.headers["to"]
        return self._request("ACK", self.target, self.branch)

    def cancel(self) -> bytes:
        """Give up before the answer."""
        return self._request("CANCEL", self.target, self.branch)

    def bye(self) -> bytes:
        """End the call."""
        self.cseq += 1
        return self._request("BYE", self.route, f"z9hG4bK{secrets.token_hex(6)}")

    def _request(self, method: str, uri: str, branch: str, body: str = "") -> bytes:
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.local};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <{self.own}>;tag={self.tag}",
            f"To: {self.remote or f'<{self.target}>'}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {method}",
            *([f"Contact: <{self.own}>"] if method == "INVITE" else []),
            "User-Agent: Allo bench",
        ]
        return _finish(lines, body)


def offer(host: str, port: int) -> str:
    """SDP for PCMA at 8000 Hz and telephone events."""
    return CRLF.join(
        [
            "v=0",
            f"o=bench 1 1 IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 8 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=ptime:20",
            "a=sendrecv",
            "",
        ]
    )


def media_address(sdp: str) -> tuple[str, int]:
    """Where the far side wants RTP; raises ``ValueError`` when the SDP has no audio."""
    host, port = "", 0
    for line in sdp.splitlines():
        if line.startswith("c=IN IP4 "):
            host = line.split()[2].split("/")[0]
        elif line.startswith("m=audio "):
            port = int(line.split()[1])
    if not host or not port:
        raise ValueError("the answer's SDP has no audio address")
    return host, port


def _finish(lines: list[str], body: str) -> bytes:
    content = body.encode()
    kind = ["Content-Type: application/sdp"] if content else []
    head = CRLF.join([*lines, *kind, f"Content-Length: {len(content)}", "", ""])
    return head.encode() + content
