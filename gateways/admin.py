"""HTTP door for operators: ``GET /health``. The admin page will live here."""

import os
from collections.abc import Callable
from dataclasses import asdict

from aiohttp import web

from agent.errors import StartError
from agent.ports import Health


async def serve_admin(host: str, port: int, health: Callable[[], Health]) -> web.AppRunner:
    """Listen on ``host:port`` until the runner is cleaned up; raises ``StartError`` when the port is taken."""
    app = web.Application()
    app.router.add_get("/health", lambda _request: _answer(health()))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise StartError(f"web: {host}:{port}: {why}: stop the program that has it or set [web] port") from None
    return runner


async def _answer(health: Health) -> web.Response:
    """200 when calls are answered, 503 before and after."""
    body = {"status": "ok" if health.ready else "starting", **asdict(health)}
    return web.json_response(body, status=200 if health.ready else 503)
