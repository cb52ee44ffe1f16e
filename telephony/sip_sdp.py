"""Offer and answer (RFC 3264, 8866) for one audio stream. Pure.

aiosipua parses and serialises; what to choose is decided here: its own negotiation knows neither the offered
payload type of telephone-events nor holds, versions and session-wide attributes.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from aiosipua.sdp import (
    ConnectionData,
    MediaDescription,
    Origin,
    SdpMessage,
    parse_sdp,
    serialize_sdp,
)

from telephony.rtp_leg import G722, PCMA, PCMU, RtpFormat, rate_of
from telephony.rtp_source import Address

NAMES = {PCMU: "PCMU", PCMA: "PCMA", G722: "G722"}
"""Codecs that a leg can speak, by their static payload types; all with an RTP clock of 8000 Hz."""

DTMF = 101
"""Payload type of telephone-events in our own offers."""

_MIRROR = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
_NOWHERE = {"0.0.0.0", "::"}  # noqa: S104 - how RFC 2543 spelled "on hold"


class NoCommonMedia(ValueError):  # noqa: N818 - answered with 488
    """Nothing in the offer can be used."""


@dataclass(frozen=True, slots=True)
class Media:
    """What one side's SDP means for our leg."""

    index: int
    """Which m-line."""
    remote: Address | None
    """Where it listens; ``None`` when it names no usable address."""
    format: RtpFormat
    direction: str
    """Our direction, the mirror of theirs."""
    held: bool
    """They don't want to hear us."""


def choose(text: str, rate: int | None = None) -> tuple[SdpMessage, Media]:
    """Read an offer or answer and choose the first audio stream and codec that we can speak.

    ``rate``: the leg's sample rate when it is fixed already. Raises ``NoCommonMedia``, and ``ValueError`` for what
    is no SDP.
    """
    sdp = parse_sdp(text)
    for index, media in enumerate(sdp.media):
        if media.media == "audio" and media.port and media.proto in {"RTP/AVP", "RTP/AVPF"}:
            chosen = _format(media, rate)
            if chosen is not None:
                return sdp, _media(sdp, media, index, chosen)
    raise NoCommonMedia("no audio in PCMA, PCMU or G.722 over RTP/AVP")


def _format(media: MediaDescription, rate: int | None) -> RtpFormat | None:
    names = {str(codec.payload_type): codec for codec in media.codecs}
    for payload_type in (int(number) for number in media.formats if number.isdigit()):
        if payload_type not in NAMES or rate not in {None, rate_of(payload_type)}:
            continue
        codec = names.get(str(payload_type))
        if codec is None or codec.encoding_name.upper() == NAMES[payload_type]:
            return RtpFormat(payload_type, _dtmf(media))
    return None


def _dtmf(media: MediaDescription) -> int | None:
    for codec in media.codecs:
        if codec.encoding_name.lower() == "telephone-event" and codec.clock_rate == 8000:
            return codec.payload_type if codec.payload_type < 128 else None
    return None


def _media(sdp: SdpMessage, media: MediaDescription, index: int, chosen: RtpFormat) -> Media:
    connection = media.connection or sdp.connection
    address = connection.address.partition("/")[0] if connection else ""
    theirs = next((name for name in _MIRROR if name in media.attributes), None)
    theirs = theirs or next((name for name in _MIRROR if name in sdp.attributes), "sendrecv")
    held = theirs in {"sendonly", "inactive"} or address in _NOWHERE
    remote = (address, media.port) if address and address not in _NOWHERE else None
    return Media(index, remote, chosen, _MIRROR[theirs], held)


class Session:
    """Our half of the session description: one ``o=`` line for the life of the call, its version kept in step."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._id = secrets.randbelow(1 << 31)
        self._version = 0
        self._last = ""

    @property
    def state(self) -> list[int]:
        """Id and version of its ``o=`` line."""
        return [self._id, self._version]

    def resume(self, state: Sequence[int]) -> None:
        """Go on with this ``o=`` line; what is said next counts as a change of it."""
        self._id, self._version = state

    def answer(self, offer: SdpMessage, media: Media) -> str:
        """Answer with the chosen stream; every other m-line of the offer is refused (RFC 3264, 6)."""
        lines = [
            self._audio([media.format.payload_type], media.format.dtmf_type, media.direction, one.proto)
            if index == media.index
            else MediaDescription(media=one.media, port=0, proto=one.proto, formats=one.formats or ["0"])
            for index, one in enumerate(offer.media)
        ]
        return self._write(lines)

    def offer(self, rate: int, direction: str = "sendrecv") -> str:
        """Offer all that a leg of this rate can speak, for an INVITE that came without one."""
        kinds = [kind for kind in (PCMA, PCMU, G722) if rate_of(kind) == rate]
        return self._write([self._audio(kinds, DTMF, direction, "RTP/AVP")])

    def _audio(self, kinds: list[int], dtmf: int | None, direction: str, proto: str) -> MediaDescription:
        attributes = {"rtpmap": [f"{kind} {NAMES[kind]}/8000" for kind in kinds]}
        if dtmf is not None:
            attributes["rtpmap"].append(f"{dtmf} telephone-event/8000")
            attributes["fmtp"] = [f"{dtmf} 0-15"]
        attributes["ptime"] = ["20"]
        attributes[direction] = []
        formats = [str(kind) for kind in (*kinds, dtmf) if kind is not None]
        return MediaDescription(media="audio", port=self._port, proto=proto, formats=formats, attributes=attributes)

    def _write(self, lines: list[MediaDescription]) -> str:
        body = self._text(lines)
        if body != self._last:
            self._version += 1
            self._last = body = self._text(lines)
        return body

    def _text(self, lines: list[MediaDescription]) -> str:
        kind = "IP6" if ":" in self._host else "IP4"
        number, version = str(self._id), str(self._version)
        return serialize_sdp(
            SdpMessage(
                origin=Origin("allo", number, version, "IN", kind, self._host),
                session_name="Allo",
                connection=ConnectionData("IN", kind, self._host),
                media=lines,
            )
        )
