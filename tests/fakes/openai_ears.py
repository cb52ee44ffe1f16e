"""A real HTTP and WebSocket server of OpenAI's transcription, by the piece and in real time; it hears tones.

As a process: ``python -m tests.fakes.openai_ears --fault die --after-ms 900``; its first line is its base address.
"""

import argparse
import asyncio
import base64
import io
import json
import sys
import wave
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

from tests.fakes.tone_speech import hear

Fault = Literal["", "refuse", "401", "500", "hang", "die", "end_early", "garbage", "failed", "error", "late"]


@dataclass
class EarsBehaviour:
    """What the server does with each utterance."""

    faults: list[Fault] = field(default_factory=list)
    """Faults of the next utterances, one each; then all is well."""
    always: Fault = ""
    """The fault of every utterance after these."""
    live: bool = True
    """Deltas come while audio does, as gpt-live-transcribe sends them; else after the commit."""
    after_ms: int | None = None
    """A fault of mid-utterance comes once so much audio was received; None: once a word was."""
    late_s: float = 0.0
    """How late ``late`` is, seconds."""
    heard: list[str] = field(default_factory=list)
    """Texts of the utterances."""
    keys: list[str] = field(default_factory=list)
    wishes: list[Any] = field(default_factory=list)
    """Sessions and forms as they were asked for."""
    connections: int = 0
    """WebSockets opened."""


class OpenAiEars:
    """Listens on loopback while entered."""

    def __init__(self, behaviour: EarsBehaviour | None = None, port: int = 0) -> None:
        """``port`` 0: any free one."""
        self.behaviour = behaviour or EarsBehaviour()
        self._port = port
        self._released = asyncio.Event()
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/audio/transcriptions", self._piece)
        app.router.add_get("/v1/realtime", self._realtime)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    @property
    def base_url(self) -> str:
        """What goes into ``openai.base_url``."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        await self._runner.cleanup()

    def _fault(self) -> Fault:
        does = self.behaviour
        return does.faults.pop(0) if does.faults else does.always

    async def _piece(self, request: web.Request) -> web.StreamResponse:
        does, fault = self.behaviour, self._fault()
        does.keys.append(request.headers.get("Authorization", ""))
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        with file.file as posted:
            content = posted.read()
        does.wishes.append({key: value for key, value in form.items() if isinstance(value, str)})
        match fault:
            case "401" | "500":
                return web.json_response({"error": {"message": "bad key sk-secret"}}, status=int(fault))
            case "hang":
                await self._released.wait()
            case "late":
                await asyncio.sleep(does.late_s)
            case "die" | "refuse" | "end_early" if request.transport is not None:
                request.transport.abort()
            case "garbage":
                return web.Response(text="<html>It works!</html>", content_type="text/html")
        with wave.open(io.BytesIO(content)) as wav:
            text = " ".join(word.text for word in hear(wav.readframes(wav.getnframes()), wav.getframerate()))
        does.heard.append(text)
        return web.json_response({"text": _written(text)})

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        does = self.behaviour
        does.keys.append(request.headers.get("Authorization", ""))
        if (does.faults or [does.always])[0] in ("401", "500", "refuse"):
            fault = self._fault()
            if fault == "refuse" and request.transport is not None:
                request.transport.abort()
            return web.Response(status=int(fault) if fault.isdigit() else 502)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        does.connections += 1
        assert request.query == {"intent": "transcription"}
        await socket.send_json({"type": "session.created", "session": {"id": "s"}})
        await self._serve(socket)
        return socket

    async def _serve(self, socket: web.WebSocketResponse) -> None:
        does = self.behaviour
        pcm, said, fault = bytearray(), 0, None
        async for message in socket:
            event = json.loads(message.data)
            match event["type"]:
                case "session.update":
                    does.wishes.append(event["session"])
                    await socket.send_json({"type": "session.updated", "session": event["session"]})
                case "input_audio_buffer.append":
                    fault = self._fault() if fault is None else fault
                    pcm += base64.b64decode(event["audio"])
                    words = [word.text for word in hear(bytes(pcm), 24000)][:-1]
                    far = bool(words) if does.after_ms is None else len(pcm) // 48 >= does.after_ms
                    if far and await self._fails(socket, fault):
                        return
                    if does.live and len(words) > said:
                        await _delta(socket, words[said:])
                        said = len(words)
                case "input_audio_buffer.commit":
                    await self._commit(socket, bytes(pcm), said)
                    pcm, said, fault = bytearray(), 0, None

    async def _commit(self, socket: web.WebSocketResponse, pcm: bytes, said: int) -> None:
        if len(pcm) < 2 * 24000 // 10:
            await socket.send_json(
                {"type": "error", "error": {"type": "invalid_request_error", "code": "input_audio_buffer_commit_empty"}}
            )
            return
        words = [word.text for word in hear(pcm, 24000)]
        self.behaviour.heard.append(" ".join(words))
        await socket.send_json({"type": "input_audio_buffer.committed", "item_id": "i"})
        if words[said:]:
            await _delta(socket, words[said:])
        done = {"type": "conversation.item.input_audio_transcription.completed", "item_id": "i", "content_index": 0}
        await socket.send_json({**done, "transcript": _written(" ".join(words))})

    async def _fails(self, socket: web.WebSocketResponse, fault: Fault) -> bool:
        """Fail in mid-utterance; True: nothing more comes."""
        kind = "conversation.item.input_audio_transcription.failed"
        match fault:
            case "hang":
                await self._released.wait()
            case "late":
                await asyncio.sleep(self.behaviour.late_s)
                return False
            case "die":
                transport = socket._req.transport if socket._req is not None else None
                if transport is not None:
                    transport.abort()
            case "end_early":
                await socket.close()
            case "garbage":
                await socket.send_str("<<not json>>")
            case "failed":
                await socket.send_json({"type": kind, "error": {"code": "audio_unintelligible", "message": "да"}})
            case "error":
                await socket.send_json({"type": "error", "error": {"type": "server_error", "message": "sk-secret"}})
            case _:
                return False
        return True


async def _delta(socket: web.WebSocketResponse, words: list[str]) -> None:
    kind = "conversation.item.input_audio_transcription.delta"
    await socket.send_json({"type": kind, "item_id": "i", "delta": " ".join(words) + " "})


def _written(text: str) -> str:
    """As such models write."""
    return f"{text.capitalize()}." if text else ""


async def _serve(behaviour: EarsBehaviour) -> None:
    async with OpenAiEars(behaviour) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fault", default="")
    parser.add_argument("--after-ms", type=int)
    given = parser.parse_args()
    asyncio.run(_serve(EarsBehaviour(always=given.fault, after_ms=given.after_ms)))


if __name__ == "__main__":
    _main()
