"""How a conversation feels: replies begun on a guess, no dead air, wishes heeded, notices said to the end."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from agent.answer import Minds, Watch
from agent.draft import Draft
from agent.errors import HearingError
from agent.events import AgentSaid, CallerSaid, Noted
from agent.ports import Sentence
from agent.prompts import Prompts
from agent.settings import Calls, Turns
from tests.agent.test_call import GREETING_S, UNSURE, WHOLE, WORDS, Scene
from tests.fakes.engines import NEVER_UNDERSTOOD, FakeMind
from tests.fakes.line import Leaves, Says, Step

ASK = GREETING_S + 1
HOURS = "когда вы работаете"
PRICE = "сколько стоит пресс"


def model(answers: Mapping[str, Sequence[str | float]]) -> FakeMind:
    return FakeMind({question: list(pieces) for question, pieces in answers.items()})


async def _first(draft: Draft) -> Sentence:
    return await anext(draft.sentences())


def noted(scene: Scene, kind: str) -> list[str]:
    return [event.detail for event in scene.events if isinstance(event, Noted) and event.kind == kind]


def said_in(scene: Scene) -> list[str]:
    return [event.said for event in scene.of(AgentSaid) if isinstance(event, AgentSaid)]


def heard_in(scene: Scene) -> list[str]:
    return [event.heard for event in scene.of(AgentSaid) if isinstance(event, AgentSaid)]


def said_at(scene: Scene, text: str) -> float:
    """When it is first audible, seconds."""
    return scene.line.mouth.wire.index(1000 + scene.voice.spoken.index(text)) / 50


# ---------------------------------------------------------------- replies on a guess


def test_a_guess_hides_most_of_the_time_that_the_model_needs() -> None:
    minds = Minds(FakeMind({}), model({HOURS: [0.4, "Мы работаем с девяти. "]}))
    scene = Scene([Says(ASK, HOURS), Leaves(ASK + 5)], minds)
    unguessed = Scene([Says(ASK, HOURS), Leaves(ASK + 5)], minds, turns=Turns(speculate=False))

    assert scene.speaks_from(ASK + 1) - (ASK + 1) <= 0.4 + 0.15
    assert unguessed.speaks_from(ASK + 1) - (ASK + 1) >= 0.24 + 0.4
    assert noted(scene, "speculation") == ["hit"]
    assert noted(unguessed, "speculation") == []


def test_a_guess_that_was_wrong_is_never_heard_and_its_tokens_are_counted() -> None:
    minds = Minds(FakeMind({}), model({HOURS: ["Не ", "то. "], f"{HOURS} завтра": ["С девяти. "]}))
    scene = Scene([Says(ASK, HOURS), Says(ASK + 1.16, "завтра"), Leaves(ASK + 7)], minds)

    assert scene.heard[1:] == ["С девяти."]
    assert noted(scene, "speculation") == ["miss 2", "hit"]


def test_a_guess_that_the_end_of_the_call_made_void_is_counted_too() -> None:
    minds = Minds(FakeMind({}), model({HOURS: ["Не ", "то. "]}))
    scene = Scene([Says(ASK, HOURS), Leaves(ASK + 1.2)], minds)

    assert scene.heard == [WORDS.greeting]
    assert noted(scene, "speculation") == ["miss 2"]


def test_a_doubtful_end_costs_the_wait_and_not_the_model_on_top() -> None:
    minds = Minds(FakeMind({}), model({"мне нужен пресс на": [0.8, "Уточните, пожалуйста. "]}))
    scene = Scene([Says(ASK, "мне нужен пресс на"), Leaves(ASK + 6)], minds)

    assert noted(scene, "speculation") == ["hit"]
    assert 1.1 <= scene.speaks_from(ASK + 1) - (ASK + 1) <= 1.1 + 0.1


@pytest.mark.parametrize(
    ("beginning", "more"), [("мне нужен пресс на", "сто килоньютон"), ("нас интересует поставка", "в казахстан")]
)
def test_what_may_go_on_is_no_guess_before_the_next_syllable_had_its_time(beginning: str, more: str) -> None:
    minds = Minds(FakeMind({}), model({beginning: ["Не ", "то. "], f"{beginning} {more}": ["Есть. "]}))

    def guesses(gap_s: float) -> list[str]:
        later = Says(ASK + 1 + gap_s, more)
        scene = Scene([Says(ASK, beginning), later, Leaves(ASK + 6)], minds, turns=Turns(lull_ms=20))
        assert scene.heard[1:] == ["Есть."]
        return noted(scene, "speculation")

    assert guesses(0.08) == ["hit"]
    assert guesses(0.3) == ["miss 2", "hit"]


@pytest.mark.parametrize("turn_ends_first", [True, False])
async def test_the_first_sentence_is_voiced_ahead_unless_the_turn_is_over_by_then(turn_ends_first: bool) -> None:
    thought, voiced = asyncio.Event(), list[str]()

    async def sentences(_watch: Watch) -> AsyncGenerator[Sentence, None]:
        await thought.wait()
        yield Sentence("С девяти.")

    async def prepare(text: str) -> None:
        voiced.append(text)

    def spawn(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        tasks.append(asyncio.create_task(work))
        return tasks[0]

    draft, tasks = Draft(HOURS, sentences, lambda: 0), list[asyncio.Task[Any]]()
    draft.begin(spawn, prepare)
    speaking = asyncio.create_task(_first(draft)) if turn_ends_first else None
    await asyncio.sleep(0)
    thought.set()
    await tasks[0]

    assert voiced == ([] if turn_ends_first else ["С девяти."])
    assert await (speaking or _first(draft)) == Sentence("С девяти.")


def test_guesses_stop_where_the_settings_say() -> None:
    answers = {HOURS: ["Не ", "то. "], f"{HOURS} завтра": ["С девяти. "], PRICE: ["Миллион. "]}
    script: list[Step] = [Says(ASK, HOURS), Says(ASK + 1.16, "завтра"), Says(ASK + 8, PRICE), Leaves(ASK + 12)]
    once = Scene(script, Minds(FakeMind({}), model(answers)), turns=Turns(speculate_most=1))
    thrifty = Scene(script, Minds(FakeMind({}), model(answers)), turns=Turns(speculate_waste=2))

    assert noted(once, "speculation") == ["miss 2", "hit"], "one guess a turn"
    assert noted(thrifty, "speculation") == ["miss 2"], "no guess once two tokens were wasted"
    assert once.heard[1:] == thrifty.heard[1:] == ["С девяти.", "Миллион."]


# ---------------------------------------------------------------- no dead air


def test_a_slow_answer_is_announced_with_a_filler() -> None:
    minds = Minds(FakeMind({}), model({HOURS: [2.0, "Мы работаем с девяти. "]}))
    scene = Scene([Says(ASK, HOURS), Leaves(ASK + 8)], minds)

    assert scene.heard[1] in WORDS.fillers
    assert scene.heard[2:] == ["Мы работаем с девяти."]
    assert scene.speaks_from(ASK + 1) - (ASK + 1) <= 0.24 + 0.9 + 0.1


def test_an_answer_in_time_needs_none() -> None:
    minds = Minds(FakeMind({}), model({HOURS: [0.7, "Мы работаем с девяти. "]}))

    assert Scene([Says(ASK, HOURS), Leaves(ASK + 8)], minds).heard[1:] == ["Мы работаем с девяти."]


def test_a_voice_that_hangs_is_apologised_for_within_four_seconds_with_a_way_out() -> None:
    scene = Scene([Says(ASK, HOURS), Leaves(ASK + 14)], slow_voice_s=600.0)

    assert scene.heard[1] in WORDS.fillers
    assert scene.heard[2] == WORDS.stalled
    assert "оператор" in WORDS.stalled
    assert said_at(scene, WORDS.stalled) - (ASK + 1) <= 4.0
    assert len(noted(scene, "stall")) == 1


def test_the_second_time_a_person_is_asked_for() -> None:
    script: list[Step] = [Says(ASK, HOURS), Says(ASK + 14, HOURS), Leaves(60)]
    scene = Scene(script, slow_voice_s=600.0, operator=True)

    assert scene.line.transfers == [""]


def test_waiting_for_the_operator_is_no_dead_air() -> None:
    scene = Scene([Says(ASK, "соедините с оператором"), Leaves(ASK + 20)], operator=True)

    assert noted(scene, "stall") == []
    assert scene.heard[1:] == [WORDS.transfer]


def test_a_second_sound_too_short_for_speech_does_not_leave_the_agent_paused() -> None:
    cough, click = ASK + 2.2, ASK + 2.2 + 0.2 + 0.14  # the click begins while the cough is being judged
    script: list[Step] = [Says(ASK, HOURS), Says(cough, "", 0.2), Says(click, "", 0.06), Leaves(ASK + 9)]
    scene = Scene(script, turns=Turns(barge_in_ms=100))

    assert noted(scene, "paused") == [""]
    assert said_in(scene)[1:] == heard_in(scene)[1:] == ["Мы работаем с девяти. Обед в час."]
    assert scene.speaks_from(click) - click <= 0.06 + 0.3


def test_a_recogniser_that_hangs_while_the_agent_is_paused_is_apologised_for() -> None:
    script: list[Step] = [Says(ASK, HOURS), Says(ASK + 2.2, NEVER_UNDERSTOOD, 0.2), Leaves(ASK + 14)]
    scene = Scene(script)

    assert heard_in(scene)[1] == "Мы работаем с"
    assert scene.heard[-1] == WORDS.stalled
    assert scene.speaks_from(scene.silent_from(ASK + 2.2)) - (ASK + 2.4) <= 4.0


# ---------------------------------------------------------------- the caller's own pauses


def answered_after(scene: Scene, end: float) -> float:
    return scene.speaks_from(end) - end


def test_who_never_pauses_is_answered_sooner_from_the_fourth_turn_on() -> None:
    asks = [ASK + 8 * turn for turn in range(4)]
    script: list[Step] = [*(Says(at, HOURS) for at in asks), Leaves(asks[-1] + 4)]
    learning, fixed = Scene(script), Scene(script, turns=Turns(adapt=False))

    first, *_, fourth = (answered_after(learning, at + 1) for at in asks)
    assert first - fourth >= 0.03
    assert answered_after(fixed, asks[-1] + 1) == pytest.approx(first)


def test_who_searched_for_words_is_given_time_in_the_next_turn_too() -> None:
    later, doubtful = ASK + 12, "в москве"
    script: list[Step] = [Says(ASK, "когда вы"), Says(ASK + 1.5, "работаете"), Says(later, doubtful), Leaves(later + 5)]
    learning, fixed = Scene(script), Scene(script, turns=Turns(adapt=False))

    assert answered_after(learning, later + 1) - answered_after(fixed, later + 1) >= 0.1


@dataclass
class SoundsEnded:
    """An end-of-turn model that is always as sure; without an answer it fails."""

    probability: float | None

    async def ended(self, pcm: bytes, rate: int) -> float:
        assert len(pcm) >= rate, "it is shown what was said"
        if self.probability is None:
            raise HearingError("the fake model failed")
        return self.probability

    async def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(("probability", "waited"), [(None, 0.53), (0.9, 0.24), (0.5, 0.53), (0.1, 1.1)])
def test_where_words_leave_a_doubt_the_sound_is_judged_too(probability: float | None, waited: float) -> None:
    heard = SoundsEnded(probability)
    scene = Scene([Says(ASK, "в москве"), Leaves(ASK + 5)], changes={"turn_model": heard})

    assert waited <= answered_after(scene, ASK + 1) <= waited + 0.1


# ---------------------------------------------------------------- wishes


@pytest.mark.parametrize(
    ("wish", "answer", "pace"), [("помедленнее", WORDS.slower, 0.8), ("говорите побыстрее", WORDS.faster, 1.15)]
)
def test_another_pace_is_heeded_at_once_and_the_answer_said_again(wish: str, answer: str, pace: float) -> None:
    scene = Scene([Says(ASK, HOURS), Says(ASK + 5, wish), Says(ASK + 14, PRICE), Leaves(ASK + 20)])

    said = [event.said for event in scene.events if isinstance(event, AgentSaid) and event.turn == 2]
    assert said == [f"{answer} Мы работаем с девяти. Обед в час."]
    assert scene.speaks_from(ASK + 6) - (ASK + 6) <= WHOLE
    assert scene.voice.paces[-1] == pace, "and it stays so"


@pytest.mark.parametrize(
    ("wish", "answer"),
    [
        ("повторите", WORDS.repeat),
        ("помедленнее пожалуйста", WORDS.slower),
        ("погромче", WORDS.louder),
        ("громче громче", WORDS.louder),
        ("говорите потише", WORDS.quieter),
    ],
)
def test_wishes_are_heeded_while_the_agent_speaks_too_and_no_model_is_asked(wish: str, answer: str) -> None:
    mind = model({HOURS: ["Мы работаем с девяти. ", "Обед в час. "]})
    wished = ASK + 2.4
    scene = Scene([Says(ASK, HOURS), Says(wished, wish, 0.8), Leaves(ASK + 12)], Minds(FakeMind({}), mind))

    assert said_in(scene)[2] == heard_in(scene)[2] == f"{answer} Мы работаем с девяти. Обед в час."
    assert scene.silent_from(wished) - wished <= 0.04
    assert scene.speaks_from(wished + 0.8) - (wished + 0.8) <= WHOLE
    assert [question.text for question in mind.asked] == [HOURS]


def test_a_caller_who_asks_for_a_minute_gets_half_of_one() -> None:
    scene = Scene([Says(ASK, "подождите минутку"), Leaves(ASK + 45)], turns=Turns(reprompt_s=3))

    assert scene.heard[1] in WORDS.hold
    assert scene.heard[2] == WORDS.reprompts[0]
    assert 30 <= said_at(scene, WORDS.reprompts[0]) - (ASK + 1) <= 34


@pytest.mark.parametrize("lasts", [0.06, 0.3, 0.6])
def test_a_sound_without_words_takes_nothing_from_that_half_minute(lasts: float) -> None:
    scene = Scene([Says(ASK, "подождите минутку"), Says(ASK + 8, "", lasts), Leaves(ASK + 45)])

    assert 30 <= said_at(scene, WORDS.reprompts[0]) - (ASK + 1) <= 34


@pytest.mark.parametrize(
    ("turns", "words"),
    [(Turns(barge_in=False), WORDS), (Turns(), replace(WORDS, firm_texts=frozenset(WORDS.hold)))],
)
def test_nor_does_an_answer_that_can_not_be_interrupted(turns: Turns, words: Prompts) -> None:
    scene = Scene([Says(ASK, "подождите минутку"), Leaves(ASK + 45)], turns=turns, words=words)

    assert 30 <= said_at(scene, WORDS.reprompts[0]) - (ASK + 1) <= 34


def test_who_comes_back_and_asks_is_waited_for_no_longer() -> None:
    script: list[Step] = [Says(ASK, "подождите минутку"), Says(ASK + 8, HOURS), Leaves(ASK + 25)]
    scene = Scene(script)

    over = scene.silent_from(said_at(scene, "Обед в час."))
    assert 8 <= said_at(scene, WORDS.reprompts[0]) - over <= 8.2


# ---------------------------------------------------------------- limits and notices


def test_the_longest_call_is_warned_of_and_ends_with_a_goodbye() -> None:
    turns = Turns(reprompt_s=100)
    scene = Scene([], turns=turns, calls=Calls(max_minutes=2))

    assert scene.heard == [WORDS.greeting, WORDS.limit_warning, WORDS.goodbye]
    assert 60 <= said_at(scene, WORDS.limit_warning) <= 61


def test_that_warning_interrupts_neither_the_caller_nor_the_answer() -> None:
    minds = Minds(FakeMind({PRICE: ["Миллион. "]}))
    scene = Scene([Says(58, PRICE, 4.0), Leaves(70)], minds, turns=Turns(reprompt_s=100), calls=Calls(max_minutes=2))

    assert heard_in(scene) == [WORDS.greeting, "Миллион.", WORDS.limit_warning]
    assert said_at(scene, "Миллион.") >= 62


def test_a_notice_is_said_to_its_end_whatever_the_caller_says() -> None:
    notice = "Разговор записывается."
    words = replace(WORDS, notice=notice, firm_texts=frozenset({notice}))
    scene = Scene([Says(0.4, PRICE, 0.8), Leaves(len(notice) * 0.06 + GREETING_S + 2)], words=words)

    assert scene.heard == [notice, WORDS.greeting]
    assert noted(scene, "paused") == []
    [said] = [event for event in scene.events if isinstance(event, AgentSaid)]
    assert said.heard == f"{notice} {WORDS.greeting}"


def test_what_is_said_beyond_the_notice_interrupts_the_greeting() -> None:
    notice = "Разговор записывается."
    words = replace(WORDS, notice=notice, firm_texts=frozenset({notice}))
    minds = Minds(FakeMind({HOURS: ["Мы работаем с девяти. "]}))
    scene = Scene([Says(len(notice) * 0.06 + 1.5, HOURS), Leaves(12)], minds, words=words)

    assert scene.heard == [notice, WORDS.greeting, "Мы работаем с девяти."]
    assert [event.text for event in scene.events if isinstance(event, CallerSaid)] == [HOURS]
    assert scene.speaks_from(len(notice) * 0.06 + 2.6) <= len(notice) * 0.06 + 2.5 + UNSURE


# ---------------------------------------------------------------- «повторите»


def test_a_repetition_is_of_the_answer_and_never_of_the_filler_before_it() -> None:
    minds = Minds(FakeMind({}), model({HOURS: [2.0, "Мы работаем с девяти. "]}))
    scene = Scene([Says(ASK, HOURS), Says(ASK + 8, "повторите"), Leaves(ASK + 15)], minds)

    answer, again = said_in(scene)[1:]
    assert answer.split(".")[0] + "." in WORDS.fillers
    assert again == f"{WORDS.repeat} Мы работаем с девяти."


@pytest.mark.parametrize("between", ["подождите минутку", "спасибо", "говорите помедленнее"])
def test_small_talk_is_not_what_is_said_again(between: str) -> None:
    scene = Scene([Says(ASK, HOURS), Says(ASK + 6, between), Says(ASK + 13, "повторите"), Leaves(ASK + 20)])

    assert said_in(scene)[-1] == f"{WORDS.repeat} {said_in(scene)[1]}"
    assert said_in(scene)[1] == "Мы работаем с девяти. Обед в час."


def test_an_offer_that_was_not_understood_may_still_be_accepted() -> None:
    script: list[Step] = [Says(ASK, "кто такой пушкин"), Says(ASK + 8, "что"), Says(ASK + 17, "да"), Leaves(ASK + 25)]

    assert Scene(script, operator=True).line.transfers == [""]
