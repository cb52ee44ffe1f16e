"""What ``allo doctor`` tells of the recognisers: each of ``stt.engine`` hears half a second of silence."""

import asyncio

from agent.doctor.finding import Finding, bad, fine, poor
from agent.errors import AlloError
from agent.model_store import find_stt_model
from agent.ports import SpeechToText
from agent.settings import Settings
from agent.tables import new_recogniser
from audio.frame import AudioFrame
from audio.level import silence

PATIENCE_S = 8.0
"""A recogniser on the network is given so long, seconds."""
_ADVICE = {
    "vosk": "pull the model again: `allo models pull`",
    "openai": "look at [openai] api_key and base_url, and at the network",
    "wyoming": "start the server, or set [wyoming] stt_address",
    "yandex": "look at [yandex] and at the network",
}


async def recognisers(settings: Settings) -> list[Finding]:
    """One finding for each, in order; all are tried at once."""
    return list(await asyncio.gather(*(_one(name, settings) for name in settings.stt.engine)))


async def _one(engine: str, settings: Settings) -> Finding:
    check = "recogniser" if len(settings.stt.engine) == 1 else f"recogniser {engine}"
    advice = await lacking(engine, settings)
    try:
        stt = await new_recogniser(engine, settings)
    except ImportError as error:
        return bad(check, f"the package {engine} can't be loaded: {error}", "run `make install` again")
    except AlloError as error:
        return bad(check, str(error), advice)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await _hear_silence(stt)
    except AlloError as error:
        said = str(error) if engine != "vosk" else f"{stt.name}: {error}"
        return bad(check, said, advice or _ADVICE.get(engine, ""))
    except TimeoutError:
        return bad(check, f"{stt.name}: no answer within {PATIENCE_S:.0f} s", advice or _ADVICE.get(engine, ""))
    finally:
        await stt.close()
    if engine == "vosk" and find_stt_model(settings).name.startswith("vosk-demo"):
        real = "for real callers pull a full one: `allo models list`, then `allo models pull NAME`"
        return poor(check, f"{stt.name}: the bundled demo, it knows a limited vocabulary", real)
    return fine(check, f"{stt.name}{await identity(engine, settings)}")


async def _hear_silence(stt: SpeechToText) -> None:
    ear = await stt.open(8000, lambda _partial: None)
    try:
        ear.push(AudioFrame(silence(4000), 8000, 0))
        await ear.finish()
    finally:
        await ear.close()


async def lacking(engine: str, settings: Settings) -> str:
    """What its credentials lack, as far as one can see without asking."""
    if engine != "yandex":
        return ""
    try:
        from agent.backends.yandex_access import YandexAccess  # noqa: PLC0415 - an extra that may be missing
    except ImportError:
        return ""
    return (await YandexAccess(settings.yandex).credentials()).lacks


async def identity(engine: str, settings: Settings) -> str:
    """Which credentials it used."""
    if engine != "yandex":
        return ""
    from agent.backends.yandex_access import YandexAccess  # noqa: PLC0415

    credentials = await YandexAccess(settings.yandex).credentials()
    folder = f", folder {credentials.folder}" if credentials.folder else ""
    return f" ({credentials.kind}{folder})"
