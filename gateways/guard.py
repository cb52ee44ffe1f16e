"""Who may see and change what: the key, the cookie of a browser that gave it, loopback, and the same origin.

Callers' data is shown and changed only with ``X-API-Key`` or the cookie. Where the key was not chosen by a person only
loopback is served, and only under a loopback name: a page of a stranger that resolves its name to 127.0.0.1 gets
nothing. A cookie is signed with the key, so that it outlives a restart of Allo and not a change of the key.
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
LEFT_MOST = 1000
"""Cookies of browsers that logged out early and are remembered until they end by themselves."""
CHANGES_MOST = 200
"""Changing requests of one address at once."""
CHANGES_PER_S = 10.0
"""And then so many each second."""
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

    def __init__(self, key: str, *, local: bool) -> None:
        """``local``: only loopback is served. With an empty ``key`` nobody is."""
        self._key, self._local = key.encode(), local
        self._left: dict[str, float] = {}
        self._failures: dict[str, deque[float]] = {}
        self._changes: dict[str, tuple[float, float]] = {}

    def admit(self, request: web.Request) -> None:
        """Raise ``Problem`` unless the one who asks may see callers' data and change things."""
        self.same_origin(request)
        if self._local:
            _local(request)
        if not self._session(request):
            self._given(request, _key_of(request))
        if request.method not in SAFE:
            self._slow(request.remote or "")

    def admit_figures(self, request: web.Request) -> None:
        """The same, but a program of this machine needs no key: figures tell nothing of callers."""
        try:
            _local(request)
        except Problem:
            self.admit(request)

    def log_in(self, request: web.Request, key: str) -> str:
        """A new session for who gives the right key; raises ``Problem``."""
        self.same_origin(request)
        if self._local:
            _local(request)
        self._given(request, key)
        session = f"{int(time.time()) + SESSION_S}.{secrets.token_urlsafe(16)}"
        return f"{session}.{self._signed(session)}"

    def log_out(self, request: web.Request) -> None:
        """The session of a request is worth nothing any more."""
        if self._session(request):
            self._left[request.cookies[COOKIE]] = time.time() + SESSION_S
            while len(self._left) > LEFT_MOST:
                self._left.pop(next(iter(self._left)))

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

    def _session(self, request: web.Request) -> bool:
        token = request.cookies.get(COOKIE, "")
        session, _, signature = token.rpartition(".")
        until = session.partition(".")[0]
        if not self._key or not until.isascii() or not until.isdecimal() or len(until) > 12 or token in self._left:
            return False
        genuine = hmac.compare_digest(signature.encode(errors="surrogatepass"), self._signed(session).encode())
        return genuine and int(until) > time.time()

    def _signed(self, session: str) -> str:
        return hmac.new(self._key, session.encode(errors="surrogatepass"), "sha256").hexdigest()

    def _slow(self, address: str) -> None:
        """Refuse an address that changes things faster than anybody can click."""
        now = time.monotonic()
        left, before = self._changes.pop(address, (float(CHANGES_MOST), now))
        left = min(left + (now - before) * CHANGES_PER_S, CHANGES_MOST)
        self._changes[address] = (max(left - 1, 0.0), now)
        while len(self._changes) > ADDRESSES_MOST:
            self._changes.pop(next(iter(self._changes)))
        if left < 1:
            raise Problem(429, "too many changes in a short time; wait a few seconds", {"Retry-After": "2"})

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
        raise Problem(401, "the key is needed here ([web] api_key, else web.key in [storage] dir), as X-API-Key")


def _key_of(request: web.Request) -> str:
    """As ``X-API-Key``, or as a bearer token (RFC 6750), which is all that a Prometheus can give."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return request.headers.get("X-API-Key", "") or (token.strip() if kind.lower() == "bearer" else "")


def _local(request: web.Request) -> None:
    forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP"))
    if forwarded or not _loopback(request.remote or "") or not _loopback(urlsplit(f"//{request.host}").hostname or ""):
        raise Problem(403, "only this machine is served; set [web] api_key to let others in")


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
