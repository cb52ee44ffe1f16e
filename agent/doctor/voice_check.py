"""What ``allo doctor`` tells of the voices: each of ``tts.engine`` speaks one word."""

import asyncio

from agent.doctor.finding import Finding, bad, fine
from agent.doctor.hearing_check import identity, lacking
from agent.errors import AlloError
from agent.ports import Synthesizer
from agent.settings import Settings
from agent.voices.voice_table import one_voice

PATIENCE_S = 8.0
"""A voice on the network is given so long, seconds."""
WORDS = {"ru": "Да.", "en": "Yes."}
_ADVICE = {
    "openai": "look at [openai] api_key and base_url, and at the network",
    "wyoming": "start the server, or set [wyoming] tts_address",
    "yandex": "look at [yandex] and at the network",
    "piper": "pull the voice again: `allo models pull`",
}


async def voices(settings: Settings) -> list[Finding]:
    """One finding for each, in order; all are tried at once."""
    choices = settings.tts.choices
    return list(await asyncio.gather(*(_one(engine, voice, settings) for engine, voice in choices)))


async def _one(engine: str, name: str, settings: Settings) -> Finding:
    check = "voice" if len(settings.tts.choices) == 1 else f"voice {engine}"
    advice = await lacking(engine, settings) or _ADVICE.get(engine, "")
    try:
        voice = await one_voice(engine, name, settings)
    except ImportError as error:
        return bad(check, f"a package of {engine} can't be loaded: {error}", "run `make install` again")
    except AlloError as error:
        return bad(check, str(error), "")
    try:
        async with asyncio.timeout(PATIENCE_S):
            made = await _spoken(voice, WORDS[settings.language])
    except AlloError as error:
        return bad(check, f"{voice.name}: {error}", advice)
    except TimeoutError:
        return bad(check, f"{voice.name}: no sound within {PATIENCE_S:.0f} s", advice)
    finally:
        await voice.close()
    if not made:
        return bad(check, f"{voice.name} makes no sound", "choose another [tts] voice")
    return fine(check, f"{voice.name}{await identity(engine, settings)}")


async def _spoken(voice: Synthesizer, text: str) -> int:
    return sum([len(chunk) async for chunk in voice.synthesize(text) if isinstance(chunk, bytes)])
