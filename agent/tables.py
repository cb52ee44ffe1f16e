"""A name in the settings -> an object. A new vendor is one file in ``agent/backends`` and one row here.

Imports stand inside the functions, so that only what a setting names is loaded.
"""

import importlib.util
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from agent.answer_cache import ANSWERS, ON_DISK, AnswerCache
from agent.asking import Minds
from agent.costs import Costs
from agent.errors import SettingsError, StartError
from agent.figures.engine_times import TimedHearing, Told, untold
from agent.hearing_chain import HearingChain
from agent.listening import Ears
from agent.metered import MeteredModel, metered_model, metered_stt
from agent.ports import AnswerText, LanguageModel, LineSource, SpeechToText, TurnModel
from agent.record.patient_files import refuses
from agent.sentences import SentenceCutter
from agent.settings import Llm, OpenAi, Settings
from kb.live import Knowledge

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from agent.figures.spans import Spans


async def new_stt(settings: Settings, told: Told = untold, costs: Costs | None = None) -> SpeechToText:
    """The recogniser of ``stt.engine``; several are a chain.

    ``told`` hears how soon they give their texts, ``costs`` counts those that are paid.
    """
    engines: dict[str, SpeechToText] = {}
    try:
        for name in settings.stt.engine:
            engines[name] = engines.get(name) or metered_stt(await new_recogniser(name, settings), name, costs)
    except BaseException:
        for engine in engines.values():
            await engine.close()
        raise
    several = list(engines.values())
    if len(several) > 1:
        return HearingChain(several, settings.stt.deadline_ms / 1000, told=told)
    return several[0] if told is untold else TimedHearing(several[0], told)


async def new_recogniser(name: str, settings: Settings) -> SpeechToText:
    """One recogniser by its name in ``stt.engine``; raises ``StartError`` where its extra is not installed."""
    try:
        return await _RECOGNISERS[name](settings)
    except ModuleNotFoundError as error:
        package = (error.name or name).partition(".")[0]
        raise StartError(
            f"[stt] engine {name} needs the package {package}: `.venv/bin/python -m pip install -e '.[{name}]'`"
        ) from None


async def _vosk(settings: Settings) -> SpeechToText:
    from agent.backends.stt_vosk import Vosk
    from agent.model_store import find_stt_model

    return await Vosk.load(find_stt_model(settings), settings.stt.threads, settings.stt.grammar)


async def _yandex(settings: Settings) -> SpeechToText:
    from agent.backends.stt_yandex import YandexStt
    from agent.backends.yandex_access import YandexAccess

    credentials = await YandexAccess(settings.yandex).credentials()
    if not credentials.usable and settings.yandex.iam_token_file is None:
        raise SettingsError(f"[stt] engine yandex has no credentials: {credentials.lacks}")
    return YandexStt(settings.yandex, settings.language)


async def _openai(settings: Settings) -> SpeechToText:
    from agent.backends.stt_openai import OpenAiStt

    openai = openai_of(settings)
    if not openai.base_url and not openai.api_key.get_secret_value():
        raise SettingsError("[stt] engine openai has no key: set [openai] api_key, or OPENAI_API_KEY")
    return OpenAiStt(openai, settings.language, settings.stt.hints)


async def _wyoming(settings: Settings) -> SpeechToText:
    from agent.backends.stt_wyoming import WyomingStt

    return WyomingStt(settings.wyoming, settings.language, settings.stt.hints)


async def _whisper(settings: Settings) -> SpeechToText:
    from agent.backends.stt_whisper import WhisperStt
    from agent.model_store import find_pulled

    _need("faster_whisper")
    folder = find_pulled(settings, "whisper", settings.whisper.model)
    return await WhisperStt.load(settings.whisper, folder, settings.language, settings.stt.hints)


async def _sherpa(settings: Settings) -> SpeechToText:
    from agent.backends.stt_sherpa import SherpaStt
    from agent.model_store import find_pulled

    _need("sherpa_onnx")
    return await SherpaStt.load(settings.sherpa, find_pulled(settings, "sherpa", settings.sherpa.model))


