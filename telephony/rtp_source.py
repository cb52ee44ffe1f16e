"""Which address may speak on an RTP port, and where our packets go. Pure.

Symmetric RTP (RFC 4961) sends to where packets come from, because behind NAT the SDP names an address that
nobody can reach. Following any packet would let a stranger take the stream, so a source is only followed when
the signalling vouches for it, or when nobody else has been speaking and it behaves like one stream.
"""

Address = tuple[str, int]

SILENT_TICKS = 25
"""20 ms ticks without a packet from the followed source before another may take over (half a second)."""

PROBATION = 3
"""Consecutive packets of one stream that an unknown source must send before it is followed."""


class SourceGuard:
    """Decides per packet; ``target`` is where to send. Addresses are ``(IP literal, port)``."""

    def __init__(self, signalled: Address | None, trusted: frozenset[str] = frozenset()) -> None:
        self.redirect(signalled, trusted)

    def redirect(self, signalled: Address | None, trusted: frozenset[str] = frozenset()) -> None:
        """The signalling named another address (re-INVITE): start afresh.

        ``trusted``: hosts, besides the signalled one, whose first packet is followed (the SIP peer itself).
        """
        self._signalled = signalled
        self._trusted = trusted | ({signalled[0]} if signalled else set())
        self._latched: Address | None = None
        self._heard = 0
        self._candidate: tuple[Address, int, int] | None = None
        self._streak = 0

    @property
    def target(self) -> Address | None:
        """Where our packets go; ``None`` while nobody knows."""
        return self._latched or self._signalled

    def admit(self, source: Address, ssrc: int, sequence: int, now: int) -> bool:
        """Whether this packet belongs to the call; ``now`` in 20 ms ticks."""
        if source != self._latched and not self._follow(source, ssrc, sequence, now):
            return False
        self._heard = now
        return True

    def _follow(self, source: Address, ssrc: int, sequence: int, now: int) -> bool:
        if source == self._signalled or (self._latched is None and source[0] in self._trusted):
            self._latch(source)
            return True
        if self._latched is not None and now - self._heard < SILENT_TICKS:
            return False
        expected = (source, ssrc, sequence)
        self._streak = self._streak + 1 if self._candidate == expected else 1
        self._candidate = (source, ssrc, (sequence + 1) & 0xFFFF)
        if self._streak < PROBATION:
            return False
        self._latch(source)
        return True

    def _latch(self, source: Address) -> None:
        self._latched = source
        self._candidate = None
        self._streak = 0
