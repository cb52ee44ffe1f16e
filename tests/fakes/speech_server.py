"""A real HTTP server that speaks OpenAI's speech API and Yandex's API v1, and fails on request.

``async with SpeechServer() as server: ... server.base_url``. As a process:
``python -m tests.fakes.speech_server --fault die --only-in понедельник``; its first line is its base address.
"""

import argparse
import asyncio
import sys
from contextlib import suppress
from typing import Any, Self

from aiohttp import web

from tests.fakes.speaking import Behaviour, Died


class SpeechServer:
    """Listens on loopback while entered."""

    def __init__(self, behaviour: Behaviour | None = None, port: int = 0) -> None:
        """``port`` 0: any free one."""
        self.behaviour = behaviour or Behaviour()
        self.requests: list[dict[str, Any]] = []
        """Bodies received, oldest first."""
        self.headers: list[dict[str, str]] = []
        self.asked = asyncio.Event()
        """Set with each request."""
        app = web.Application()
        app.router.add_post("/v1/audio/speech", self._openai)
        app.router.add_post("/speech/v1/tts:synthesize", self._yandex)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._port = port

    @property
    def base_url(self) -> str:
        """What goes into ``openai.base_url``."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def yandex_url(self) -> str:
        """What goes into ``yandex.tts_http_address``."""
        return f"http://127.0.0.1:{self._port}/speech/v1/tts:synthesize"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.behaviour.released.set()
        await self._runner.cleanup()

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        return await self._say(request, body, body["input"], 24_000, body.get("speed", 1.0))

    async def _yandex(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = dict(await request.post())
        return await self._say(request, body, body["text"], int(body["sampleRateHertz"]), float(body["speed"]))

    async def _say(
        self, request: web.Request, body: dict[str, Any], text: str, rate: int, pace: float
    ) -> web.StreamResponse:
        self.requests.append(body)
        self.asked.set()
        self.headers.append(dict(request.headers))
        match self.behaviour.fault_of(text):
            case "refused":
                return web.json_response({"error": {"message": "no"}}, status=500)
            case "expired":
                return web.json_response({"error": {"message": "The token has expired"}}, status=401)
            case "page":
                return web.Response(text="<html>It works!</html>", content_type="text/html")
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            async for chunk in self.behaviour.speech(text, rate, pace):
                await response.write(chunk)
        except Died:
            if request.transport is not None:
                request.transport.abort()
            return response
        except ConnectionError:  # the listener has gone
            return response
        with suppress(ConnectionError):
            await response.write_eof()
        return response


async def serve(behaviour: Behaviour) -> None:
    """Until the process is ended."""
    async with SpeechServer(behaviour) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", default="")
    parser.add_argument("--only-in", default="")
    parser.add_argument("--share", type=float, default=0.5)
    args = parser.parse_args()
    asyncio.run(serve(Behaviour(args.fault, args.only_in, args.share)))