_RECOGNISERS: dict[str, Callable[[Settings], Awaitable[SpeechToText]]] = {
    "vosk": _vosk,
    "yandex": _yandex,
    "openai": _openai,
    "wyoming": _wyoming,
    "sherpa": _sherpa,
    "whisper": _whisper,
}


def _need(package: str) -> None:
    """Of what is loaded by a worker process only."""
    if importlib.util.find_spec(package) is None:
        raise ModuleNotFoundError(name=package)


def openai_of(settings: Settings) -> OpenAi:
    """``[openai]``, with the language model's key where it has neither key nor address of its own."""
    given = settings.openai
    if given.base_url or given.api_key.get_secret_value():
        return given
    return given.model_copy(update={"api_key": settings.llm.api_key})


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


def new_knowledge(settings: Settings, costs: Costs | None = None, *, older: bool = False) -> Knowledge:
    """Both bases of the language: the index that was built of today's texts, else one made now.

    ``older``: else that of older ones, where today's can't be read.
    """
    from agent.knowledge import open_knowledge

    return open_knowledge(settings, costs, older=older)


def new_extractive(settings: Settings, knowledge: Knowledge) -> LanguageModel:
    """Answers out of the texts alone."""
    from agent.backends.llm_extractive import ExtractiveModel

    return ExtractiveModel(knowledge, _split, settings.kb.threshold)


async def new_minds(settings: Settings, knowledge: Knowledge, costs: Costs | None = None) -> Minds:
    """The extractive answerer, and the language model where one is configured."""
    from agent.backends.llm_openai import OpenAiModel

    minds = with_models(Minds(new_extractive(settings, knowledge), costs=costs), settings.llm)
    for each in minds.models:
        model = each.inner if isinstance(each, MeteredModel) else each
        if isinstance(model, OpenAiModel):
            await model.warm()
    return minds


def new_answer_cache(settings: Settings) -> AnswerCache | None:
    """Where answers are kept, where they are."""
    if not settings.llm.cache:
        return None

    def personal(text: str) -> bool:
        from agent.record.redaction import find

        return any(find(text, settings.language))

    url = settings.redis.url.get_secret_value()
    if url:
        from agent.backends.cache_redis import KEEP_S, RedisCache

        days = settings.retention.cached_days
        return AnswerCache(RedisCache(url, min(KEEP_S, days * 86400) if days else KEEP_S), personal)
    from agent.backends.cache_sqlite import SqliteCache

    try:
        return AnswerCache(SqliteCache(settings.storage.dir / ANSWERS, "answers", ON_DISK), personal)
    except StartError as error:
        if not refuses(settings.storage.dir):
            raise
        log.warning("%s; answers are not kept until a restart", error)
        return None


def with_models(minds: Minds, llm: Llm) -> Minds:
    """The same minds with the language models of ``[llm]``; nothing is connected yet."""
    from agent.backends.llm_openai import OpenAiModel

    servers = [OpenAiModel(section) for section in llm.servers]
    sections = zip(servers, llm.servers, strict=True)
    models = [metered_model(server, section.model, minds.costs) for server, section in sections]
    return replace(
        minds,
        model=models[0] if models else None,
        stall_s=llm.stall_s,
        fallback=models[1] if len(models) > 1 else None,
        more=tuple(models[2:]),
        first_token_s=llm.first_token_s,
        connect=tuple(server.connect for server in servers),
    )


def _split(text: str) -> list[str]:
    """Sentences of a knowledge base, whole however long: they are cut for speech later."""
    cutter = SentenceCutter(longest=len(text) + 1, first=len(text) + 1)
    return cutter.feed(text) + cutter.flush()


def new_sources(settings: Settings, answer_text: AnswerText | None = None) -> list[LineSource]:
    """Every line that the settings switch on; ``answer_text`` answers messages where a line gets some."""
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

        sources += modem_line.sources(settings.modem, clock, settings.storage.dir / "modem", answer_text)
    return sources


def new_spans(settings: Settings) -> "Spans | None":
    """Whoever sends traces of calls, where that is wished; raises ``StartError`` without OpenTelemetry."""
    if not settings.traces.endpoint:
        return None
    from agent.figures.spans import Spans

    return Spans(settings.traces.endpoint, version("allo"))
