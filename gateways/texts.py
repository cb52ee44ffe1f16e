"""What the agent knows and says, over HTTP: both bases, prompts, settings, normalisation."""

from functools import partial

from aiohttp import web

from agent.ports import Base
from gateways.bodies import json_body, markdown_body
from gateways.desk import Desk, Texts
from gateways.problems import Problem
from gateways.queries import Text
from gateways.routes import Route

FORM = {"multipart/form-data": {"schema": {"type": "object", "properties": {"file": {"type": "string"}}}}}
OBJECT = {"application/json": {"schema": {"type": "object"}}}
LATER = {200: "what stands now", 501: "not in this version"}


class TextDoor:
    """Answers what is asked about the texts."""

    def __init__(self, desk: Desk) -> None:
        """``desk.texts`` may come later."""
        self._desk = desk

    def routes(self) -> list[Route]:
        """The paths."""
        rows: list[Route] = []
        bases: tuple[tuple[str, Base], ...] = (("/kb", "general"), ("/kb2", "tech"))
        for path, base in bases:
            show, upload = partial(self.knowledge, base), partial(self.upload, base)
            rows.append(Route("GET", path, f"The base {base}, Markdown", show, gives="text/markdown"))
            rows.append(Route("POST", f"{path}/upload", f"A new base {base}", upload, body=FORM, replies=LATER))
        return [
            *rows,
            Route("GET", "/api/prompts", "The prompts", self.prompts),
            Route("POST", "/api/prompts", "New prompts, at once", self.save_prompts, body=OBJECT, replies=LATER),
            Route("GET", "/api/settings", "Search and model settings", self.settings),
            Route("POST", "/api/settings", "New search settings", self.save_settings, body=OBJECT, replies=LATER),
            Route("POST", "/api/model-settings", "New model settings", self.save_settings, body=OBJECT, replies=LATER),
            Route("POST", "/api/normalize", "A text in canonical writing", self.normalise, body=Text),
        ]

    async def knowledge(self, base: Base, _request: web.Request) -> web.Response:
        """A base as it lies on the disk."""
        return web.Response(text=self._texts.knowledge(base), content_type="text/markdown")

    async def upload(self, base: Base, request: web.Request) -> web.Response:
        """Take a new base: the field ``file`` of a form."""
        save = self._texts.save_knowledge
        if save is None:
            raise _later("uploading a base")
        return web.json_response(await save(base, await markdown_body(request)))

    async def prompts(self, _request: web.Request) -> web.Response:
        """What the agent says by itself and is told."""
        return web.json_response(self._texts.prompts())

    async def save_prompts(self, request: web.Request) -> web.Response:
        """Take new prompts."""
        save = self._texts.save_prompts
        if save is None:
            raise _later("changing prompts")
        return web.json_response(await save(await json_body(request)))

    async def settings(self, _request: web.Request) -> web.Response:
        """What may be tuned; no secrets."""
        return web.json_response(self._texts.settings())

    async def save_settings(self, request: web.Request) -> web.Response:
        """Take new settings."""
        save = self._texts.save_settings
        if save is None:
            raise _later("changing settings")
        return web.json_response(await save(await json_body(request)))

    async def normalise(self, request: web.Request) -> web.Response:
        """How a spoken text is written."""
        text = Text.model_validate(await json_body(request)).text
        return web.json_response({"raw": text, "normalized": self._texts.normalise(text)})

    @property
    def _texts(self) -> Texts:
        if self._desk.texts is None:
            raise Problem(503, "Allo is starting; ask again in a moment", {"Retry-After": "1"})
        return self._desk.texts


def _later(what: str) -> Problem:
    return Problem(501, f"{what} over HTTP is not in this version; change the file and restart Allo")
