"""``/tts``, ``/stt``, ``/chat``, ``/process_call``, ``/reset_conversation``, with the real voice, ear and answers."""

import asyncio
import base64
import io
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from agent.chat import Chat
from agent.furnish import furnish
from agent.settings import Settings, Storage
from agent.spoken import PIECE_S, Spoken, pieces
from audio.level import tone
from bench.speech import wav
from gateways import speech
from tests.gateways.conftest import Office

WAV = {"Content-Type": "audio/wav"}
SECOND = 8000


@pytest.fixture
async def spoken(office: Office) -> AsyncIterator[Office]:
    """The office with everything that speaks."""
    async with AsyncExitStack() as stack:
        house, _ = await furnish(Settings(storage=Storage(dir=office.folder)), stack)
        office.desk.new_chat = lambda: Chat(house.answers).ask
        office.desk.speech = Spoken(house)
        yield office


def recorded(name: str) -> bytes:
    return Path(wav("ru", name)).read_bytes()


def packed(pcm: bytes, rate: int = SECOND, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(pcm)
    return file.getvalue()


async def post(office: Office, path: str, **more: Any) -> Any:
    async with office.web.post(path, **more) as reply:
        assert reply.status == 200, await reply.text()
        return await (reply.read() if reply.content_type == "audio/wav" else reply.json())


async def test_what_is_spoken_is_understood_again(spoken: Office) -> None:
    sound = await post(spoken, "/tts", json={"text": "Сколько стоит доставка?", "rate": 16000})
    with wave.open(io.BytesIO(sound)) as made:
        assert (made.getframerate(), made.getnchannels()) == (16000, 1)
        assert made.getnframes() > 16000

    heard = await post(spoken, "/stt", data=recorded("espeak-f3_25"), headers=WAV)
    assert "график" in heard["text"]
    form = aiohttp.FormData()
    form.add_field("file", recorded("espeak-f3_25"), filename="a.wav", content_type="audio/wav")
    assert await post(spoken, "/stt", data=form) == heard


async def test_a_conversation_is_remembered_until_it_is_reset(spoken: Office) -> None:
    first = await post(spoken, "/chat", json={"text": "какая гарантия", "conversation": "ivan"})
    assert "24 месяца" in first["text"]
    assert first["source"] == "general"
    again = {"text": "повторите", "conversation": "ivan"}
    assert "24 месяца" in (await post(spoken, "/chat", json=again))["text"]
    assert "24 месяца" not in (await post(spoken, "/chat", json={"text": "повторите"}))["text"]

    assert await post(spoken, "/reset_conversation", json={"conversation": "ivan"}) == {
        "conversation": "ivan",
        "reset": True,
    }
    assert "24 месяца" not in (await post(spoken, "/chat", json=again))["text"]


async def test_a_spoken_question_is_answered_in_speech(spoken: Office) -> None:
    done = await post(spoken, "/process_call?conversation=a", data=recorded("espeak-f3_53"), headers=WAV)

    assert "доставка" in done["heard"]
    assert "15 000" in done["text"]
    with wave.open(io.BytesIO(base64.b64decode(done["audio"]))) as made:
        assert made.getnframes() > 2 * made.getframerate()


async def test_what_is_no_speech_is_explained(spoken: Office) -> None:
    bodies = {
        "nothing": b"",
        "half a header": b"RIFF",
        "no sound": packed(b""),
        "8 bit": packed(bytes(800), width=1),
        "3 Hz": packed(bytes(800), rate=3),
        "too long": packed(bytes(302 * SECOND * 2)),
        "silence": packed(bytes(SECOND * 2)),
    }
    for what, body in bodies.items():
        async with spoken.web.post("/process_call", data=io.BytesIO(body), headers=WAV) as reply:
            assert reply.status == 422, what
            assert (await reply.json())["detail"], what


async def test_limits(spoken: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "LARGEST", 1000)
    assert (await spoken.web.post("/stt", data=bytes(1001), headers=WAV)).status == 413
    assert (await spoken.web.post("/stt", data=b"x", headers={"Content-Type": "text/plain"})).status == 415
    assert (await spoken.web.post("/tts", json={"text": " "})).status == 422
    assert (await spoken.web.post("/tts", json={"text": "да", "rate": 44100})).status == 422
    texts = [{"text": f"Вопрос номер {number}. " * 40} for number in range(5)]
    replies = await asyncio.gather(*(spoken.web.post("/tts", json=text) for text in texts))
    assert {reply.status for reply in replies} == {200, 429}


async def test_before_the_engines_are_there(office: Office) -> None:
    assert (await office.web.post("/tts", json={"text": "да"})).status == 503
    assert (await office.web.post("/chat", json={"text": "да"})).status == 503


def test_long_recordings_are_cut_where_it_is_quiet() -> None:
    loud, quiet = tone(440, 14_000, SECOND, -10), bytes(SECOND // 5 * 2)
    pcm = loud + quiet + loud + quiet + loud

    cut = pieces(pcm, SECOND)

    assert b"".join(cut) == pcm
    assert len(cut) == 3
    ends = [np.abs(np.frombuffer(piece[-320:], dtype="<i2")).max() for piece in cut[:-1]]
    assert ends == [0, 0]
    assert all(len(piece) >= PIECE_S * SECOND * 2 for piece in cut)
