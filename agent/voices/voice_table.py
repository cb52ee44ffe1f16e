"""A voice's name in the settings -> an object. A new vendor is one file in ``agent/backends`` and one row here.

Imports stand inside the functions, so that only what a setting names is loaded.
"""

import importlib.util
from collections.abc import Awaitable, Callable
from pathlib import Path

from agent.costs import Costs
from agent.errors import SettingsError, StartError
from agent.figures.engine_times import Told, untold
from agent.metered import metered_voice
from agent.model_store import find_pulled
from agent.ports import Synthesizer
from agent.settings import Settings
from agent.tables import openai_of
from agent.voices.voice_chain import VoiceChain


async def new_voice(settings: Settings, told: Told = untold, costs: Costs | None = None) -> VoiceChain:
    """The voices of ``tts.engine`` in their order; each is levelled, also where it is the only one.

    ``told`` hears how soon they sound, ``costs`` counts those that are paid.
    """
    voices: list[Synthesizer] = []
    try:
        for engine, voice in settings.tts.choices:
            voices.append(metered_voice(await one_voice(engine, voice, settings), engine, costs))
        timekeeper = await _espeak(settings, "") if len(voices) > 1 else None
    except BaseException:
        for opened in voices:
            await opened.close()
        raise
    return VoiceChain(voices, timekeeper, settings.tts.first_sound_ms / 1000, told)


async def one_voice(engine: str, voice: str, settings: Settings) -> Synthesizer:
    """One voice by its engine's name; raises ``StartError`` where its extra is not installed."""
    try:
        return await VOICES[engine](settings, voice)
    except ModuleNotFoundError as error:
        package = (error.name or engine).partition(".")[0]
        raise StartError(
            f"[tts] engine {engine} needs the package {package}: `.venv/bin/python -m pip install -e '.[{engine}]'`"
        ) from None


async def _auto(settings: Settings, voice: str) -> Synthesizer:
    """A pulled Piper voice before espeak-ng."""
    from agent.model_store import find_piper_voice

    if find_piper_voice(settings, voice) is not None:
        return await _piper(settings, voice)
    return await _espeak(settings, voice)


async def _espeak(settings: Settings, voice: str) -> Synthesizer:
    from agent.backends.tts_espeak import Espeak

    return await Espeak.load(settings.language, voice, settings.tts.speed_wpm)


async def _piper(settings: Settings, voice: str) -> Synthesizer:
    from agent.backends.tts_piper import Piper
    from agent.model_store import find_piper_voice

    found = find_piper_voice(settings, voice, must=True)
    if found is None:
        raise SettingsError("[tts] engine is piper and no Piper voice is here; see `allo models list`")
    return await Piper.load(found)


async def _yandex(settings: Settings, voice: str) -> Synthesizer:
    from agent.backends.tts_yandex import YandexVoice
    from agent.backends.yandex_access import YandexAccess

    credentials = await YandexAccess(settings.yandex).credentials()
    if not credentials.usable and settings.yandex.iam_token_file is None:
        raise SettingsError(f"[tts] engine yandex has no credentials: {credentials.lacks}")
    return YandexVoice(settings.yandex, settings.language, voice)


async def _openai(settings: Settings, voice: str) -> Synthesizer:
    from agent.backends.tts_openai import OpenAiVoice

    openai = openai_of(settings)
    if not openai.base_url and not openai.api_key.get_secret_value():
        raise SettingsError("[tts] engine openai has no key: set [openai] api_key, or OPENAI_API_KEY")
    return OpenAiVoice(openai, voice)


async def _wyoming(settings: Settings, voice: str) -> Synthesizer:
    from agent.backends.tts_wyoming import WyomingVoice

    return WyomingVoice(settings.wyoming, settings.language, voice)


async def _xtts(settings: Settings, voice: str) -> Synthesizer:
    from agent.voices.cloned_voices import find_cloned, list_cloned

    if lacks := xtts_lacks(settings):
        raise StartError(f"[tts] engine xtts: {lacks}")
    if not voice:
        cloned = list_cloned(settings.storage.dir)
        if not cloned:
            raise SettingsError(
                "[tts] engine xtts has no voice: `allo voice clone NAME DIR`, or name one of the model's"
            )
        voice = cloned[0].name
    from agent.backends.tts_xtts import XttsVoice

    known = find_cloned(settings.storage.dir, voice)
    return await XttsVoice.load(
        settings.xtts, xtts_model(settings), known.folder if known else voice, settings.language
    )


def xtts_model(settings: Settings) -> Path:
    """The folder of the XTTS model, whether it is there or not."""
    return find_pulled(settings, "xtts", settings.xtts.model)


def xtts_lacks(settings: Settings) -> str:
    """What is missing before XTTS can speak, and what to do; empty: nothing."""
    missing = [package for module, package in XTTS_NEEDS.items() if importlib.util.find_spec(module) is None]
    if missing:
        return f"it needs {', '.join(missing)}: `.venv/bin/python -m pip install -e '.[xtts]'`"
    if not (xtts_model(settings) / "model.pth").is_file():
        return f"{xtts_model(settings)}: no XTTS v2 model there; `allo models pull xtts-v2`, or set [xtts] model"
    return ""


XTTS_NEEDS = {
    "TTS": "coqui-tts",
    "torch": "torch",
    "torchaudio": "torchaudio",
    "torchcodec": "torchcodec",
    "six": "six",
}
"""Modules that its worker process loads, and the packages that bring them."""

VOICES: dict[str, Callable[[Settings, str], Awaitable[Synthesizer]]] = {
    "auto": _auto,
    "espeak": _espeak,
    "piper": _piper,
    "yandex": _yandex,
    "openai": _openai,
    "wyoming": _wyoming,
    "xtts": _xtts,
}
