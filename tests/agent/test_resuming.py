"""Conversations that go on in another process than they began."""

from dataclasses import replace

import pytest

from agent.dialogue import Turn
from agent.events import AgentSaid, AgentSaying, CallerSaid, Noted
from agent.prompts import Prompts
from agent.resuming import Resumed, resumed
from agent.settings import Calls
from tests.agent.test_call import WORDS, Scene
from tests.fakes.line import RATE, Leaves, Presses, Says

GREETING = Turn(0, "", WORDS.greeting, WORDS.greeting, open=False)
HOURS = "когда вы работаете"
OPEN = Turn(1, HOURS, "Мы работаем с девяти. Обед в час.", "Мы работаем", cut=True)
ANSWERED = replace(OPEN, heard=OPEN.said, cut=False, open=False)


@pytest.mark.parametrize(
    ("turns", "kept", "question"),
    [
        ([], 0, ""),
        ([Turn(0, "", WORDS.greeting, "", cut=True)], 0, ""),  # not a word of the greeting was heard
        ([Turn(0, "", WORDS.greeting, "Здравствуйте", cut=True)], 1, ""),
        ([GREETING], 1, ""),
        ([GREETING, ANSWERED], 2, ""),
        ([GREETING, OPEN], 2, HOURS),
        ([GREETING, replace(OPEN, said="", heard="")], 1, HOURS),  # nobody answered: the turn begins anew
        ([GREETING, ANSWERED, replace(OPEN, number=2, open=False)], 3, ""),  # the caller cut it himself
    ],
)
def test_what_is_owed(turns: list[Turn], kept: int, question: str) -> None:
    found = resumed(turns, 8000, "")

    assert (len(found.turns), found.question, found.position) == (kept, question, 8000)


def test_a_question_that_was_owed_before_is_not_tried_a_third_time() -> None:
    assert resumed([GREETING, OPEN], 0, again=HOURS).question == ""


def test_the_first_words() -> None:
    greeted, owed = Resumed((GREETING,)), Resumed((GREETING,), HOURS)
    assert Resumed().texts(WORDS) == [WORDS.cut_off, *WORDS.opening]
    assert greeted.texts(WORDS) == [WORDS.cut_off, WORDS.go_ahead]
    assert owed.texts(WORDS) == [WORDS.cut_off, f"Вы спрашивали: {HOURS}."]
    assert Resumed((GREETING,), HOURS * 10).texts(WORDS) == [WORDS.cut_off]
    assert Resumed((GREETING,), "мой номер [телефон]").texts(WORDS) == [WORDS.cut_off]
    older: Prompts = replace(WORDS, cut_off="", you_asked="", go_ahead="")  # a folder of prompts of an older version
    assert greeted.texts(older) == [WORDS.error]
    assert owed.texts(older) == []


def test_the_question_is_said_again_and_answered() -> None:
    scene = Scene([Leaves(14)], resumed=Resumed((GREETING,), HOURS))

    assert scene.heard == [WORDS.cut_off, f"Вы спрашивали: {HOURS}.", "Мы работаем с девяти.", "Обед в час."]
    assert scene.speaks_from(0) <= 0.1
    assert Noted("adopted") in scene.events
    [said] = [event for event in scene.of(CallerSaid) if isinstance(event, CallerSaid)]
    assert (said.turn, said.text) == (1, HOURS)


def test_the_dialogue_is_remembered() -> None:
    begin = 7
    scene = Scene([Says(begin, "повторите"), Leaves(begin + 6)], resumed=Resumed((GREETING, ANSWERED)))

    assert scene.heard[:2] == [WORDS.cut_off, WORDS.go_ahead]
    assert scene.heard[2:] == [WORDS.repeat, ANSWERED.said]


def test_an_offer_of_before_can_be_taken() -> None:
    offered = replace(ANSWERED, said=WORDS.no_answer, heard=WORDS.no_answer)
    scene = Scene([Says(7, "да"), Leaves(14)], resumed=Resumed((GREETING, offered)), operator=True)

    assert scene.line.transfers == [""]
    assert scene.heard[-1] == WORDS.transfer


@pytest.mark.parametrize("broken", [{"broken_voice": True}, {"broken_ear": True}])
def test_who_was_cut_off_and_can_not_be_served_goes_to_a_person(broken: dict[str, bool]) -> None:
    owed = Resumed((GREETING,))
    scene = Scene([Says(7, HOURS), Leaves(20)], resumed=owed, operator=True, **broken)  # type: ignore[arg-type]

    assert scene.line.transfers == [""]


def test_the_longest_call_is_counted_from_its_beginning() -> None:
    scene = Scene([Presses(200, "1")], resumed=Resumed((GREETING,), position=50 * RATE), calls=Calls(max_minutes=1))

    assert scene.heard[-1] == WORDS.goodbye
    assert len(scene.line.mouth.wire) / 50 < 20


def test_how_far_a_speech_has_come_is_told_as_it_is_heard() -> None:
    scene = Scene([Says(8, HOURS), Leaves(14)])

    told = [event for event in scene.of(AgentSaying) if isinstance(event, AgentSaying) and event.turn == 1]
    [said] = [event for event in scene.of(AgentSaid) if isinstance(event, AgentSaid) and event.turn == 1]
    assert told
    assert all(said.heard.startswith(each.heard) for each in told)
    assert len({each.heard for each in told}) == len(told)
