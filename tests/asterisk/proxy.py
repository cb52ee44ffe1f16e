"""A wire between us and Asterisk that can be cut, or go dead without a word."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Wire:
    """Forwards TCP connections to ``port`` of loopback; told what to do to them."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._pairs: dict[bytes, list[asyncio.StreamWriter]] = {}
        self._flows = asyncio.Event()
        self._flows.set()
        self.refusing = b""
        """New connections whose request holds this are cut at once; ``b"/"``: all."""
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self, what: bytes = b"/") -> None:
        """Break the connections whose first request holds ``what``."""
        for first, writers in list(self._pairs.items()):
            if what in first:
                for writer in writers:
                    writer.transport.abort()

    def freeze(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._flows.clear()

    def thaw(self) -> None:
        """What was held back passes again."""
        self._flows.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first request to its end."""
        try:
            first = await reader.read(65536)
            if not first or (self.refusing and self.refusing in first):
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return
        else:
            key = first + bytes(str(id(writer)), "ascii")
            self._pairs[key] = [writer, far_writer]
            far_writer.write(first)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, far_writer))
                tasks.create_task(self._pump(far_reader, writer))
            del self._pairs[key]
        finally:
            writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.transport.abort() if sink.transport.is_closing() else sink.close()


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    """A ``Wire`` to ``port``, listening until the end of the block."""
    it = Wire(port)
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        it.thaw()
        it.cut()
        await asyncio.sleep(0.05)
