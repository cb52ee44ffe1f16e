"""``WS /api/talk``: a browser as a telephone, by a client that speaks its protocol, on the real switchboard."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from agent.ports import Dtmf, HungUp, Line, LineEvent
from audio.frame import AudioFrame
from audio.level import tone
from gateways import talk
from telephony.switchboard import Switchboard
from tests.gateways.conftest import Office

SECOND = 8000
FRAME = bytes(320)


@dataclass
class Guests:
    """Whoever rings: what came of each line."""

    lines: list[Line] = field(default_factory=list)
    events: list[LineEvent] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, line: Line) -> None:
        self.lines.append(line)
        events = await line.answer()
        self.arrived.set()
        async for event in events:
            self.events.append(event)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what is waited for comes over a socket
                await asyncio.sleep(0.005)


@pytest.fixture
async def guests(office: Office) -> AsyncIterator[Guests]:
    """A house with room for one."""
    guests = Guests()
    board = Switchboard([], 1, guests.serve)
    office.desk.door = board
    running = asyncio.create_task(board.run(lambda: None))
    await asyncio.sleep(0)
    yield guests
    board.end_calls()
    running.cancel()
    await asyncio.wait([running])


def read(message: aiohttp.WSMessage) -> Any:
    return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else message.data


async def test_the_microphone_becomes_frames_without_gaps(office: Office, guests: Guests) -> None:
    async with office.web.ws_connect("/api/talk?callerId=ivan") as socket:
        assert set(read(await socket.receive())) == {"call", "rate"}
        sound = tone(440, 200, SECOND, -10)
        for at in range(0, len(sound), 999):
            await socket.send_bytes(sound[at : at + 999])
        for text in ('{"key": "7"}', '{"key": "x"}', "[" * 5000, "no", "[]", '{"played": "1"}'):
            await socket.send_str(text)
    await guests.until(lambda: isinstance(guests.events[-1], HungUp))

    frames = [event for event in guests.events if isinstance(event, AudioFrame)]
    assert b"".join(frame.pcm for frame in frames) == sound
    assert [frame.position for frame in frames] == list(range(0, 1600, 160))
    assert guests.events[-2:] == [Dtmf("7"), HungUp("caller")]
    assert (guests.lines[0].caller.line, guests.lines[0].caller.number) == ("page", "ivan")


async def test_a_microphone_of_another_rate_is_converted(office: Office, guests: Guests) -> None:
    async with office.web.ws_connect("/api/talk?rate=48000") as socket:
        await socket.receive()
        await socket.send_bytes(tone(440, 1000, 48_000, -10))
        await guests.until(lambda: len(guests.events) > 40)

    assert {event.rate for event in guests.events if isinstance(event, AudioFrame)} == {SECOND}


async def test_speech_goes_out_a_little_ahead_of_what_was_played(office: Office, guests: Guests) -> None:
    async with office.web.ws_connect("/api/talk") as socket:
        await socket.receive()
        mouth = guests.lines[0].mouth
        mouth.play(tone(440, 3000, SECOND, -10))
        got = sum([len(read(await socket.receive())) // 2 for _ in range(8)])
        assert got == 6400
        assert mouth.played == 0

        await socket.send_json({"played": 800, "stretch": 0})
        await guests.until(lambda: mouth.played == 800)
        got += len(read(await socket.receive())) // 2
        await socket.send_json({"played": 99_999, "stretch": 0})  # more than it was given
        await guests.until(lambda: mouth.played == got)


async def test_what_was_cleared_is_never_counted(office: Office, guests: Guests) -> None:
    async with office.web.ws_connect("/api/talk") as socket:
        await socket.receive()
        mouth = guests.lines[0].mouth
        mouth.play(tone(440, 100, SECOND, -10))
        await socket.send_json({"played": 300, "stretch": 0})
        await guests.until(lambda: mouth.played == 300)
        mouth.pause()
        mouth.clear()
        mouth.play(tone(440, 100, SECOND, -10))
        told = [read(await socket.receive()) for _ in range(4)]
        assert told[1:3] == [{"do": "pause", "stretch": 0}, {"do": "clear", "stretch": 1}]
        await socket.send_json({"played": 700, "stretch": 0})  # of before: too late
        await socket.send_json({"played": 160, "stretch": 1})
        await guests.until(lambda: mouth.played > 300)

        assert mouth.played == 460


async def test_the_agent_hangs_up_and_there_is_room_for_one(office: Office, guests: Guests) -> None:
    async with office.web.ws_connect("/api/talk") as socket:
        await socket.receive()
        async with office.web.ws_connect("/api/talk") as second:
            assert read(await second.receive()) == {"ended": "busy"}
            assert (await second.receive()).type is aiohttp.WSMsgType.CLOSE
        assert await guests.lines[0].transfer("") is False
        await guests.lines[0].hangup()
        await guests.lines[0].hangup()

        assert read(await socket.receive()) == {"ended": "agent"}
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    await guests.until(lambda: guests.events == [HungUp("agent")])


async def test_a_page_without_sound_does_not_keep_the_line(
    office: Office, guests: Guests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "QUIET_S", 0.05)
    async with office.web.ws_connect("/api/talk") as socket:
        await socket.receive()
        await socket.send_bytes(FRAME)

        assert read(await socket.receive()) == {"ended": "lost"}


@pytest.mark.parametrize(("path", "status"), [("/api/talk", 400), ("/api/talk?rate=1", 422), ("/api/talk?x=1", 422)])
@pytest.mark.usefixtures("guests")
async def test_what_is_no_call_is_told_so(office: Office, path: str, status: int) -> None:
    assert (await office.web.get(path)).status == status


async def test_nobody_rings_a_house_that_is_not_open(office: Office) -> None:
    assert (await office.web.get("/api/talk")).status == 503
