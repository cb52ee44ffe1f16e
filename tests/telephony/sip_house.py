"""A small house for a SIP source under test: a door that answers, echoes and obeys keys, and a phone made by hand."""

import asyncio
import contextlib
import itertools
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from ipaddress import ip_network

from agent.lasting import Left
from agent.ports import Dtmf, HungUp, Line, LineGone, Refusal
from agent.settings import Sip
from audio.frame import AudioFrame
from audio.level import tone
from bench.ports import free_block, free_port
from telephony.clock import MediaClock
from telephony.sip_line import SipSource


class EchoDoor:
    """Answers every call, echoes its audio; key 9 hangs up, 0 transfers, 5 plays a tone."""

    def __init__(self, *, answers: bool = True) -> None:
        self.refusal: Refusal | None = None
        self.answers = answers
        self.lines: list[Line] = []
        self.keys: list[str] = []
        self.ends: list[str] = []
        self.frames = 0
        self.moved: list[bool] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.faults: list[BaseException] = []
        self.changed = asyncio.Condition()

    def admit(self) -> Refusal | None:
        return self.refusal

    def ring(self, line: Line) -> None:
        self.lines.append(line)
        self._run(self._serve(line) if self.answers else self._note())

    async def until(self, true: Callable[[], bool], seconds: float = 8.0) -> None:
        """Wait for a condition on this door."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(true)

    def _run(self, coroutine: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.faults.append(task.exception() or RuntimeError())

    async def _note(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _serve(self, line: Line) -> None:
        await self._note()
        try:
            events = await line.answer()
        except LineGone:
            self.ends.append("gone")
            await self._note()
            return
        async for event in events:
            if isinstance(event, AudioFrame):
                self.frames += 1
                line.mouth.play(event.pcm)
                if self.frames % 10:
                    continue
            elif isinstance(event, Dtmf):
                self.keys.append(event.digit)
                await self._obey(line, event.digit)
            elif isinstance(event, HungUp):
                self.ends.append(event.cause)
            await self._note()

    async def _obey(self, line: Line, digit: str) -> None:
        if digit == "9":
            await line.hangup()
        elif digit == "5":
            line.mouth.play(tone(440, 1000, line.caller.rate))
        elif digit == "0":
            self._run(self._transfer(line))

    async def _transfer(self, line: Line) -> None:
        self.moved.append(await line.transfer(""))
        await self._note()


@contextlib.asynccontextmanager
async def house(
    door: EchoDoor | None = None,
    clock: MediaClock | None = None,
    *,
    left: Sequence[Left] = (),
    lost: Callable[[str], None] = lambda _: None,
    **settings: object,
) -> AsyncIterator[tuple[SipSource, EchoDoor, int]]:
    """A running source on a free loopback port; checks at the end that nothing is left over.

    ``left`` and ``lost``: see ``agent.lasting.Adopting``.
    """
    door = door or EchoDoor()
    clock = clock or MediaClock()
    port, rtp = free_port(), free_block(200)
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "rtp_ports": (rtp, rtp + 198),
        "allow": [str(ip_network("127.0.0.0/8"))],
        "operator": "sip:operator@127.0.0.1:5999",
        **settings,
    }
    source = SipSource(Sip.model_validate(values), clock)
    source.expect(left, lost)
    ready = asyncio.Event()
    task = asyncio.create_task(source.run(door, ready.set))
    waiter = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    try:
        yield source, door, port
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if door.tasks:
            _, running = await asyncio.wait(door.tasks, timeout=5)
            assert not running
        assert door.faults == []
        assert source.calls == 0
        assert (clock.legs, clock.running) == (0, False)


class SipPhone:
    """A caller that writes each message itself, over UDP or TCP, and so can also misbehave."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.server = (host, port)
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.rtp.setblocking(False)
        self.call_id = f"hand-{next(_NUMBER)}"
        self.tag = f"t{next(_NUMBER)}"
        self.to_tag = ""
        self.cseq = 1
        self.branch = ""
        self.log: list[str] = []
        self.invited = ""
        self._inbox: asyncio.Queue[str] = asyncio.Queue()
        self._udp: asyncio.DatagramTransport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reader_task: asyncio.Task[None] | None = None
        self.local = ("127.0.0.1", 0)

    async def open(self, transport: str = "UDP") -> "SipPhone":
        self.transport = transport
        if transport == "UDP":
            phone = self

            class Port(asyncio.DatagramProtocol):
                def datagram_received(self, data: bytes, addr: object) -> None:
                    phone.take(data.decode())

            loop = asyncio.get_running_loop()
            self._udp, _ = await loop.create_datagram_endpoint(Port, local_addr=("127.0.0.1", 0))
            self.local = self._udp.get_extra_info("sockname")
        else:
            reader, self._writer = await asyncio.open_connection(*self.server)
            self.local = self._writer.get_extra_info("sockname")
            self._reader_task = asyncio.create_task(self._read(reader))
        return self

    async def __aenter__(self) -> "SipPhone":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.rtp.close()
        if self._udp:
            self._udp.close()
        if self._writer:
            self._writer.close()
        if self._reader_task:
            self._reader_task.cancel()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                self._inbox.put_nowait("")
                return
            length = int(header(head, "Content-Length") or 0)
            self.take(head + (await reader.readexactly(length)).decode())

    def take(self, text: str) -> None:
        self.log.append(text.split("\r\n", 1)[0])
        self._inbox.put_nowait(text)

    def send(self, data: bytes) -> None:
        if self._udp:
            self._udp.sendto(data, self.server)
        elif self._writer:
            self._writer.write(data)

    def sdp(self, direction: str = "sendrecv", codecs: str = "8 0 101", host: str = "127.0.0.1") -> str:
        return (
            f"v=0\r\no=- 1 {self.cseq} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {self.rtp.getsockname()[1]} RTP/AVP {codecs}\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na={direction}\r\n"
        )

    def request(self, method: str, body: str = "", extra: str = "", **change: str) -> str:
        """Text of a request; ``change`` replaces parts of it: uri, to_tag, cseq, kind, branch="same"."""
        if change.get("branch") != "same":
            self.branch = f"z9hG4bKhand{next(_NUMBER)}"
        to_tag = change.get("to_tag", self.to_tag)
        kind = change.get("kind", "application/sdp")
        lines = [
            f"{method} {change.get('uri', f'sip:100@127.0.0.1:{self.server[1]}')} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} 127.0.0.1:{self.local[1]};branch={self.branch};rport",
            "Max-Forwards: 70",
            f'From: "Tester" <sip:+74951234567@127.0.0.1>;tag={self.tag}',
            f"To: <sip:100@127.0.0.1>{';tag=' + to_tag if to_tag else ''}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {change.get('cseq', str(self.cseq))} {method}",
            f"Contact: <sip:tester@127.0.0.1:{self.local[1]}>",
        ]
        lines += [f"Content-Type: {kind}"] if body else []
        return "\r\n".join(lines) + "\r\n" + extra + f"Content-Length: {len(body)}\r\n\r\n{body}"

    def ask(self, method: str, body: str = "", extra: str = "", **change: str) -> str:
        """Send a request within the dialog, numbered on."""
        self.cseq += 1
        text = self.request(method, body, extra, **change)
        self.send(text.encode())
        return text

    def reply(self, request: str, status: str, extra: str = "") -> None:
        """Answer a request of the source."""
        kept = [line for line in request.split("\r\n") if re.match(r"(?i)(via|from|to|call-id|cseq):", line)]
        self.send(("SIP/2.0 " + status + "\r\n" + "\r\n".join(kept) + f"\r\n{extra}Content-Length: 0\r\n\r\n").encode())

    async def next(self, wanted: str, seconds: float = 5.0) -> str:
        """The next message whose first line matches; others before it are skipped."""
        async with asyncio.timeout(seconds):
            while True:
                text = await self._inbox.get()
                if re.match(wanted, text.split("\r\n", 1)[0]):
                    return text

    async def call(self, body: str | None = None, extra: str = "Allow: UPDATE\r\n") -> str:
        """INVITE, wait for the 200, ACK; returns the 200."""
        self.invited = self.request("INVITE", self.sdp() if body is None else body, extra)
        self.send(self.invited.encode())
        answer = await self.next("SIP/2.0 200")
        self.to_tag = tag(answer)
        self.ack()
        return answer

    def ack(self, body: str = "") -> None:
        self.send(self.request("ACK", body).encode())

    async def bye(self) -> str:
        self.ask("BYE")
        while True:
            answer = await self.next("SIP/2.0 200")
            if header(answer, "CSeq").endswith("BYE"):
                return answer


_NUMBER = itertools.count(1)


def header(text: str, name: str) -> str:
    """First value of a header; empty when absent."""
    found = re.search(rf"(?im)^{name}:[ \t]*(.*?)\r?$", text)
    return found[1] if found else ""


def tag(text: str) -> str:
    """Our tag in the To header."""
    found = re.search(r"tag=([^;\s]+)", header(text, "To"))
    return found[1] if found else ""


def media_port(text: str) -> int:
    """RTP port of an SDP body."""
    found = re.search(r"m=audio (\d+)", text)
    return int(found[1]) if found else 0
