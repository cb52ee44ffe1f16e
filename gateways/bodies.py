"""The bodies of requests: JSON objects and uploaded documents, with limits."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from gateways.problems import Problem

DOCUMENT_MOST = 20_000_000
"""Longest document that is taken, bytes."""
NAME_MOST = 200
"""Longest name of one, letters."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A document that was sent."""

    name: str
    """As its sender calls it; no path."""
    content: bytes


async def json_body(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request; raises ``Problem``."""
    if request.content_type != "application/json":
        raise Problem(415, "a JSON body is needed: Content-Type: application/json")
    try:
        body = await request.json()
    except (ValueError, LookupError, RecursionError):  # an unknown charset is a LookupError
        raise Problem(400, "the body is not valid JSON") from None
    if not isinstance(body, dict):
        raise Problem(422, "the body must be a JSON object")
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Problem(422, "the body has half a character (a lone surrogate)") from None
    return body


async def upload_body(request: web.Request) -> Upload:
    """The field ``file`` of a form, read no further than allowed; raises ``Problem``."""
    if request.content_type != "multipart/form-data":
        raise Problem(415, "a form with the field `file` is needed: Content-Type: multipart/form-data")
    content, name = bytearray(), ""
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "file":
                name = part.filename or ""
                await _read(part, content)
                break
    except (ValueError, AssertionError):  # what aiohttp raises for a broken form
        raise Problem(400, "the form is broken") from None
    if not content:
        raise Problem(422, "the form has no field `file`, or an empty one")
    return Upload(_name(name), bytes(content))


async def _read(part: BodyPartReader, content: bytearray) -> None:
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > DOCUMENT_MOST:
            raise Problem(413, f"more than {DOCUMENT_MOST // 1_000_000} MB; a document of this size is not taken")


def _name(given: str) -> str:
    """Without folders and what a name may not hold; a form that gives none sends Markdown."""
    last = given.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(letter for letter in last if letter.isprintable()).strip()
    return clean[-NAME_MOST:] or "text.md"
