"""From the settings to a house: every engine opened, every text loaded. For the daemon and for replays."""

from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from agent.answer import Answers, Desk
from agent.asking import Minds
from agent.backends.tool_http import HttpTools
from agent.house import House
from agent.language.completeness import completeness
from agent.language.completeness import prepare as prepare_endings
from agent.language.normalise import normalise
from agent.language.quantities import quantities
from agent.language.tables import load_tables, user_table
from agent.language.verbalise import prepare as prepare_words
from agent.language.verbalise import verbalise
from agent.live import Live, state
from agent.memory import CALLERS, Memory, about
from agent.pauses import Verdict
from agent.phrases import Phrases
from agent.ports import CallerInfo
from agent.prompts import Prompts
from agent.settings import Settings, Turns
from agent.tables import new_answer_cache, new_ears, new_knowledge, new_minds, new_stt, new_turn_model, new_voice
from agent.tools import Means, WebhookCall

RATE = 8000
"""Rate for which the fixed phrases are made ahead, Hz."""


async def furnish(settings: Settings, stack: AsyncExitStack) -> tuple[House, dict[str, str]]:
    """A house that keeps no record, and the names of its engines; ``stack`` closes what was opened, in reverse."""
    for prepare in (prepare_endings, prepare_words):  # no first caller waits for a dictionary
        prepare(settings.language)
    stt = await new_stt(settings)
    stack.push_async_callback(stt.close)
    answers, minds, live = await open_answers(settings, stack)
    webhook = _webhook(stack)
    memory = Memory(settings.storage.dir / CALLERS) if settings.memory.enabled else None
    if memory is not None:
        stack.push_async_callback(memory.close)
    prompts = live.now().prompts
    voice, voice_name = await _open_voice(settings, stack, prompts)
    turn_model = await new_turn_model(settings)
    if turn_model is not None:
        stack.push_async_callback(turn_model.close)
    house = House(
        stt=stt,
        voice=voice,
        answers=answers,
        prompts=prompts,
        words=lambda text: verbalise(text, settings.language),
        finished=lambda text: _finished(text, answers, settings.language),
        ears=new_ears(settings),
        language=settings.language,
        turns=_turns(settings.turns, minds),
        calls=settings.calls,
        turn_model=turn_model,
        for_call=lambda house, caller: replace(
            house, prompts=live.now().prompts, answers=answers.of(_desk(caller, live, webhook, memory))
        ),
        observe=memory.observe if memory else lambda _call_id, _event: None,
        connect=answers.connect,
        answers_state=lambda: state(answers, live),
    )
    model = minds.model.name if minds.model else "none, answers come from the knowledge base"
    return house, {"stt": stt.name, "tts": voice_name, "llm": model}


def _desk(caller: CallerInfo, live: Live, webhook: WebhookCall, memory: Memory | None) -> Desk:
    """What is known of ``caller``, and what can be done for him."""
    known = memory.known(caller.number) if memory else None
    return Desk(about(known, live.now().prompts.returning), Means(webhook, number=caller.number))


def _webhook(stack: AsyncExitStack) -> WebhookCall:
    tools = HttpTools()
    stack.push_async_callback(tools.close)
    return tools.call


def _turns(turns: Turns, minds: Minds) -> Turns:
    quick = {"lull_ms": turns.lull_llm_ms, "fade_db": turns.fade_llm_db}
    return turns.model_copy(update=quick) if minds.model else turns


def _finished(text: str, answers: Answers, language: str) -> Verdict:
    return "complete" if answers.is_command(text) else completeness(text, language)


async def open_answers(settings: Settings, stack: AsyncExitStack) -> tuple[Answers, Minds, Live]:
    """All that answers texts, for calls and for every other door; ``stack`` closes it."""
    load_tables(user_table(settings.kb.dir, settings.language), settings.language)
    live = Live(settings, stack)
    knowledge = new_knowledge(settings)
    minds = await new_minds(settings, knowledge)
    for model in minds.models:
        stack.push_async_callback(model.close)
    texts = live.now()
    canonical = partial(normalise, language=settings.language)
    quantities(canonical("1"), settings.language)  # what the first question would wait for
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


async def _open_voice(settings: Settings, stack: AsyncExitStack, prompts: Prompts) -> tuple[Phrases, str]:
    """The voice behind its phrase cache, with every fixed text made ahead."""
    voice = await new_voice(settings)
    stack.push_async_callback(voice.close)
    phrases = Phrases(voice, settings.storage.dir / "phrases", settings.storage.phrase_cache_mb)
    await phrases.warm((verbalise(text, settings.language) for text in prompts.spoken), RATE)
    return phrases, voice.name
