"""From the settings to a house: every engine opened, every text loaded. For the daemon and for replays."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial

from agent.answer import Answers, Desk
from agent.asking import Minds
from agent.backends.tool_http import HttpTools
from agent.costs import FILE as COSTS
from agent.costs import Costs
from agent.errors import AlloError, VoiceError
from agent.figures.engine_times import EngineState, Queued, TimedHearing, Told, failing, untold
from agent.hearing_chain import HearingChain
from agent.house import House
from agent.language.asked import prepare as prepare_acts
from agent.language.asked import tempered, wishes
from agent.language.completeness import answers as merely_answers
from agent.language.completeness import completeness
from agent.language.completeness import prepare as prepare_endings
from agent.language.normalise import normalise
from agent.language.own_table import load_own
from agent.language.quantities import quantities
from agent.language.tables import user_table
from agent.language.verbalise import prepare as prepare_words
from agent.language.verbalise import verbalise
from agent.late_ear import GIVE_UP_S, LateStt
from agent.live import Live, state
from agent.memory import CALLERS, Memory, about
from agent.pauses import Verdict
from agent.ports import Line, SpeechToText
from agent.prompts import Prompts
from agent.reach import means_of
from agent.settings import Settings
from agent.tables import new_answer_cache, new_ears, new_knowledge, new_minds, new_stt, new_turn_model
from agent.tools import WebhookCall
from agent.voices.phrases import Phrases
from agent.voices.voice_chain import VoiceChain
from agent.voices.voice_table import new_voice
from kb.live import Knowledge

log = logging.getLogger(__name__)

RATE = 8000
"""Rate for which the fixed phrases are made ahead, Hz."""


@dataclass(frozen=True, slots=True)
class Furnished:
    """A house with all that belongs to it."""

    house: House
    engines: dict[str, str]
    """What hears, speaks and thinks, by ``stt``, ``tts`` and ``llm``."""
    live: Live
    rest: Callable[[], Awaitable[None]]
    """Opens what nobody waited for; once, when calls are served. Raises ``StartError``."""
    take_over: Callable[[], None]
    """Reads again what another process may have written since."""


async def furnish(settings: Settings, stack: AsyncExitStack) -> tuple[House, dict[str, str]]:
    """A house that keeps no record, and the names of its engines; ``stack`` closes what was opened, in reverse.

    It stores no phrase either: a call lived again leaves nothing behind, and the next time goes the same way.
    """
    furnished = await furnish_live(settings, stack, stores=False)
    return furnished.house, furnished.engines


async def furnish_live(
    settings: Settings,
    stack: AsyncExitStack,
    told: Told = untold,
    *,
    spoken: asyncio.Event | None = None,
    stores: bool = True,
) -> Furnished:
    """The same, and what keeps it up to date with its files.

    ``told`` hears how soon the engines give their first. ``spoken``: callers of an earlier process are waiting, and
    only what is needed to speak to them is opened now; it is set when the recogniser may be loaded, and ``rest`` does
    the rest. ``stores``: phrases that are said are kept on disk.
    """
    if spoken is None:
        await _prepare(settings.language)
    costs = open_costs(settings, stack)
    loading = new_stt(settings, told, costs)
    stt: SpeechToText = LateStt(asyncio.ensure_future(_after(spoken, loading))) if spoken else await loading
    stack.push_async_callback(stt.close)
    knowledge = Knowledge() if spoken else None
    answers, minds, live = await open_answers(settings, stack, told, costs, knowledge)
    webhook = _webhook(stack)
    memory = _open_memory(settings, stack)
    prompts = live.now().prompts
    voice, chain = await _open_voice(settings, stack, told, costs, stores=stores)
    await _warm(voice, (prompts.cut_off, prompts.go_ahead) if spoken else prompts.spoken, settings.language)
    turn_model = await new_turn_model(settings)
    if turn_model is not None:
        stack.push_async_callback(turn_model.close)
    house = House(
        stt=stt,
        voice=voice,
        answers=answers,
        prompts=prompts,
        words=lambda text: verbalise(text, settings.language),
        finished=lambda text, said: _finished(text, said, answers, settings.language),
        ears=new_ears(settings),
        language=settings.language,
        turns=live.turns,
        calls=settings.calls,
        turn_model=turn_model,
        for_call=lambda house, line: replace(
            house,
            prompts=_prompts(line, live),
            answers=answers.of(_desk(line, live, webhook, memory)),
            turns=live.turns,
            calls=live.settings.calls,
        ),
        observe=memory.observe if memory else lambda _call_id, _event: None,
        connect=answers.connect,
        engine_states=lambda: {**_ears(stt)[1], **chain.states, **costs.states},
        engines_now=lambda: _engines(stt, chain, answers, voice),
        answers_state=lambda: {**state(answers, live), "costs": costs.figures},
    )
    model = minds.model.name if minds.model else "none, answers come from the knowledge base"
    engines = {"stt": stt.name, "tts": chain.order, "llm": model}
    rest = partial(_open_rest, knowledge, voice, prompts, settings, costs)
    return Furnished(house, engines, live, rest, costs.read_again)


def open_costs(settings: Settings, stack: AsyncExitStack) -> Costs:
    """What paid engines took today, in whichever process."""
    costs = Costs(settings.costs, settings.storage.dir / COSTS)
    stack.push_async_callback(costs.close)
    return costs


def _open_memory(settings: Settings, stack: AsyncExitStack) -> Memory | None:
    """What callers said before, where it is wished for."""
    if not settings.memory.enabled:
        return None

    def clean(topic: str) -> str:
        from agent.record.redaction import Redaction  # noqa: PLC0415 - only where it is wished

        return Redaction(settings.language).caller(topic) if settings.privacy.redact else topic

    memory = Memory(settings.storage.dir / CALLERS, clean)
    stack.push_async_callback(memory.close)
    return memory


async def _open_rest(
    knowledge: Knowledge | None, voice: Phrases, prompts: Prompts, settings: Settings, costs: Costs
) -> None:
    if knowledge is not None:
        await _fill(knowledge, settings, costs)
        await _prepare(settings.language)
        await _warm(voice, prompts.spoken, settings.language)


async def _after(spoken: asyncio.Event, loading: Coroutine[None, None, SpeechToText]) -> SpeechToText:
    try:
        await spoken.wait()
    except BaseException:
        loading.close()
        raise
    return await loading


async def _prepare(language: str) -> None:
    """No first caller waits for a dictionary."""
    for prepare in (prepare_endings, prepare_acts, prepare_words):
        await asyncio.to_thread(prepare, language)


async def _fill(knowledge: Knowledge, settings: Settings, costs: Costs) -> None:
    """Read the texts that were not read yet; raises ``StartError`` once the callers had time to be helped."""
    try:
        fresh = await asyncio.to_thread(new_knowledge, settings, costs, older=True)
    except AlloError as error:
        knowledge.fail(str(error))
        await asyncio.sleep(GIVE_UP_S)
        raise
    knowledge.take(fresh)


def _ears(stt: SpeechToText) -> tuple[tuple[SpeechToText, ...], dict[str, str]]:
    """The recognisers that were loaded, and how those of a chain do."""
    inner = stt.inner if isinstance(stt, LateStt) else stt
    if isinstance(inner, HearingChain):
        return inner.engines, inner.states
    inner = inner.inner if isinstance(inner, TimedHearing) else inner
    return () if inner is None else (inner,), {}


def _engines(stt: SpeechToText, chain: VoiceChain, answers: Answers, voice: Phrases) -> EngineState:
    ears, states = _ears(stt)
    return EngineState(
        failing={
            **failing("stt", states),
            **failing("tts", chain.states),
            **failing("llm", answers.models),
        },
        queues={ear.name: ear.waiting for ear in ears if isinstance(ear, Queued)},
        phrase_hits=voice.hits,
        phrase_misses=voice.misses,
    )


def _prompts(line: Line, live: Live) -> Prompts:
    """The texts of now; other ones open a call that we make."""
    prompts, purpose = live.now().prompts, line.caller.purpose
    return prompts if purpose is None else prompts.calling_for(purpose)


def _desk(line: Line, live: Live, webhook: WebhookCall, memory: Memory | None) -> Desk:
    """What is known of the caller, and what can be done for him."""
    known = memory.known(line.caller.number) if memory else None
    prompts = live.now().prompts
    return Desk(about(known, prompts.returning), means_of(line, prompts, webhook))


def _webhook(stack: AsyncExitStack) -> WebhookCall:
    tools = HttpTools()
    stack.push_async_callback(tools.close)
    return tools.call


def _finished(text: str, said: str, answers: Answers, language: str) -> Verdict:
    verdict = completeness(text, language)
    beginning = verdict == "open" or merely_answers(text, language)  # «can I talk to somebody about» is no command yet
    if beginning or not answers.is_command(text):
        return tempered(verdict, text, said, language)
    return "unsure" if wishes(text, language) else "complete"  # «мне нужен менеджер», perhaps a certain one


async def open_answers(
    settings: Settings,
    stack: AsyncExitStack,
    told: Told = untold,
    costs: Costs | None = None,
    late: Knowledge | None = None,
) -> tuple[Answers, Minds, Live]:
    """All that answers texts, for calls and for every other door; ``stack`` closes it.

    ``late``: the knowledge, which somebody else fills.
    """
    load_own(user_table(settings.kb.dir, settings.language), settings.language)
    live = Live(settings, stack)
    knowledge = late or new_knowledge(settings, costs, older=True)
    stack.push_async_callback(knowledge.close)
    minds = replace(await new_minds(settings, knowledge, costs), told=told)
    for model in minds.models:
        stack.push_async_callback(model.close)
    texts = live.now()
    canonical = partial(normalise, language=settings.language)
    if late is None:  # what the first question would wait for
        quantities(canonical("1"), settings.language)
        await knowledge.search(canonical(texts.prompts.greeting))
    cache = new_answer_cache(settings)
    if cache is not None:
        stack.push_async_callback(cache.close)
    answers = Answers(
        knowledge,
        minds,
        texts.prompts,
        texts.intents,
        canonical,
        language=settings.language,
        texts=live.now,
        cache=cache,
    )
    live.serve(answers, minds, knowledge)
    return answers, minds, live


async def _open_voice(
    settings: Settings, stack: AsyncExitStack, told: Told, costs: Costs, *, stores: bool
) -> tuple[Phrases, VoiceChain]:
    """The voices, and the phrase cache before them."""
    voice = await new_voice(settings, told, costs)
    stack.push_async_callback(voice.close)
    folder, most = settings.storage.dir / "phrases", settings.storage.phrase_cache_mb
    return Phrases(voice, folder, most, stores=stores, private=settings.privacy.redact), voice


async def _warm(phrases: Phrases, texts: Iterable[str], language: str) -> None:
    """Have fixed texts made ahead."""
    try:
        await phrases.warm((verbalise(text, language) for text in texts), RATE)
    except VoiceError as error:
        log.warning("tts: %s; it is asked again when it is needed", error)
