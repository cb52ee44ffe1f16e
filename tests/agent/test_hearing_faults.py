"""Every fault of every server of recognisers, in a chain: no word is lost and none comes twice."""

import asyncio
import importlib.util
import logging
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from agent.backends.streamed_ear import TRIES
from agent.backends.stt_openai import OpenAiStt
from agent.breaker import FAILURES, PAUSE_S
from agent.engine_settings import OpenAi, Wyoming, Yandex
from agent.figures.engine_meters import EngineMeters
from agent.figures.engine_times import EngineState, failing
from agent.hearing_chain import HearingChain
from agent.ports import Recognizer, SpeechToText, Transcript
from tests.fakes.hearing import push
from tests.fakes.openai_ears import EarsBehaviour, OpenAiEars
from tests.fakes.openai_ears import Fault as OpenAiFault
from tests.fakes.tone_speech import say

SAID = "сколько стоит доставка да"
DEADLINE_S, MOST_S = 0.2, 3.0
"""For the text of what hangs; and what a busy machine may take with it, less than the ear's own patience, seconds."""
SOON_S, LATER_S = 0.03, 5.0
"""How late a text may be that is still waited for; and one that is not."""
SECRET = "AQVN-sk-secret"


@asynccontextmanager
async def page() -> AsyncIterator[int]:
    """The port of something that answers every connection with a web page."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\r\n<html>It works!</html>")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def yandex_of(address: str, eou: str) -> SpeechToText:
    from agent.backends.stt_yandex import YandexStt  # noqa: PLC0415 - an extra

    given = {"api_key": SecretStr(SECRET), "stt_address": address, "stt_eou": eou}
    return YandexStt(Yandex.model_validate(given), "ru")


@asynccontextmanager
async def yandex(eou: str, fault: str) -> AsyncIterator[SpeechToText]:
    from tests.fakes.yandex_stt_server import YandexBehaviour, YandexSttServer  # noqa: PLC0415

    names = {"hang_first": "hang", "too_late": "late"}
    late_s = LATER_S if fault == "too_late" else SOON_S
    if fault == "page":
        async with page() as port:
            yield yandex_of(f"http://127.0.0.1:{port}", eou)
        return
    behaviour = YandexBehaviour(always=names.get(fault, fault), late_s=late_s, after_words=2)  # type: ignore[arg-type]
    async with YandexSttServer(behaviour) as server:
        yield yandex_of(server.address, eou)


@asynccontextmanager
async def openai(realtime: bool, fault: str) -> AsyncIterator[SpeechToText]:
    names: dict[str, OpenAiFault] = {"hang_first": "hang", "hang_middle": "hang", "too_late": "late", "expired": "401"}
    behaviour = EarsBehaviour(late_s=LATER_S if fault == "too_late" else SOON_S)
    behaviour.always = names.get(fault, fault)  # type: ignore[arg-type]
    behaviour.after_ms = 0 if fault == "hang_first" else None

    def of(address: str) -> SpeechToText:
        return OpenAiStt(OpenAi(base_url=address, api_key=SecretStr(SECRET), stt_realtime=realtime), "ru")

    if fault == "page":
        async with page() as port:
            yield of(f"http://127.0.0.1:{port}/v1")
        return
    async with OpenAiEars(behaviour) as server:
        yield of(server.base_url)


@asynccontextmanager
async def wyoming(stream: bool, fault: str) -> AsyncIterator[SpeechToText]:
    from agent.backends.stt_wyoming import WyomingStt  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its server side imports audioop
        from tests.fakes.wyoming_ears import Ears  # noqa: PLC0415

    if fault == "page":
        async with page() as port:
            yield WyomingStt(Wyoming(stt_address=f"tcp://127.0.0.1:{port}"), "ru")
        return
    name = {"hang_middle": "hang", "too_late": "late"}.get(fault, fault)
    open_now = set[asyncio.Task[None]]()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        ears = Ears([name], stream, LATER_S if fault == "too_late" else SOON_S, reader, writer)
        with suppress(asyncio.CancelledError, ConnectionError):
            await ears.run()
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    try:
        yield WyomingStt(Wyoming(stt_address=f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"), "ru")
    finally:
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now)
        server.close()
        await server.wait_closed()


Opened = Callable[[str], AbstractAsyncContextManager[SpeechToText]]
SERVERS: dict[str, Opened] = {
    "yandex": partial(yandex, "ours"),
    "yandex with its own ends": partial(yandex, "default"),
    "openai": partial(openai, True),
    "openai by the piece": partial(openai, False),
    "wyoming": partial(wyoming, True),
    "wyoming without streaming": partial(wyoming, False),
}
EVERY = ("refuse", "hang_first", "hang_middle", "die", "end_early", "garbage", "page", "too_late")
OWN = {
    "yandex": ("expired", "no_role", "nonsense"),
    "openai": ("expired", "500", "failed", "error"),
    "wyoming": ("error",),  # it knows no credentials
}
UNTOLD = (
    ("openai by the piece", "failed"),
    ("openai by the piece", "error"),  # these are messages of a session
    ("yandex with its own ends", "end_early"),
    ("yandex with its own ends", "nonsense"),  # it does not say that it has heard all; while the caller talks it shows
)
"""What a server can't do, or nobody can tell of."""
TABLE = [
    (name, fault) for name in SERVERS for fault in (*EVERY, *OWN[name.partition(" ")[0]]) if (name, fault) not in UNTOLD
]


