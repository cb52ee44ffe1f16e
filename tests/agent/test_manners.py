"""How a conversation feels: replies begun on a guess, no dead air, wishes heeded, notices said to the end."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from agent.answer import Minds
from agent.events import AgentSaid, CallerSaid, Noted
from agent.settings import Calls, Turns
from tests.agent.test_call import GREETING_S, UNSURE, WHOLE, WORDS, Scene
from tests.fakes.engines import FakeMind
from tests.fakes.line import Leaves, Says, Step

ASK = GREETING_S + 1
HOURS = "когда вы работаете"
PRICE = "сколько стоит пресс"


def model(answers: Mapping[str, Sequence[str | float]]) -> FakeMind:
    return FakeMind({question: list(pieces) for question, pieces in answers.items()})


def noted(scene: Scene, kind: str) -> list[str]:
    return [event.detail for event in scene.events if isinstance(event, Noted) and event.kind == kind]


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


def test_a_doubtful_end_costs_the_wait_and_not_the_model_on_top() -> None:
    minds = Minds(FakeMind({}), model({"мне нужен пресс на": [0.8, "Уточните, пожалуйста. "]}))
    scene = Scene([Says(ASK, "мне нужен пресс на"), Leaves(ASK + 6)], minds)

    assert noted(scene, "speculation") == ["hit"]
    assert 1.1 <= scene.speaks_from(ASK + 1) - (ASK + 1) <= 1.1 + 0.1


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
    stamp = 1000 + scene.voice.spoken.index(WORDS.stalled)
    assert scene.line.mouth.wire.index(stamp) / 50 - (ASK + 1) <= 4.0
    assert len(noted(scene, "stall")) == 1


def test_the_second_time_a_person_is_asked_for() -> None:
    script: list[Step] = [Says(ASK, HOURS), Says(ASK + 14, HOURS), Leaves(60)]
    scene = Scene(script, slow_voice_s=600.0, operator=True)

    assert scene.line.transfers == [""]


def test_waiting_for_the_operator_is_no_dead_air() -> None:
    scene = Scene([Says(ASK, "соедините с оператором"), Leaves(ASK + 20)], operator=True)

    assert noted(scene, "stall") == []
    assert scene.heard[1:] == [WORDS.transfer]


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


def test_a_caller_who_asks_for_a_minute_gets_half_of_one() -> None:
    scene = Scene([Says(ASK, "подождите минутку"), Leaves(ASK + 45)], turns=Turns(reprompt_s=3))

    assert scene.heard[1] in WORDS.hold
    assert scene.heard[2] == WORDS.reprompts[0]
    stamp = 1000 + scene.voice.spoken.index(WORDS.reprompts[0])
    assert 30 <= scene.line.mouth.wire.index(stamp) / 50 - (ASK + 1) <= 34


# ---------------------------------------------------------------- limits and notices


def test_the_longest_call_is_warned_of_and_ends_with_a_goodbye() -> None:
    turns = Turns(reprompt_s=100)
    scene = Scene([], turns=turns, calls=Calls(max_minutes=2))

    assert scene.heard == [WORDS.greeting, WORDS.limit_warning, WORDS.goodbye]
    stamp = 1000 + scene.voice.spoken.index(WORDS.limit_warning)
    assert 60 <= scene.line.mouth.wire.index(stamp) / 50 <= 61


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


def said_in(scene: Scene) -> list[str]:
    return [event.said for event in scene.of(AgentSaid) if isinstance(event, AgentSaid)]


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
