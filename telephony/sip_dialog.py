"""The SIP dialog of one incoming call (RFC 3261, 12): who we are to each other, and requests within it."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from aiosipua.dialog import Dialog
from aiosipua.headers import parse_uri
from aiosipua.message import SipRequest, SipResponse
from aiosipua.utils import generate_tag

from telephony.sip_text import METHODS, SERVER, Request, host_port, response, split_address
from telephony.sip_wire import Peer

ALLOW = ", ".join(METHODS)
CSEQ_LEAP = 10
"""Numbers of requests passed over when a dialog goes on in another process."""


class SipDialog:
    """Made from the first INVITE; builds answers and requests that belong to it."""

    def __init__(self, invite: Request, peer: Peer, advertise: str) -> None:
        self.peer = peer
        self._advertise = advertise
        self._dialog = Dialog(
            call_id=invite.call_id,
            local_tag=generate_tag(),
            remote_tag=invite.from_tag,
            local_uri=split_address(invite.header("to"))[0],
            remote_uri=split_address(invite.header("from"))[0],
            remote_target=split_address(invite.header("contact"))[0],
            route_set=list(invite.message.get_header_values("record-route")),
            remote_cseq=invite.cseq,
        )

    @property
    def state(self) -> dict[str, Any]:
        """What changes in it, for ``resume`` in another process; fit for JSON."""
        dialog = self._dialog
        numbers = {"cseq": dialog.local_cseq, "remote_cseq": dialog.remote_cseq}
        return {"tag": dialog.local_tag, "target": dialog.remote_target, **numbers}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on where another process was; raises ``KeyError`` or ``ValueError`` for what is no such state."""
        dialog = self._dialog
        dialog.local_tag, dialog.remote_target = str(state["tag"]), str(state["target"])
        dialog.remote_cseq = int(state["remote_cseq"])
        # one that it sent in its last moment may not be on the disk; gaps are no fault (RFC 3261, 12.2.2)
        dialog.local_cseq = int(state["cseq"]) + CSEQ_LEAP

    @property
    def key(self) -> tuple[str, str]:
        """What requests of the far side name: Call-ID and our tag."""
        return self._dialog.call_id, self._dialog.local_tag

    @property
    def origin(self) -> tuple[str, str]:
        """Call-ID and the far side's tag."""
        return self._dialog.call_id, self._dialog.remote_tag

    @property
    def host(self) -> str:
        """Our address as the far side should use it."""
        return self._advertise or self.peer.local[0]

    def contact(self) -> str:
        """Where requests of the far side should go."""
        transport = ";transport=tcp" if self.peer.reliable else ""
        return f"<sip:allo@{host_port(self.host, self.peer.local[1])}{transport}>"

    def owns(self, request: Request) -> bool:
        """Whether the tags are this dialog's."""
        return request.from_tag == self._dialog.remote_tag and request.to_tag == self._dialog.local_tag

    def advance(self, request: Request, peer: Peer) -> bool:
        """Take the request's CSeq, and its source as the new way back; false when it is out of order (12.2.2)."""
        if request.cseq <= self._dialog.remote_cseq:
            return False
        self._dialog.remote_cseq = request.cseq
        self.peer = peer
        if request.method in {"INVITE", "UPDATE"} and request.header("contact"):
            self._dialog.remote_target = split_address(request.header("contact"))[0]
        return True

    def answer(
        self, request: Request, status: int, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> SipResponse:
        """A response with our tag and Contact."""
        named = {"Contact": self.contact(), "Allow": ALLOW, "Supported": "timer"} if status < 300 else {}
        return response(request, status, tag=self._dialog.local_tag, headers={**named, **(headers or {})}, body=body)

    def request(self, method: str, headers: Mapping[str, str] | None = None) -> SipRequest:
        """A request of ours, numbered."""
        request = self._dialog.create_request(
            method,
            via_host=self.host,
            via_port=self.peer.local[1],
            via_transport=self.peer.transport,
        )
        for name, value in {"Contact": self.contact(), "User-Agent": SERVER, **(headers or {})}.items():
            request.headers.set_single(name, value)
        return request

    @property
    def way(self) -> Peer:
        """Where requests go: back to where the far side's came from, which works behind NAT and through the proxies
        that record-route; only its port is taken from Contact when the host is the same."""
        target = parse_uri(self._dialog.remote_target)
        host = target.host.strip("[]")
        if self.peer.reliable or self._dialog.route_set or not _same(host, self.peer.host):
            return self.peer
        return self.peer.at(self.peer.host, target.port or 5060)


def _same(one: str, other: str) -> bool:
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return False
