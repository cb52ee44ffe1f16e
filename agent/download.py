"""One file from a vendor's site to the disk: resumed where it was cut off, checked, or one clear line why not."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from agent.errors import StartError

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of the whole file (0: not known)."""

TIMEOUT_S = 20.0
"""Silence of the server after which a connection is given up, seconds."""
TRIES = 3
"""Connections in a row that may bring nothing before it is left to the person."""

_BLOCK = 1 << 16


class _Cut(Exception):  # noqa: N818 - not a fault yet: the download goes on from here
    """The connection ended before the file did."""


def _unseen(_done: int, _whole: int) -> None:
    """Nobody looks at the progress."""


def fetch(url: str, path: Path, length: int = 0, sha256: str = "", progress: Progress = _unseen) -> str:
    """Download ``url`` to ``path`` by way of ``path``.part, which is kept for the next try when the network fails.

    ``length`` in bytes and ``sha256`` in hex are checked when they are given. Returns the file's SHA-256.
    Raises ``StartError`` with one line.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise StartError(f"{url}: only http and https addresses can be fetched")
    if path.is_file() and sha256 in {"", digest := _digest(path)}:
        return digest  # an earlier run got this far
    part = path.with_name(path.name + ".part")
    empty_tries = 0
    while True:
        before = _size(part)
        try:
            whole = _attempt(url, part, progress)
        except _Cut as cut:
            empty_tries = 0 if _size(part) > before else empty_tries + 1
            if empty_tries >= TRIES or (not before and not _size(part)):
                raise StartError(_unreachable(url, part, cut)) from None
            continue
        break
    return _checked(url, part, path, length or whole, sha256)


def _attempt(url: str, part: Path, progress: Progress) -> int:
    """One connection, from where ``part`` ends; returns the length of the whole file, 0 when it was not told."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "allo", "Accept-Encoding": "identity"})  # noqa: S310
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the scheme was checked
            resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT and _range_start(answer) == have
            return _read(answer, part, have if resumed else 0, progress)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return have  # everything was there already, or the checks will tell
        raise StartError(f"{url}: the server answers {error.code} {error.reason}; nothing was changed") from None
    except urllib.error.URLError as error:
        raise _Cut(str(getattr(error.reason, "strerror", None) or error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(str(error) or type(error).__name__) from None


def _read(answer: http.client.HTTPResponse, part: Path, have: int, progress: Progress) -> int:
    told = answer.headers.get("Content-Length", "")
    whole = have + int(told) if told.isdigit() else 0
    with _open(part, have) as file:
        while block := answer.read(_BLOCK):
            try:
                file.write(block)
            except OSError as error:
                raise StartError(f"{part}: can't be written: {error.strerror}") from None
            have += len(block)
            progress(have, whole)
    if have < whole:
        raise _Cut("the connection was cut")
    return whole


def _open(part: Path, have: int) -> BinaryIO:
    try:
        return part.open("ab" if have else "wb")
    except OSError as error:
        raise StartError(f"{part}: can't be written: {error.strerror}") from None


def _checked(url: str, part: Path, path: Path, length: int, sha256: str) -> str:
    found = _size(part)
    if length and found != length:
        part.unlink(missing_ok=True)
        raise StartError(f"{url}: {found} bytes came instead of {length}; the file was thrown away, try again")
    digest = _digest(part)
    if sha256 and digest != sha256.lower():
        part.unlink(missing_ok=True)
        raise StartError(f"{url}: its SHA-256 is {digest}, expected {sha256}; the file was thrown away, try again")
    part.replace(path)
    return digest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _range_start(answer: http.client.HTTPResponse) -> int:
    """First byte of ``Content-Range: bytes 100-199/200`` (RFC 9110, 14.4); -1 when it can't be read."""
    start = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isdigit() else -1


def _unreachable(url: str, part: Path, cut: _Cut) -> str:
    kept = _size(part)
    host = urlsplit(url).netloc
    so_far = f"; the {kept / 1e6:.1f} MB that came are kept, the same command goes on from there" if kept else ""
    return f"no connection to {host}: {cut}{so_far}. Check the network (and https_proxy, if there is one)"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
