"""A real Wyoming server, made with the protocol's own package, that hears tones and fails on request. A process:

``python -m tests.fakes.wyoming_ears --port N --faults die,,hang --stream``
"""

import argparse
import asyncio
from functools import partial
from typing import Any

from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.event import Event
from wyoming.server import AsyncEventHandler, AsyncServer

from tests.fakes.tone_speech import hear


class Ears(AsyncEventHandler):
    """One connection."""

    def __init__(self, faults: list[str], stream: bool, late_s: float, *streams: Any) -> None:
        super().__init__(*streams)
        self._fault = faults.pop(0) if len(faults) > 1 else faults[0]
        self._stream, self._late_s = stream, late_s
        self._pcm = bytearray()
        self._said = 0
        self._language = ""

    async def handle_event(self, event: Event) -> bool:
        match event.type:
            case "transcribe":
                self._language = event.data["language"]
                if self._fault == "refuse":
                    return False
            case "audio-chunk":
                assert event.data["rate"] == 16000
                assert self._language == "ru"
                self._pcm += event.payload or b""
                return await self._more()
            case "audio-stop":
                words = [word.text for word in hear(bytes(self._pcm), 16000)]
                if self._stream:
                    await self._tell(words)
                    await self.write_event(TranscriptStop().event())
                await self.write_event(Transcript(text=" ".join(words).capitalize()).event())
        return True

    async def _more(self) -> bool:
        words = [word.text for word in hear(bytes(self._pcm), 16000)][:-1]
        if not words and self._fault != "hang_first":
            return True
        match self._fault:
            case "hang" | "hang_first":
                await asyncio.sleep(60)
            case "late":
                await asyncio.sleep(self._late_s)
                self._late_s = 0
            case "die":
                self.writer.transport.abort()
                return False
            case "end_early":
                return False
            case "garbage":
                self.writer.write(b"[1, 2]\n{\n")
            case "error":
                await self.write_event(Event("error", {"text": "да", "code": "out-of-memory"}))
        if self._stream:
            await self._tell(words)
        return True

    async def _tell(self, words: list[str]) -> None:
        if not self._said:
            await self.write_event(TranscriptStart(language="ru").event())
        for word in words[self._said :]:
            await self.write_event(TranscriptChunk(text=f"{word} ").event())
        self._said = len(words)


async def _serve(port: int, faults: list[str], stream: bool, late_s: float) -> None:
    server = AsyncServer.from_uri(f"tcp://127.0.0.1:{port}")
    await server.start(partial(Ears, faults, stream, late_s))
    print("ready", flush=True)  # noqa: T201 - the parent process reads it
    await asyncio.Event().wait()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--faults", default="", help="of the connections, one each; the last one stays")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--late-s", type=float, default=0.0)
    given = parser.parse_args()
    asyncio.run(_serve(given.port, given.faults.split(","), given.stream, given.late_s))


if __name__ == "__main__":
    _main()