def need(name: str) -> None:
    package = name.partition(" ")[0]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"the extra `{package}` is not installed: pip install -e '.[{package}]'")


async def two_utterances(chain: HearingChain) -> list[tuple[Transcript, float]]:
    """Texts, and how long after the ends they came, seconds; in the first one the caller pauses in the middle."""
    loop, heard = asyncio.get_running_loop(), []
    pcm = say(SAID)
    half = len(pcm) // 640 * 320
    for pauses in (True, False):
        ear = await chain.open(8000, lambda _partial: None)
        end = await push(ear, pcm[:half])
        if pauses:
            assert SAID.startswith((await ear.peek()).text)
        await push(ear, pcm[half:], end)
        ended = loop.time()
        heard.append((await ear.finish(), loop.time() - ended))
        await ear.close()
    return heard


@pytest.mark.parametrize(("name", "fault"), TABLE)
async def test_a_fault_of_a_server_loses_no_word(name: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """The next one, a server of OpenAI's protocol, hears each utterance whole and once."""
    need(name)
    waits = fault in ("hang_first", "hang_middle", "too_late")
    async with SERVERS[name](fault) as first, OpenAiEars() as server:
        second = OpenAiStt(OpenAi(base_url=server.base_url, stt_realtime=False, stt_model="second"), "ru")
        chain = HearingChain([first, second], DEADLINE_S if waits else 5.0)
        with caplog.at_level(logging.DEBUG):
            texts = await two_utterances(chain)
        states = chain.states
        await chain.close()
    for heard, took_s in texts:
        assert (heard.text, heard.final) == (SAID, True)
        assert [word.text for word in heard.words] == SAID.split()
        assert not waits or took_s <= MOST_S
    assert server.behaviour.heard == [SAID, SAID]
    assert "2 of 2 utterances failed" in states[first.name]
    assert states[second.name].startswith("ok")
    assert SECRET not in caplog.text
    assert not any(word in caplog.text for word in SAID.split()[:3])


@pytest.mark.parametrize("name", SERVERS)
async def test_a_text_that_is_late_is_waited_for_within_the_deadline(name: str) -> None:
    need(name)
    async with SERVERS[name]("late") as first, OpenAiEars() as server:
        second = OpenAiStt(OpenAi(base_url=server.base_url, stt_realtime=False, stt_model="second"), "ru")
        chain = HearingChain([first, second], 5.0)
        texts = await two_utterances(chain)
        await chain.close()
    assert [heard.text for heard, _ in texts] == [SAID, SAID]
    assert server.behaviour.heard == []


async def utterance(ear: Recognizer) -> str:
    await push(ear, say(SAID))
    return (await ear.finish()).text


async def test_one_that_keeps_failing_is_tried_by_one_call_after_a_while() -> None:
    """On the wire, in health and in the meters."""
    clock, registry = [0.0], CollectorRegistry()
    meters = EngineMeters(registry)
    async with OpenAiEars(EarsBehaviour(always="500")) as ill, OpenAiEars() as well:
        first, second = (
            OpenAiStt(OpenAi(base_url=server.base_url, stt_realtime=False, stt_model=name), "ru")
            for server, name in ((ill, "first"), (well, "second"))
        )
        chain = HearingChain([first, second], 5.0, lambda: clock[0], meters.told)
        meters.state = lambda: EngineState(failing("stt", chain.states))

        def told(name: str, **labels: str) -> float | None:
            meters.look()
            return registry.get_sample_value(name, {"kind": "stt", "engine": first.name, **labels})

        for _ in range(FAILURES + 2):
            ear = await chain.open(8000, lambda _partial: None)
            assert await utterance(ear) == SAID
            await ear.close()
        assert len(ill.behaviour.keys) == TRIES * FAILURES
        assert chain.states[first.name].startswith("failing")
        assert told("allo_engine_failing") == 1
        assert told("allo_engine_requests_total", outcome="failed") == FAILURES

        clock[0] += PAUSE_S + 0.1
        ill.behaviour.always = ""
        ears = [await chain.open(8000, lambda _partial: None) for _ in range(3)]
        assert await asyncio.gather(*(utterance(ear) for ear in ears)) == [SAID] * 3
        assert ill.behaviour.heard == [SAID]
        assert chain.states[first.name].startswith("ok")
        assert told("allo_engine_failing") == 0
        for ear in ears:
            await ear.close()
        await chain.close()
