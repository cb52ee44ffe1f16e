"""A recording over HTTP where it lies sealed: opened piece by piece, whole or a range of it (RFC 9110, 14)."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from gateways.problems import Problem

PIECE = 1 << 16
"""Bytes read at once."""
HEADERS = {"Content-Type": "audio/wav", "Accept-Ranges": "bytes", "Cache-Control": "no-store"}
Open = Callable[[Path], BinaryIO]
"""Gives the WAV of a recording; raises ``OSError`` and ``ValueError``."""


async def send(request: web.Request, path: Path, opened: Open) -> web.StreamResponse:
    """The WAV, as ``web.FileResponse`` would send it."""
    try:
        file = await asyncio.to_thread(opened, path)
    except (OSError, ValueError) as error:
        raise Problem(409, f"the recording can't be read: {error}") from None
    try:
        return await _send(request, file)
    finally:
        file.close()


async def _send(request: web.Request, file: BinaryIO) -> web.StreamResponse:
    length = await asyncio.to_thread(file.seek, 0, io.SEEK_END)
    start, end = _range(request, length)
    part = (start, end) != (0, length)
    response = web.StreamResponse(status=206 if part else 200, headers=HEADERS)
    response.content_length = end - start
    if part:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{length}"
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    file.seek(start)
    while start < end and (piece := await asyncio.to_thread(file.read, min(PIECE, end - start))):
        await response.write(piece)
        start += len(piece)
    await response.write_eof()
    return response


def _range(request: web.Request, length: int) -> tuple[int, int]:
    """First byte and the one behind the last; raises ``Problem`` for a range that is not there."""
    try:
        start, end, _ = request.http_range.indices(length)
        asked = request.http_range.start
    except ValueError:
        return 0, length  # RFC 9110, 14.2: a Range that makes no sense is passed over
    if asked is not None and asked >= length:
        raise Problem(416, "the recording is shorter", {"Content-Range": f"bytes */{length}"})
    return start, end
