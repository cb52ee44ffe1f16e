"""The bodies of requests: JSON objects and uploaded Markdown, with limits."""

from typing import Any

from aiohttp import BodyPartReader, web

from gateways.problems import Problem

MARKDOWN_MOST = 5_000_000
"""Longest base that is taken, bytes."""


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
    return body


async def markdown_body(request: web.Request) -> str:
    """The field ``file`` of a form, read no further than allowed; raises ``Problem``."""
    if request.content_type != "multipart/form-data":
        raise Problem(415, "a form with the field `file` is needed: Content-Type: multipart/form-data")
    content = bytearray()
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "file":
                await _read(part, content)
                break
    except (ValueError, AssertionError):  # what aiohttp raises for a broken form
        raise Problem(400, "the form is broken") from None
    return _text(content)


async def _read(part: BodyPartReader, content: bytearray) -> None:
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > MARKDOWN_MOST:
            raise Problem(413, f"more than {MARKDOWN_MOST // 1_000_000} MB; a base of this size is not taken")


def _text(content: bytearray) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem(422, "the file is not UTF-8 text; save it as UTF-8") from None
    if not text.strip() or "\0" in text:
        raise Problem(422, "the file has no text")
    return text
