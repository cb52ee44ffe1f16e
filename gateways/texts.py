"""What the agent says and goes by, over HTTP: prompts, settings, what they were before, normalisation."""

from aiohttp import web

from agent.errors import SettingsError, StartError
from gateways.bodies import json_body
from gateways.desk import Desk, Texts
from gateways.problems import Problem
from gateways.queries import BackupsQuery, Text
from gateways.replies import BackupRows, BackupText, Changed, Normalised, Prompts, Saved, Tuned
from gateways.routes import Route

OBJECT = {"application/json": {"schema": {"type": "object"}}}
TAKEN = {200: "what stands now", 422: "it can't be used; nothing was changed"}
BACKUP = "/api/backups/{id:[0-9]+}"
FOUND = {200: "the text", 404: "no such backup"}


class TextDoor:
    """Answers what is asked about prompts and settings."""

    def __init__(self, desk: Desk) -> None:
        """``desk.texts`` may come later."""
        self._desk = desk

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("GET", "/api/prompts", "The prompts", self.prompts, reply=Prompts),
            Route(
                "POST",
                "/api/prompts",
                "New prompts, at once",
                self.save_prompts,
                body=OBJECT,
                reply=Changed,
                replies=TAKEN,
            ),
            Route("GET", "/api/settings", "Settings in force; no secrets", self.settings, reply=Tuned),
            Route(
                "POST", "/api/settings", "New settings", self.save_settings, body=OBJECT, reply=Changed, replies=TAKEN
            ),
            Route(
                "POST",
                "/api/model-settings",
                "New model settings",
                self.save_settings,
                body=OBJECT,
                reply=Changed,
                replies=TAKEN,
            ),
            Route("GET", "/api/backups", "What texts were before", self.backups, query=BackupsQuery, reply=BackupRows),
            Route("GET", BACKUP, "One of them", self.backup, reply=BackupText, replies=FOUND),
            Route("POST", f"{BACKUP}/restore", "Back to it", self.restore, reply=Saved, replies=FOUND | TAKEN),
            Route("POST", "/api/normalize", "A text in canonical writing", self.normalise, body=Text, reply=Normalised),
        ]

    async def prompts(self, _request: web.Request) -> web.Response:
        """What the agent says by itself and is told."""
        return web.json_response(await self._texts.prompts())

    async def save_prompts(self, request: web.Request) -> web.Response:
        """Take new prompts: all of them can be used, or nothing is changed."""
        changes = await json_body(request)
        try:
            return web.json_response(await self._texts.save_prompts(changes))
        except StartError as error:
            raise Problem(422, str(error)) from None

    async def settings(self, _request: web.Request) -> web.Response:
        """What may be tuned."""
        return web.json_response(await self._texts.settings())

    async def save_settings(self, request: web.Request) -> web.Response:
        """Take new settings: all of them can be used, or nothing is changed."""
        changes = await json_body(request)
        try:
            return web.json_response(await self._texts.save_settings(changes))
        except (SettingsError, StartError) as error:
            raise Problem(422, str(error)) from None

    async def backups(self, request: web.Request) -> web.Response:
        """Those of one text, or of all."""
        query = BackupsQuery.model_validate(dict(request.query))
        return web.json_response({"backups": await self._texts.backups.under(query.of)})

    async def backup(self, request: web.Request) -> web.Response:
        """The text."""
        text = await self._texts.backups.read(_id(request))
        if text is None:
            raise Problem(404, "there is no such backup any more")
        return web.json_response({"text": text})

    async def restore(self, request: web.Request) -> web.Response:
        """Put it back; what stands there now is kept in its turn."""
        try:
            done = await self._texts.backups.restore(_id(request))
        except (SettingsError, StartError) as error:
            raise Problem(422, str(error)) from None
        if done is None:
            raise Problem(404, "there is no such backup any more")
        return web.json_response(done)

    async def normalise(self, request: web.Request) -> web.Response:
        """How a spoken text is written."""
        text = Text.model_validate(await json_body(request)).text
        return web.json_response({"raw": text, "normalized": self._texts.normalise(text)})

    @property
    def _texts(self) -> Texts:
        return texts_of(self._desk)


def _id(request: web.Request) -> int:
    """Of a backup; 0, which none has, for a number that no file could hold."""
    digits = request.match_info["id"]
    return int(digits) if len(digits) <= 15 else 0


def texts_of(desk: Desk) -> Texts:
    """What the house put there; raises ``Problem`` while it starts."""
    if desk.texts is None:
        raise Problem(503, "Allo is starting; ask again in a moment", {"Retry-After": "1"})
    return desk.texts
