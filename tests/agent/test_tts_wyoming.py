import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

if importlib.util.find_spec("wyoming") is None:
    pytest.skip("the extra `wyoming` is not installed: pip install -e '.[wyoming]'", allow_module_level=True)

from agent.backends.tts_espeak import Espeak
from agent.backends.tts_wyoming import WyomingVoice
from agent.engine_settings import Wyoming
from agent.errors import SettingsError, VoiceError
from agent.voices.voice_chain import VoiceChain
from tests.agent.voices import HEARD, SENTENCE, listened, understood

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def server(*arguments: str) -> AsyncIterator[Wyoming]:
    """A server process."""
    program = (sys.executable, "-m", "tests.fakes.wyoming_voice", *arguments)
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield Wyoming(tts_address=f"tcp://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()


async def test_a_server_process_speaks() -> None:
    async with server("--rate", "16000") as wyoming:
        voice = WyomingVoice(wyoming, "ru", "irina")
        wire = await listened(voice, SENTENCE)
        assert (await listened(voice, "...")).pcm == b""
        await voice.close()
    assert wire.rate == 22050
    assert voice.name == f"wyoming {wyoming.tts_address} irina"
    assert len(wire.arrivals) > 5
    assert await understood(wire) == HEARD


@pytest.mark.parametrize(
    ("fault", "said"),
    [("refused", "reports a fault"), ("page", "Wyoming"), ("expired", "32-bit"), ("die", "not answer")],
)
async def test_faults_are_told(fault: str, said: str) -> None:
    async with server("--fault", fault) as wyoming:
        with pytest.raises(VoiceError, match=said):
            await listened(WyomingVoice(wyoming, "ru"), SENTENCE)


async def test_in_a_chain_a_death_in_mid_sentence_is_not_heard() -> None:
    async with server("--fault", "die") as wyoming:
        espeak = await Espeak.load("ru")
        wire = await listened(VoiceChain([WyomingVoice(wyoming, "ru"), espeak], espeak), SENTENCE)
    assert await understood(wire) == HEARD
    assert wire.gap_s <= 0.4


async def test_nobody_there_and_no_address() -> None:
    with pytest.raises(VoiceError, match="running"):
        await listened(WyomingVoice(Wyoming(tts_address="tcp://127.0.0.1:1"), "ru"), "Да.")
    with pytest.raises(SettingsError, match="tts_address"):
        WyomingVoice(Wyoming(tts_address="nonsense"), "ru")
