"""Errors as RFC 9457 problem documents; the broad ``except`` around a web request stands here."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import ValidationError

from agent.errors import AlloError

log = logging.getLogger(__name__)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):  # noqa: N818 - the RFC's word
    """Something that the one who asked must know."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        """``detail`` says what is wrong and what to do."""
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers or {}


def answered(problem: Problem) -> web.Response:
    """The document of a problem."""
    body = {"title": HTTPStatus(problem.status).phrase, "status": problem.status, "detail": problem.detail}
    return web.json_response(
        body, status=problem.status, headers=problem.headers, content_type="application/problem+json"
    )


@web.middleware
async def explained(request: web.Request, handler: Answer) -> web.StreamResponse:
    """Answer every fault as a problem document."""
    try:
        return await handler(request)
    except Problem as problem:
        return answered(problem)
    except (ValidationError, AlloError, HttpProcessingError) as error:
        return answered(_told(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        kept = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return answered(Problem(error.status, error.text or error.reason, kept))
    except Exception:  # one request's fault must not reach another
        log.exception("%s %s failed", request.method, request.match_info.route.name or request.path)
        return answered(Problem(500, "Allo made a mistake; its log tells where"))


def _told(error: ValidationError | AlloError | HttpProcessingError) -> Problem:
    if isinstance(error, ValidationError):
        return Problem(422, _faults(error))
    if isinstance(error, AlloError):
        return Problem(503, str(error))
    return Problem(400, "the request is broken: its form can't be read")  # parts without readable headers


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
