"""Every fault of every server of voices, in a chain: it is not heard. (OpenAI's are in ``test_voice_chain``.)"""

import asyncio
import importlib.util
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from agent.backends.tts_espeak import Espeak
from agent.engine_settings import Wyoming, Yandex
from agent.ports import Synthesizer
from agent.voices.voice_chain import VoiceChain
from tests.agent.voices import HEARD, SENTENCE, listened, understood
from tests.fakes.speaking import Behaviour, Fault
from tests.fakes.speech_server import SpeechServer

SHARE = 0.55
DEADLINE_S, SLACK_S = 0.4, 0.25
"""For the first sound of what hangs; how much later the next voice may be heard on a busy machine."""


@asynccontextmanager
async def yandex(fault: Fault) -> AsyncIterator[Synthesizer]:
    from agent.backends.tts_yandex import YandexVoice  # noqa: PLC0415 - an extra
    from tests.fakes.yandex_tts_server import YandexTtsServer  # noqa: PLC0415

    async with YandexTtsServer(Behaviour(fault, share=SHARE)) as server:
        yield YandexVoice(Yandex(api_key=SecretStr("k"), tts_address=server.address, tts_http_address=""), "ru")


@asynccontextmanager
async def yandex_over_http(fault: Fault) -> AsyncIterator[Synthesizer]:
    from agent.backends.tts_yandex import YandexVoice  # noqa: PLC0415
    from tests.fakes.yandex_tts_server import YandexTtsServer  # noqa: PLC0415

    async with (
        YandexTtsServer(Behaviour("refused")) as closed,
        SpeechServer(Behaviour(fault, share=SHARE)) as server,
    ):
        key = SecretStr("k")
        addresses = Yandex(api_key=key, tts_address=closed.address, tts_http_address=server.yandex_url)
        yield YandexVoice(addresses, "ru")


@asynccontextmanager
async def wyoming(fault: Fault) -> AsyncIterator[Synthesizer]:
    from agent.backends.tts_wyoming import WyomingVoice  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its server side imports audioop
        from tests.fakes.wyoming_voice import Speaker  # noqa: PLC0415

    behaviour = Behaviour(fault, share=SHARE)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Speaker(behaviour, 22_050, reader, writer).run()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield WyomingVoice(Wyoming(tts_address=f"tcp://127.0.0.1:{port}"), "ru")
    finally:
        behaviour.released.set()
        server.close()
        await server.wait_closed()


SERVERS = {"yandex": yandex, "yandex over http": yandex_over_http, "wyoming": wyoming}
FAULTS: tuple[Fault, ...] = (
    "refused",
    "hang_first",
    "late",
    "die",
    "hang_middle",
    "end_early",
    "noise",
    "expired",
    "page",
)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", SERVERS)
async def test_a_fault_of_a_server_is_not_heard(name: str, fault: Fault) -> None:
    package = name.partition(" ")[0]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"the extra `{package}` is not installed: pip install -e '.[{package}]'")
    waits = fault in ("hang_first", "late")
    espeak = await Espeak.load("ru")
    async with SERVERS[name](fault) as voice:
        chain = VoiceChain([voice, espeak], espeak, DEADLINE_S if waits else 5.0)
        wire = await listened(chain, SENTENCE)
        await chain.close()
    assert await understood(wire) == HEARD
    assert wire.gap_s <= 0.4
    if waits:
        assert wire.first_s <= DEADLINE_S + SLACK_S
