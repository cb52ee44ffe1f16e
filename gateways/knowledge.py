"""The knowledge bases over HTTP: read, written, uploaded, searched; and the answers that were wrong."""

import asyncio
import hashlib
from functools import partial

from aiohttp import web

from agent.errors import StartError
from agent.ports import Base
from gateways.bodies import json_body, upload_body
from gateways.desk import Desk, Texts
from gateways.problems import Problem
from gateways.queries import Asked, Document, NewDocument, Tongue, Wrong
from gateways.replies import Converted, Found, Object, Report, Reports, Saved
from gateways.routes import Route
from gateways.texts import texts_of

FORM = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
        }
    }
}
TAKEN = {
    200: "written; the index is made anew in the background",
    409: "can't be changed here",
    412: "it is no longer the text of If-Match",
    413: "too large",
    415: "no form",
    422: "not what its name says, or no text",
}
READ = {200: "the text", 404: "no such document"}
GONE = {200: "removed", 404: "no such document"}
WRONG = "/api/wrong-answers"


class KnowledgeDoor:
    """Answers what is asked about the bases."""

    def __init__(self, desk: Desk) -> None:
        """``desk.texts`` may come later."""
        self._desk = desk

    def routes(self) -> list[Route]:
        """The paths."""
        rows: list[Route] = []
        bases: tuple[tuple[str, Base], ...] = (("/kb", "general"), ("/kb2", "tech"))
        for path, base in bases:
            show, upload, remove = (partial(each, base) for each in (self.show, self.upload, self.remove))
            rows += [
                Route("GET", path, f"The base {base}", show, query=Document, gives="text/markdown", replies=READ),
                Route(
                    "DELETE", path, f"Remove a document of {base}", remove, query=Document, reply=Saved, replies=GONE
                ),
                Route(
                    "POST", f"{path}/upload", f"A new base {base}, or a document of it", upload,
                    query=NewDocument, body=FORM, reply=Saved, replies=TAKEN,
                ),
            ]  # fmt: skip
        read = {200: "its text", 422: "can't be read"}
        forgot = {200: "removed", 404: "no such report"}
        return [
            *rows,
            Route("GET", "/api/kb", "Both bases, their documents", self.overview, query=Tongue, reply=Object),
            Route("GET", "/api/kb/progress", "How far the index is", self.progress, reply=Object),
            Route("GET", "/api/kb/search", "What a question finds, and why", self.search, query=Asked, reply=Found),
            Route(
                "POST",
                "/api/kb/convert",
                "A document as Markdown; nothing is kept",
                self.convert,
                body=FORM,
                reply=Converted,
                replies=read,
            ),
            Route("GET", WRONG, "Answers that were reported as wrong", self.reports, reply=Reports),
            Route("POST", WRONG, "Report one; `allo kb eval` reads the table", self.report, body=Wrong, reply=Report),
            Route(
                "DELETE",
                WRONG + "/{id:[A-Za-z0-9._@:-]+}",
                "Remove a report",
                self.forget,
                reply=Report,
                replies=forgot,
            ),
        ]

    async def show(self, base: Base, request: web.Request) -> web.Response:
        """A text as it lies on the disk."""
        asked = Document.model_validate(dict(request.query))
        text = await self._texts.bases.read(base, asked.document, asked.language)
        tag = await asyncio.to_thread(_tag, text)
        return web.Response(text=text, content_type="text/markdown", headers={"ETag": f'"{tag}"'})

    async def upload(self, base: Base, request: web.Request) -> web.Response:
        """Take a new text: the field ``file`` of a form, of any kind that can be read."""
        asked = NewDocument.model_validate(dict(request.query))
        begun = request.headers.get("If-Match", "").strip('" ')
        markdown = await self._markdown(request)
        return web.json_response(await self._texts.bases.save(base, asked.document, markdown, begun, asked.language))

    async def remove(self, base: Base, request: web.Request) -> web.Response:
        """Remove a document."""
        asked = Document.model_validate(dict(request.query))
        return web.json_response(await self._texts.bases.remove(base, asked.document, asked.language))

    async def overview(self, request: web.Request) -> web.Response:
        """Which files there are."""
        language = Tongue.model_validate(dict(request.query)).language
        return web.json_response(await self._texts.bases.overview(language))

    async def progress(self, _request: web.Request) -> web.Response:
        """Of the index."""
        return web.json_response(self._texts.progress())

    async def search(self, request: web.Request) -> web.Response:
        """Scores, bases, headings."""
        return web.json_response(await self._texts.search(Asked.model_validate(dict(request.query)).q))

    async def convert(self, request: web.Request) -> web.Response:
        """The text of a document, to look at before it is kept."""
        return web.json_response({"markdown": await self._markdown(request)})

    async def reports(self, _request: web.Request) -> web.Response:
        """All of them."""
        return web.json_response(await self._texts.reports.all())

    async def report(self, request: web.Request) -> web.Response:
        """Keep one."""
        wrong = Wrong.model_validate(await json_body(request))
        return web.json_response(await self._texts.reports.report(wrong.row()))

    async def forget(self, request: web.Request) -> web.Response:
        """Remove one."""
        found = await self._texts.reports.forget(request.match_info["id"])
        if found is None:
            raise Problem(404, "there is no such report")
        return web.json_response(found)

    async def _markdown(self, request: web.Request) -> str:
        sent = await upload_body(request)
        try:
            return await self._texts.convert(sent.name, sent.content)
        except StartError as error:
            raise Problem(422, f"{sent.name}: {error}") from None

    @property
    def _texts(self) -> Texts:
        return texts_of(self._desk)


def _tag(text: str) -> str:
    """As ``save`` wants it for ``begun``."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]
