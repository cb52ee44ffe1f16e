"""A real Wyoming server that speaks, as a process of its own; it fails on request.

``python -m tests.fakes.wyoming_voice --fault die``; the port it listens on is its first line.
"""

import argparse
import asyncio
import sys
from functools import partial

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.tts import Synthesize

from tests.fakes.speaking import Behaviour, Died


class Speaker(AsyncEventHandler):
    """One connection."""

    def __init__(
        self, behaviour: Behaviour, rate: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(reader, writer)
        self._behaviour, self._rate = behaviour, rate

    async def handle_event(self, event: Event) -> bool:
        """Speak what is asked for."""
        if not Synthesize.is_type(event.type):
            return True
        fault = self._behaviour.fault
        if fault == "refused":
            await self.write_event(Error("no such voice").event())
            return False
        if fault == "page":
            self.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>")
            await self.writer.drain()
            return False
        width = 4 if fault == "expired" else 2
        await self.write_event(AudioStart(self._rate, width, 1).event())
        try:
            async for chunk in self._behaviour.speech(Synthesize.from_event(event).text, self._rate):
                await self.write_event(AudioChunk(self._rate, width, 1, chunk).event())
        except Died:
            self.writer.transport.abort()
            return False
        await self.write_event(AudioStop().event())
        return False


async def serve(behaviour: Behaviour, rate: int, port: int = 0) -> None:
    """Until the process is ended; ``port`` 0: any free one."""
    port = port or await _free()
    server = AsyncTcpServer("127.0.0.1", port)
    await server.start(partial(Speaker, behaviour, rate))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def _free() -> int:
    listening = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port: int = listening.sockets[0].getsockname()[1]
    listening.close()
    return port


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", default="")
    parser.add_argument("--share", type=float, default=0.55)
    parser.add_argument("--rate", type=int, default=22050)
    args = parser.parse_args()
    asyncio.run(serve(Behaviour(args.fault, share=args.share), args.rate))
