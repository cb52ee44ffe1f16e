"""A name in the settings -> an object. A new vendor is one file in ``agent/backends`` and one row here.

Imports stand inside the functions, so that only what a setting names is loaded.
"""

from agent.answer import Minds
from agent.errors import SettingsError, StartError
from agent.listening import Ears
from agent.ports import LanguageModel, LineSource, SpeechToText, Synthesizer, TurnModel
from agent.sentences import SentenceCutter
from agent.settings import Settings
from kb.retriever import KnowledgeBase, load


async def new_stt(settings: Settings) -> SpeechToText:
    """The recogniser of ``stt.engine`` and ``stt.model``."""
    from agent.backends.stt_vosk import Vosk
    from agent.model_store import find_stt_model

    return await Vosk.load(find_stt_model(settings), settings.stt.threads)


def new_ears(settings: Settings) -> Ears:
    """What a call listens with: detector, echo canceller, noise suppressor."""
    from audio import neural
    from audio.denoise import NoiseSuppressor
    from audio.echo import EchoCanceller
    from audio.vad import SpeechDetector

    try:
        neural.load()
    except FileNotFoundError as error:
        raise StartError(f"{error}; install Allo again, its checkout is not whole") from None
    canceller = EchoCanceller if settings.turns.echo else None
    return Ears(SpeechDetector, canceller, NoiseSuppressor if settings.stt.denoise else None)


async def new_turn_model(settings: Settings) -> TurnModel | None:
    """The end-of-turn model of ``turns.model``, where one is given."""
    if settings.turns.model is None:
        return None
    from agent.backends.turn_onnx import OnnxTurnModel

    return await OnnxTurnModel.load(settings.turns.model)


async def new_voice(settings: Settings) -> Synthesizer:
    """The voice of ``tts.engine``; ``auto`` takes a pulled Piper voice before espeak-ng."""
    from agent.model_store import find_piper_voice

    piper = find_piper_voice(settings) if settings.tts.engine in ("auto", "piper") else None
    if piper is not None:
        from agent.backends.tts_piper import Piper

        return await Piper.load(piper)
    if settings.tts.engine == "piper":
        raise SettingsError("[tts] engine is piper and no Piper voice is here; see `allo models list`")
    from agent.backends.tts_espeak import Espeak

    return await Espeak.load(settings.language, settings.tts.voice, settings.tts.speed_wpm)


def new_knowledge(settings: Settings) -> KnowledgeBase:
    """Both bases of the language."""
    return load(settings.kb.dir, settings.language, settings.kb.top_k, settings.kb.threshold)


async def new_minds(settings: Settings, knowledge: KnowledgeBase) -> Minds:
    """The extractive answerer, and the language model where one is configured."""
    from agent.backends.llm_extractive import ExtractiveModel

    extractive = ExtractiveModel(knowledge.terms, knowledge.index.weight, _split, settings.kb.threshold)
    return Minds(extractive, await _new_model(settings), settings.llm.stall_s)


def _split(text: str) -> list[str]:
    """Sentences of a knowledge base, whole however long: they are cut for speech later."""
    cutter = SentenceCutter(longest=len(text) + 1, first=len(text) + 1)
    return cutter.feed(text) + cutter.flush()


async def _new_model(settings: Settings) -> LanguageModel | None:
    if not settings.llm.configured:
        return None
    from agent.backends.llm_openai import OpenAiModel

    model = OpenAiModel(settings.llm)
    await model.warm()
    return model


def new_sources(settings: Settings) -> list[LineSource]:
    """Every line that the settings switch on."""
    from telephony.clock import MediaClock
    from telephony.rtp_ports import RtpPorts
    from telephony.sip_line import SipSource

    clock = MediaClock()
    sources: list[LineSource] = []
    if settings.sip.enabled:
        sources.append(SipSource(settings.sip, clock))
    if settings.asterisk.url:
        from telephony.asterisk_line import AsteriskSource

        sources.append(AsteriskSource(settings.asterisk, clock, RtpPorts(*settings.sip.rtp_ports)))
    if settings.modem.enabled:
        from telephony import modem_line

        sources += modem_line.sources(settings.modem, clock, settings.storage.dir / "modem")
    return sources
