"""Giving a caller away by REFER (RFC 3515): what to ask for, and how its outcome is learnt."""

import asyncio
import re

from aiosipua.message import SipResponse

from telephony.sip_text import Request

PATIENCE_S = 60.0
"""Longest wait for the outcome, seconds: the target's phone may ring that long."""

_URI = re.compile(r"(?:sips?|tel):[^\s<>\"]+", re.IGNORECASE)
_EXTENSION = re.compile(r"[A-Za-z0-9*#+_.\-]+")


def refer_to(target: str, host: str) -> str | None:
    """The URI to refer to: ``target`` itself, or that extension at ``host``; ``None`` when it is neither."""
    if _URI.fullmatch(target):
        return target
    if _EXTENSION.fullmatch(target):
        return f"sip:{target}@{f'[{host}]' if ':' in host else host}".replace("#", "%23")
    return None


class Transfer:
    """One REFER in progress."""

    def __init__(self) -> None:
        self._outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._accepted = False

    async def outcome(self) -> bool:
        """True once the far side says that the target has the caller; false when it failed or nobody says."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._outcome
        except TimeoutError:
            return False

    def answered(self, reply: SipResponse | None) -> None:
        """The REFER was answered (``None``: never)."""
        self._accepted = reply is not None and reply.status_code < 300
        if not self._accepted:
            self._settle(False)

    def notified(self, request: Request) -> None:
        """A NOTIFY tells how the new call goes."""
        self._accepted = True
        status = sipfrag_status(request.message.text)
        if status >= 200:
            self._settle(status < 300)
        elif request.header("subscription-state").lower().startswith("terminated"):
            self._settle(False)

    def caller_left(self) -> bool:
        """A BYE while we waited: true when the REFER was accepted, for many phones say no more than that."""
        self._settle(self._accepted)
        return self._outcome.result()

    def fail(self) -> None:
        """The call is over otherwise; no effect when the outcome is known."""
        self._settle(False)

    def _settle(self, succeeded: bool) -> None:
        if not self._outcome.done():
            self._outcome.set_result(succeeded)


def sipfrag_status(body: str) -> int:
    """Status code of a message/sipfrag body; 0 when there is none."""
    found = re.match(r"\s*SIP/2\.0\s+([1-6]\d\d)\b", body)
    return int(found[1]) if found else 0
