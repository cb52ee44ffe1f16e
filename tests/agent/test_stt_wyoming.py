import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("wyoming")

from agent.backends.streamed_ear import StreamedEar
from agent.backends.stt_wyoming import WyomingStt
from agent.errors import HearingError, SettingsError
from agent.ports import Transcript
from agent.settings import Wyoming
from tests.fakes.hearing import ignore, push
from tests.fakes.tone_speech import say

SAID = "сколько стоит доставка да"


@asynccontextmanager
async def server(port: int, *arguments: str) -> AsyncIterator[WyomingStt]:
    """A server process, and the engine that asks it."""
    command = (sys.executable, "-m", "tests.fakes.wyoming_ears", "--port", str(port), *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield WyomingStt(Wyoming(stt_address=f"tcp://127.0.0.1:{port}"), "ru")
    finally:
        process.kill()
        await process.wait()


async def test_utterances_are_heard_with_and_without_streaming(unused_tcp_port_factory: Callable[[], int]) -> None:
    for stream in (True, False):
        async with server(unused_tcp_port_factory(), *(["--stream"] if stream else [])) as stt:
            partials: list[str] = []
            for rate in (8000, 16000):
                ear = await stt.open(rate, lambda transcript: partials.append(transcript.text))  # noqa: B023
                assert await ear.finish() == Transcript("", True, 0)
                await push(ear, say(SAID, rate), 70_000, rate)
                peeked = await ear.peek()
                heard = await ear.finish()
                assert (heard.text, heard.final) == (SAID, True)
                assert heard.position >= 70_000 + len(say(SAID, rate)) // 2
                assert SAID.startswith(peeked.text)
                await push(ear, say("нет", rate), 200_000, rate)
                assert (await ear.finish()).text == "нет"
                await ear.close()
            assert bool(partials) == stream


async def test_each_fault_once_costs_no_word(unused_tcp_port: int) -> None:
    faults = ["refuse", "die", "end_early", "garbage", "error"]
    async with server(unused_tcp_port, "--faults", ",,".join(faults) + ",") as stt:
        ear = await stt.open(8000, ignore)
        for number in range(len(faults)):
            await push(ear, say(SAID), number * 100_000)
            assert (await ear.finish()).text == SAID
        await ear.close()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("refuse", "ended before"),
        ("die", "ended before"),
        ("end_early", "ended before"),
        ("garbage", "no event"),
        ("error", "out-of-memory"),
    ],
)
async def test_one_that_always_fails_is_an_error_of_the_utterance(unused_tcp_port: int, fault: str, said: str) -> None:
    async with server(unused_tcp_port, "--faults", f"{fault},{fault},") as stt:
        ear = await stt.open(8000, ignore)
        await push(ear, say(SAID))
        with pytest.raises(HearingError, match=said) as error:
            await ear.finish()
        assert "да" not in str(error.value)
        await push(ear, say("да"), 90_000)
        assert (await ear.finish()).text == "да"
        await ear.close()


async def test_late_is_waited_for_and_hanging_is_an_error_in_time(unused_tcp_port: int) -> None:
    async with server(unused_tcp_port, "--faults", "late,hang", "--late-s", "0.3") as stt:
        ear = await stt.open(8000, ignore)
        await push(ear, say(SAID))
        assert (await ear.finish()).text == SAID
        await ear.close()
        ear = StreamedEar(stt._listen, 8000, ignore, finish_s=0.3)
        await push(ear, say(SAID))
        began = asyncio.get_running_loop().time()
        with pytest.raises(HearingError, match="no text within"):
            await ear.finish()
        assert asyncio.get_running_loop().time() - began < 1
        await ear.close()


async def test_nobody_listens_or_the_address_is_wrong(unused_tcp_port: int) -> None:
    stt = WyomingStt(Wyoming(stt_address=f"tcp://127.0.0.1:{unused_tcp_port}"), "ru")
    ear = await stt.open(8000, ignore)
    await push(ear, say("да"))
    with pytest.raises(HearingError, match="can't be reached"):
        await ear.finish()
    await ear.close()
    hinted = WyomingStt(Wyoming(), "ru", ("пресс",))
    assert hinted._asked.data == {"language": "ru", "transcript_terms": ["пресс"]}
    with pytest.raises(SettingsError, match="stt_address"):
        WyomingStt(Wyoming(stt_address="localhost"), "ru")
