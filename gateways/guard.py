"""Who may see and change what: the key, the cookie of a browser that gave it, loopback, and the same origin.

With a key, callers' data is shown and changed only with ``X-API-Key`` or the cookie. Without one only loopback is
served, and only under a loopback name: a page of a stranger that resolves its name to 127.0.0.1 gets nothing.
"""

import hmac
import ipaddress
import secrets
import time
from collections import deque
from urllib.parse import urlsplit

from aiohttp import web

from gateways.problems import Problem

COOKIE = "allo_session"
SESSION_S = 12 * 3600
"""How long a browser needs not give the key again, seconds."""
SESSIONS_MOST = 200
"""Browsers that have given the key; the oldest must give it again."""
FAILURES_MOST = 10
"""Wrong keys of one address before it is locked out."""
LOCKED_S = 300
"""For how long, seconds."""
ADDRESSES_MOST = 10_000
"""Addresses whose wrong keys are remembered."""
SAFE = ("GET", "HEAD", "OPTIONS")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


class Guard:
    """Knows the key and who gave it."""

    def __init__(self, key: str) -> None:
        """An empty ``key``: only loopback is served."""
        self._key = key.encode()
        self._sessions: dict[str, float] = {}
        self._failures: dict[str, deque[float]] = {}

    @property
    def keyed(self) -> bool:
        """A key is set."""
        return bool(self._key)

    def admit(self, request: web.Request) -> None:
        """Raise ``Problem`` unless the one who asks may see callers' data and change things."""
        self.same_origin(request)
        if not self._key:
            _local(request)
        elif self._session(request) is None:
            self._given(request, request.headers.get("X-API-Key", ""))

    def log_in(self, request: web.Request, key: str) -> str:
        """A new session for who gives the right key; raises ``Problem``."""
        self.same_origin(request)
        self._given(request, key)
        token = secrets.token_urlsafe(32)
        self._sessions[token] = time.monotonic() + SESSION_S
        while len(self._sessions) > SESSIONS_MOST:
            self._sessions.pop(next(iter(self._sessions)))
        return token

    def log_out(self, request: web.Request) -> None:
        """Forget the session of a request."""
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)

    def admitted(self, request: web.Request) -> bool:
        """True for one who needs not give the key now."""
        try:
            self.admit(request)
        except Problem:
            return False
        return True

    def same_origin(self, request: web.Request) -> None:
        """Raise ``Problem`` when a page of somebody else's wants to change something."""
        if request.method in SAFE and request.headers.get("Upgrade", "").lower() != "websocket":
            return
        origin = request.headers.get("Origin")
        foreign = origin is not None and urlsplit(origin).netloc != request.host
        if foreign or request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise Problem(403, "this page belongs to another site; open Allo's own page")

    def _session(self, request: web.Request) -> str | None:
        token = request.cookies.get(COOKIE, "")
        if self._sessions.get(token, 0.0) > time.monotonic():
            return token
        self._sessions.pop(token, None)
        return None

    def _given(self, request: web.Request, key: str) -> None:
        address = request.remote or ""
        failures, now = self._failures.get(address, deque()), time.monotonic()
        while failures and failures[0] < now - LOCKED_S:
            failures.popleft()
        if len(failures) >= FAILURES_MOST:
            wait = {"Retry-After": str(int(failures[0] + LOCKED_S - now) + 1)}
            raise Problem(429, "too many wrong keys from this address; wait five minutes", wait)
        if self._key and hmac.compare_digest(key.encode(errors="surrogatepass"), self._key):
            self._failures.pop(address, None)
            return
        if key:
            failures.append(now)
            self._failures[address] = failures
            while len(self._failures) > ADDRESSES_MOST:
                self._failures.pop(next(iter(self._failures)))
        raise Problem(401, "the key ([web] api_key) is needed here, as X-API-Key or given on the page")


def _local(request: web.Request) -> None:
    forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP"))
    if forwarded or not _loopback(request.remote or "") or not _loopback(urlsplit(f"//{request.host}").hostname or ""):
        raise Problem(403, "without a key only this machine is served; set [web] api_key to let others in")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


async def seal(_request: web.Request, response: web.StreamResponse) -> None:
    """Security headers on every answer; what callers said is kept in no cache."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
