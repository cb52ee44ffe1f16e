"""The page's own files, read once at start: a path that is not among them does not exist."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

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


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is sent."""

    body: bytes
    packed: bytes
    """Gzip of the same."""
    type: str
    tag: str
    """ETag: changes with the content."""

    def answer(self, request: web.Request) -> web.Response:
        """The file, packed where the browser takes that, or 304."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == self.tag:
            return web.Response(status=304, headers=headers)
        packed = len(self.body) >= GZIPPED_FROM and "gzip" in request.headers.get("Accept-Encoding", "")
        if packed:
            headers["Content-Encoding"] = "gzip"
        body = self.packed if packed else self.body
        return web.Response(body=body, headers=headers, content_type=self.type, charset="utf-8")


def load_files(folder: Path = STATIC) -> dict[str, PageFile]:
    """Name -> file. Blocks on the disk, some milliseconds."""
    return {path.name: _load(path) for path in sorted(folder.iterdir()) if path.suffix in TYPES}


def _load(path: Path) -> PageFile:
    body = path.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    return PageFile(body, gzip.compress(body, 9, mtime=0), TYPES[path.suffix], tag)
