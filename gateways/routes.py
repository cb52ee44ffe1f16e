"""One row for each path of the API: the server and its description (OpenAPI 3.1) are both made of these."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateways.guard import Guard
from gateways.problems import Answer
from gateways.queries import schema

PLACE = re.compile(r"{(\w+)(?::[^}]*)?}")


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a path."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    answer: Answer
    open: bool = False
    """True: for everybody. Else it shows or changes what the key protects."""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | dict[str, Any] | None = None
    """A JSON body, or the OpenAPI content of another one."""
    reply: type[BaseModel] | None = None
    """What a JSON answer holds."""
    gives: str = "application/json"
    """Media type of the answer."""
    replies: dict[int, str] = field(default_factory=lambda: {200: "done"})
    """Statuses beside those that every route may answer with."""


def add(app: web.Application, guard: Guard, routes: list[Route]) -> None:
    """Serve ``routes``."""
    for route in routes:
        app.router.add_route(route.method, route.path, route.answer if route.open else _guarded(guard, route.answer))


def _guarded(guard: Guard, answer: Answer) -> Answer:
    async def guarded(request: web.Request) -> web.StreamResponse:
        guard.admit(request)
        return await answer(request)

    return guarded


def describe(routes: list[Route], version: str) -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(PLACE.sub(r"{\1}", route.path), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Allo",
            "version": version,
            "description": "The call log, the calls in progress, and what the agent knows and says.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "session": {"type": "apiKey", "in": "cookie", "name": "allo_session"},
            },
            "schemas": {"Problem": _PROBLEM, **_replies(routes)},
        },
    }


REFERENCE = "#/components/schemas/{model}"


def _replies(routes: list[Route]) -> dict[str, Any]:
    """The schemas of all answers, by name."""
    models = sorted({route.reply for route in routes if route.reply}, key=lambda model: model.__name__)
    inputs = [(model, "serialization") for model in models]
    _, found = models_json_schema(inputs, ref_template=REFERENCE)  # type: ignore[arg-type]
    return dict(found.get("$defs", {}))


_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["title", "status", "detail"],
    "properties": {"title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}},
}


def _operation(route: Route) -> dict[str, Any]:
    failing = {
        "description": "what is wrong and what to do",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    shape = {"schema": {"$ref": REFERENCE.format(model=route.reply.__name__)}} if route.reply else {}
    replies: dict[str, Any] = {
        str(status): {"description": text, "content": {route.gives: shape}} if status < 300 else failing
        for status, text in route.replies.items()
    }
    operation: dict[str, Any] = {"summary": route.summary, "responses": {**replies, "default": failing}}
    operation["security"] = [] if route.open else [{"key": []}, {"session": []}, {}]
    parameters = [_place(name) for name in PLACE.findall(route.path)]
    if route.query is not None:
        parameters += _parameters(route.query)
    if parameters:
        operation["parameters"] = parameters
    if isinstance(route.body, dict):
        operation["requestBody"] = {"required": True, "content": route.body}
    elif route.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema(route.body)}}}
    return operation


def _place(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Each field of a query; lists are given as ``a,b``."""
    found = []
    for name, described in schema(model)["properties"].items():
        shape = {key: value for key, value in described.items() if key not in ("title", "description")}
        parameter = {"name": name, "in": "query", "schema": shape}
        if shape.get("type") == "array":
            parameter |= {"explode": False, "style": "form"}
        found.append(parameter | ({"description": described["description"]} if "description" in described else {}))
    return found
