"""The media side of a SIP call: which SDP we say, and how the far side's steers the RTP leg."""

from collections.abc import Mapping
from typing import Any

from agent.settings import Sip
from telephony.clock import MediaClock
from telephony.inbox import Inbox
from telephony.rtp_leg import PCMA, RtpFormat, RtpLeg, rate_of
from telephony.rtp_ports import RtpPorts
from telephony.sip_sdp import DTMF, Media, Session, choose
from telephony.sip_wire import Peer

WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to


class SipMedia:
    """Inbox, RTP leg and session description of one call; its sample rate is fixed by the first offer.

    ``media`` is what was chosen from that offer, ``None`` when the INVITE had none: then we offer G.711.
    """

    def __init__(self, media: Media | None, clock: MediaClock, peer: Peer) -> None:
        rtp_format = media.format if media else RtpFormat(PCMA, DTMF)
        self.rate = rate_of(rtp_format.payload_type)
        self.inbox = Inbox(self.rate)
        self._trusted = frozenset({peer.host})
        self.leg = RtpLeg(self.inbox, clock, rtp_format, media.remote if media else None, self._trusted)
        self._session: Session | None = None
        self.awaits_answer = False
        """Whether our last description was an offer whose answer comes in the ACK."""

    @property
    def state(self) -> dict[str, Any]:
        """What another process needs to ``resume``; fit for JSON."""
        leg = self.leg
        kinds = {"payload": leg.format.payload_type, "dtmf": leg.format.dtmf_type, "held": leg.held}
        return {"port": leg.port, "remote": leg.remote, "session": self._session and self._session.state, **kinds}

    async def resume(self, state: Mapping[str, Any], settings: Sip, ports: RtpPorts, peer: Peer) -> None:
        """Bind the ports of before and go on with what was agreed.

        Raises ``NoPortFree`` when another program has them, ``KeyError``, ``TypeError`` or ``ValueError`` for what is
        no such state.

        Our stream begins anew, with an SSRC of its own: nobody knows the last number that the ended process sent, and
        a source that begins again chooses a new identifier (RFC 3550, 8.1); receivers take that for a new stream.
        """
        await self.open(settings, ports, peer, int(state["port"]))
        if self._session is not None and state["session"]:
            self._session.resume(state["session"])
        self.leg.change(RtpFormat(state["payload"], state["dtmf"]))
        remote = state["remote"]
        self.leg.redirect((str(remote[0]), int(remote[1])) if remote else None, self._trusted)
        self.leg.hold(bool(state["held"]))

    async def open(self, settings: Sip, ports: RtpPorts, peer: Peer, at: int | None = None) -> None:
        """Bind the RTP ports, ``at`` a port where it must be that one; raises ``NoPortFree``."""
        host = settings.host
        if host in WILDCARDS:
            host = "::" if ":" in peer.local[0] else "0.0.0.0"  # noqa: S104
        await self.leg.bind(ports, host, at)
        self._session = Session(settings.advertise or peer.local[0], self.leg.port)

    def describe(self, offer: str | None) -> str:
        """Follow the far side's offer and return our answer; without one, our own offer.

        Raises ``ValueError`` when the offer can't be used; then nothing has changed.
        """
        if self._session is None:
            raise ValueError("no media before the call is answered")
        if offer is None:
            self.awaits_answer = True
            return self._session.offer(self.rate)
        sdp, media = choose(offer, self.rate)
        self._steer(media)
        self.awaits_answer = False
        return self._session.answer(sdp, media)

    def learn(self, answer: str | None) -> None:
        """Follow the answer to our offer; raises ``ValueError`` when it can't be used."""
        _, media = choose(answer or "", self.rate)
        self._steer(media)
        self.awaits_answer = False

    def close(self, cause: str) -> None:
        """Free the ports and tell the house why; harmless twice."""
        self.leg.close()
        self.inbox.hang_up(cause)

    def _steer(self, media: Media) -> None:
        self.leg.change(media.format)
        self.leg.redirect(media.remote, self._trusted)
        self.leg.hold(media.held)
