"""Session timers (RFC 4028): who refreshes, how often, and when the session counts as dead."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiosipua.message import SipResponse

from telephony.sip_text import Request

MIN_SE = 90
"""Shortest interval taken, seconds (RFC 4028, 4)."""


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """What was agreed."""

    interval_s: int
    """Seconds within which a refresh must come."""
    we_refresh: bool
    required: bool
    """The far side knows session timers, so we may name them in Require."""

    def headers(self) -> dict[str, str]:
        """What the 200 says."""
        said = {"Session-Expires": f"{self.interval_s};refresher={'uas' if self.we_refresh else 'uac'}"}
        return {**said, "Require": "timer"} if self.required else said


def too_small(request: Request) -> bool:
    """Whether the offered interval must be answered with 422."""
    interval, _ = _parse(request.header("session-expires") or request.header("x"))
    return 0 < interval < MIN_SE


def terms_for(request: Request, own_interval_s: int) -> SessionTerms | None:
    """Terms for an INVITE or UPDATE of the far side; ``None``: no session timer (RFC 4028, 9).

    The far side refreshes whenever it can. When it can't, we do, provided that it takes UPDATE.
    """
    interval, refresher = _parse(request.header("session-expires") or request.header("x"))
    knows = "timer" in request.tokens("supported") | request.tokens("require")
    takes_update = "update" in request.tokens("allow")
    if knows:
        we_refresh = refresher == "uas" and takes_update
        return SessionTerms(interval or own_interval_s, we_refresh, required=True)
    if takes_update:
        return SessionTerms(interval or own_interval_s, we_refresh=True, required=False)
    return None


def _parse(value: str) -> tuple[int, str]:
    interval, _, rest = value.partition(";")
    interval = interval.strip()
    seconds = int(interval) if interval.isascii() and interval.isdigit() and len(interval) < 9 else 0
    refresher = next((part.partition("=")[2] for part in rest.lower().split(";") if "refresher" in part), "")
    return seconds, refresher.strip()


SendUpdate = Callable[[dict[str, str], Callable[[SipResponse | None], None]], None]
"""Sends an UPDATE with these headers and tells its final response, or ``None``."""


class SessionTimer:
    """Keeps a session alive by the agreed terms: one deadline, our next refresh or the far side's last chance."""

    def __init__(self, update: SendUpdate, expire: Callable[[], None]) -> None:
        self._update = update
        self._expire = expire
        self._terms: SessionTerms | None = None
        self._handle: asyncio.TimerHandle | None = None

    def headers(self) -> dict[str, str]:
        """What a 200 of ours says about the terms."""
        return self._terms.headers() if self._terms else {}

    def agree(self, terms: SessionTerms | None) -> None:
        """Begin anew under these terms; ``None``: no session timer."""
        self._terms = terms
        self.restart()

    def restart(self) -> None:
        """The session was refreshed."""
        self.stop()
        if self._terms is None:
            return
        loop, interval = asyncio.get_running_loop(), self._terms.interval_s
        if self._terms.we_refresh:
            self._handle = loop.call_later(interval / 2, self._refresh, interval)
        else:
            # RFC 4028, 10: the BYE goes out a little before the interval ends.
            self._handle = loop.call_later(interval - min(32.0, interval / 3), self._expire)

    def stop(self) -> None:
        """No more deadlines; harmless twice."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _refresh(self, interval: int) -> None:
        self._handle = None
        self._update({"Session-Expires": f"{interval};refresher=uac", "Supported": "timer"}, self._refreshed)

    def _refreshed(self, reply: SipResponse | None) -> None:
        if reply is None or reply.status_code in {408, 481}:
            self._expire()
        elif reply.status_code not in {405, 501}:
            self.restart()
