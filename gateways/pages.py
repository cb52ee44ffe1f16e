"""The page's own files, read once at start: a path that is not among them does not exist.

Each is served as it is, to be asked for again each time, and as ``gateways.bundle`` makes it, to be kept.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from gateways.bundle import bundled

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".md": "text/markdown",
    ".txt": "text/plain",
}
GZIPPED_FROM = 600
"""Smaller files travel as they are, bytes."""
ASKED_AGAIN = "no-cache"
KEPT = "public, max-age=31536000, immutable"
"""A year (RFC 8246): under another content it has another address."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is sent."""

    body: bytes
    packed: bytes
    """Gzip of the same."""
    type: str
    tag: str
    """ETag: changes with the content."""
    keeping: str = ASKED_AGAIN
    """Cache-Control."""

    def answer(self, request: web.Request) -> web.Response:
        """The file, packed where the browser takes that, or 304."""
        headers = {"ETag": self.tag, "Cache-Control": self.keeping, "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == self.tag:
            return web.Response(status=304, headers=headers)
        packed = len(self.body) >= GZIPPED_FROM and "gzip" in request.headers.get("Accept-Encoding", "")
        if packed:
            headers["Content-Encoding"] = "gzip"
        body = self.packed if packed else self.body
        return web.Response(body=body, headers=headers, content_type=self.type, charset="utf-8")


@dataclass(frozen=True, slots=True)
class PageFiles:
    """All of them."""

    plain: dict[str, PageFile]
    """By name, as they are written."""
    version: str
    """Changes with any of them."""
    kept: dict[str, PageFile]
    """By name, as they are served under the version."""
    page: PageFile
    """``index.html``, which names the version."""


def load_files(folder: Path = STATIC) -> PageFiles:
    """Read and pack them. Blocks, some tens of milliseconds."""
    sources = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in TYPES}
    version, texts = bundled({name: body.decode() for name, body in sources.items()})
    kept = {name: _packed(name, text.encode(), KEPT) for name, text in texts.items()}
    plain = {name: _packed(name, body) for name, body in sources.items()}
    return PageFiles(plain, version, kept, _packed("index.html", texts["index.html"].encode()))


def _packed(name: str, body: bytes, keeping: str = ASKED_AGAIN) -> PageFile:
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    return PageFile(body, gzip.compress(body, 9, mtime=0), TYPES[Path(name).suffix], tag, keeping)
