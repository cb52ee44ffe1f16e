"""The serial ports of a modem on the event loop, by pyserial-asyncio-fast."""

import asyncio
import contextlib
import errno
from collections.abc import Callable
from pathlib import Path

import serial
from serial_asyncio_fast import SerialTransport

from agent.errors import AlloError
from telephony.at import Answer, AtDialogue, Prompt, Unasked
from telephony.modem_ports import advice, holder

BAUD = 115200
"""Bits a second; a USB modem does not care."""
OPEN_S = 5.0
"""Opening a port of a dying USB device may hang, seconds."""
ANSWER_S = 3.0
"""Most commands are answered in milliseconds; SIMCom's manual allows 9 s for those that ask the network, seconds."""
QUIET_S = 0.15
"""After a command that was given up, so much quiet keeps a late answer from being taken for the next, seconds."""


class ModemError(AlloError):
    """The modem does not answer, or its port is gone; the message says which and what to do."""

    code = "modem"


async def any_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Wait until one of these is set, at most so long."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


class _Transport(SerialTransport):
    """Ends at once: a graceful end would drain the port (``tcdrain``), which a vanished modem never finishes.

    Two faults of the package (0.16) are mended: a failed write was an error of the event loop instead of what it is, an
    unplugged modem; and once a write had to wait, it was called for ever, with nothing to write, until the next.
    """

    def _write_ready(self) -> None:
        if self._write_buffer:
            super()._write_ready()
        if not self._write_buffer:
            self._remove_writer()

    def _fatal_error(self, exc: BaseException, message: str = "") -> None:
        self._close(exc)

    def _close(self, exc: BaseException | None = None) -> None:
        if not self._closing:
            self._abort(exc)


class SerialPort(asyncio.Protocol):
    """One open port; ``hear`` is called with what comes in, ``lost`` is set when it is gone."""

    def __init__(self, path: Path, hear: Callable[[bytes], None]) -> None:
        self._path, self._hear = path, hear
        self._transport: _Transport | None = None
        self.lost = asyncio.Event()

    async def open(self) -> None:
        """Open it; raises ``ModemError`` that says who has it or that it isn't there."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(OPEN_S):
                port = await asyncio.to_thread(serial.Serial, str(self._path), BAUD, exclusive=True)
        except TimeoutError:
            raise ModemError(f"{self._path}: opening it hangs; unplug the modem and plug it in again") from None
        except (serial.SerialException, OSError) as error:
            raise ModemError(await asyncio.to_thread(_why, self._path, error)) from None
        self._transport = _Transport(loop, self, port)

    @property
    def waiting(self) -> int:
        """Bytes that the port has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport else 0

    def write(self, data: bytes) -> None:
        """Send; what is written to a port that is gone is lost."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def close(self) -> None:
        """Close without waiting for what was not sent."""
        if self._transport is not None:
            self._transport.abort() if not self._transport.is_closing() else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(OPEN_S):
                    await self.lost.wait()

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        self._hear(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """See ``asyncio.Protocol``."""
        self.lost.set()


def _why(path: Path, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if not path.exists():
        return f"{path}: no such port; is the modem plugged in and powered?"
    if number == errno.EACCES or "Permission" in str(error):
        return f"{path}: no permission: add the user to the group dialout (`sudo usermod -aG dialout $USER`)"
    if number in {errno.EBUSY, errno.EAGAIN} or "exclusively lock" in str(error):
        return advice(holder(path), path)
    return f"{path}: can't be opened: {error.__class__.__name__}"


class AtPort:
    """Commands and their answers, one at a time; ``unasked`` is called with what the modem says by itself."""

    def __init__(self, path: Path, unasked: Callable[[Unasked], None]) -> None:
        self._port = SerialPort(path, self._hear)
        self._unasked = unasked
        self._dialogue = AtDialogue()
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[Answer] | None = None
        self._text = ""
        self._broken_off = False
        """The last command was cancelled before its answer: the modem may still want a message's text, or answer it."""

    @property
    def lost(self) -> asyncio.Event:
        """Set when the port is gone."""
        return self._port.lost

    async def open(self) -> None:
        """Open the port; raises ``ModemError``."""
        await self._port.open()

    async def close(self) -> None:
        """Close it; commands that wait fail."""
        await self._port.close()
        self._fail()

    async def ask(self, command: str, seconds: float | None = None, text: str = "") -> Answer:
        """Send a command and return its answer, good or bad; ``text`` follows the prompt of ``AT+CMGS``.

        Raises ``ModemError`` when none comes in time and the modem does not come to itself.
        """
        async with self._turn:
            if self._broken_off:
                await self._come_to()
            try:
                self._broken_off = True
                answer = await self._once(command, ANSWER_S if seconds is None else seconds, text)
            except TimeoutError:
                await self._come_to()
                answer = Answer(command, "")
            self._broken_off = False
            return answer

    async def _once(self, command: str, seconds: float, text: str = "") -> Answer:
        if self.lost.is_set():
            raise ModemError("the modem was unplugged; it is opened again when it is back")
        self._answer, self._text = asyncio.get_running_loop().create_future(), text
        lost = asyncio.ensure_future(self.lost.wait())
        try:
            self._port.write(self._dialogue.send(command))
            async with asyncio.timeout(seconds):
                await asyncio.wait((self._answer, lost), return_when=asyncio.FIRST_COMPLETED)
            if not self._answer.done():
                raise ModemError("the modem was unplugged; it is opened again when it is back")
            return self._answer.result()
        finally:
            lost.cancel()
            self._dialogue.give_up()
            self._answer = None

    async def _come_to(self) -> None:
        """A command was given up: get rid of a half-written one and of late answers."""
        for _ in range(4):
            self._port.write(b"\x1b\r")  # each time: the prompt of a message may come late and swallow what follows
            await asyncio.sleep(QUIET_S)
            with contextlib.suppress(TimeoutError):
                if (await self._once("AT", 1.0)).ok:
                    await asyncio.sleep(QUIET_S)
                    return
        raise ModemError("the modem does not answer AT; it is opened again, and reset if that does not help")

    def _hear(self, data: bytes) -> None:
        for event in self._dialogue.feed(data):
            if isinstance(event, Unasked):
                self._unasked(event)
            elif isinstance(event, Prompt):
                self._port.write(self._text.encode("ascii") + b"\x1a")
            elif self._answer is not None and not self._answer.done():
                self._answer.set_result(event)

    def _fail(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.cancel()
