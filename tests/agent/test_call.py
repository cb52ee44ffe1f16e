"""Whole conversations over a scripted line on a jumping clock: the real core, fake engines."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest

from agent.answer import Answers, Minds
from agent.call import Call
from agent.events import AgentSaid, CallEnded, CallerSaid, CallEvent, Noted, PassagesFound, Stage, StageReached
from agent.house import House
from agent.intents import load_intents
from agent.language.completeness import completeness
from agent.listening import Ears
from agent.ports import LanguageModel, Passage
from agent.prompts import Prompts, load_prompts
from agent.replaying.virtual_time import play
from agent.resuming import Resumed
from agent.settings import Calls, Turns
from tests.fakes.engines import FakeMind, FakeRetriever, FakeStt, FakeVoice, StampDetector
from tests.fakes.line import FakeLine, Leaves, Presses, Says, Stalls, Step

PROMPTS = Path(__file__).parents[2] / "prompts"
HOURS = Passage("general", "Часы", "Мы работаем с девяти. Обед в час.", 0.9)
WORDS = load_prompts(PROMPTS, "ru")
GREETING_S = len(WORDS.greeting) * 0.06
WHOLE, UNSURE, OPEN = 0.24 + 0.1, 0.53 + 0.1, 0.9 + 0.1
"""Seconds from the end of speech to the first frame of an answer, at most, by how finished the words sound."""


@dataclass
class Scene:
    """One call, played to its end."""

    script: Sequence[Step]
    minds: Minds = field(
        default_factory=lambda: Minds(FakeMind({"когда вы работаете": ["Мы работаем с девяти. ", "Обед в час. "]}))
    )
    turns: Turns = field(default_factory=Turns)
    calls: Calls = field(default_factory=Calls)
    operator: bool = False
    broken_ear: bool = False
    broken_voice: bool = False
    slow_voice_s: float = 0.005
    words: Prompts = WORDS
    passages: tuple[Passage, ...] = (HOURS,)
    events: list[CallEvent] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    """Parts of the house that are other than usual."""
    resumed: Resumed | None = None
    """Where the call was when another process ended."""

    def __post_init__(self) -> None:
        self.line = FakeLine(self.script, operator=self.operator)
        self.voice = FakeVoice(self.broken_voice, self.words.spoken, self.slow_voice_s)
        answers = Answers(FakeRetriever(self.passages), self.minds, self.words, load_intents(PROMPTS, "ru"), str)
        self.house = House(
            stt=FakeStt(self.line.texts, self.broken_ear),
            voice=self.voice,
            answers=answers,
            prompts=self.words,
            words=str,
            finished=lambda text, _said: "complete" if answers.is_command(text) else completeness(text, "ru"),
            ears=Ears(lambda _rate: StampDetector()),
            language="ru",
            turns=self.turns,
            calls=self.calls,
            observe=lambda _id, event: self.events.append(event),
            **self.changes,
        )
        play(self._run(Call(self.line, self.house, self.resumed)))

    async def _run(self, call: Call) -> None:
        async with asyncio.timeout(600):
            await call.run()

    def of(self, kind: type) -> list[CallEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def heard(self) -> list[str]:
        """Sentences audible on the wire, in order."""
        return self.voice.heard_on(self.line.mouth.wire)

    @property
    def ended(self) -> CallEvent:
        return self.events[-1]

    def audible_at(self, seconds: float) -> bool:
        return bool(self.line.mouth.wire[round(seconds * 50)])

    def silent_from(self, seconds: float) -> float:
        """When the agent falls silent after ``seconds``."""
        wire = self.line.mouth.wire
        start = round(seconds * 50)
        return next(n for n in range(start, len(wire)) if not wire[n]) / 50

    def speaks_from(self, seconds: float) -> float:
        """When the agent is audible again after ``seconds``."""
        wire = self.line.mouth.wire
        start = round(seconds * 50)
        return next(n for n in range(start, len(wire)) if wire[n]) / 50


def test_the_greeting_is_the_first_thing_heard() -> None:
    scene = Scene([Leaves(GREETING_S + 1)])

    assert scene.heard == [WORDS.greeting]
    assert scene.speaks_from(0) <= 0.1
    assert scene.of(AgentSaid) == [AgentSaid(0, WORDS.greeting, WORDS.greeting, cut=False, source="")]
    assert scene.ended == CallEnded("completed", "caller")


def test_a_question_is_answered_in_sentences_from_the_passages() -> None:
    ask = GREETING_S + 1
    scene = Scene([Says(ask, "когда вы работаете"), Leaves(ask + 6)])

    assert scene.heard[1:] == ["Мы работаем с девяти.", "Обед в час."]
    assert scene.speaks_from(ask + 1) - (ask + 1) <= WHOLE
    [said] = [event for event in scene.of(AgentSaid) if isinstance(event, AgentSaid) and event.turn == 1]
    assert said == AgentSaid(
        1, "Мы работаем с девяти. Обед в час.", "Мы работаем с девяти. Обед в час.", cut=False, source="general"
    )
    [found] = [event for event in scene.of(PassagesFound) if isinstance(event, PassagesFound)]
    assert (found.turn, found.passages[0].base) == (1, "general")
    [asked] = [event for event in scene.of(CallerSaid) if isinstance(event, CallerSaid)]
    later = {event.stage: event.position for event in scene.of(StageReached) if isinstance(event, StageReached)}
    assert set(asked.reached) | set(later) == set(get_args(Stage))
    assert asked.reached["first_sentence"] < asked.reached["turn_end"], "the reply was begun before the turn was over"
    assert Noted("speculation", "hit") in scene.events
    assert later["first_packet"] - later["first_audio"] <= 160
    assert later["heard"] > later["first_packet"]


def test_an_interruption_stops_the_agent_and_is_answered() -> None:
    minds = Minds(
        FakeMind(
            {
                "когда вы работаете": ["Очень длинный ответ про часы работы и обед. "],
                "сколько стоит пресс": ["Миллион. "],
            }
        )
    )
    ask = GREETING_S + 1
    cut = ask + 2.5
    scene = Scene([Says(ask, "когда вы работаете"), Says(cut, "сколько стоит пресс"), Leaves(cut + 5)], minds)

    assert scene.audible_at(cut - 0.02)
    assert scene.silent_from(cut) - cut <= 0.16
    assert scene.heard[-1] == "Миллион."
    first, second = [e for e in scene.of(AgentSaid) if isinstance(e, AgentSaid) and e.turn]
    assert isinstance(first, AgentSaid)
    assert first.cut
    assert 0 < len(first.heard) < len(first.said)
    assert second.heard == "Миллион."


def test_sustained_speech_that_nobody_understood_takes_the_turn_and_is_asked_for_again() -> None:
    scene = Scene([Says(2.0, "", 0.5), Leaves(GREETING_S + 6)])

    assert Noted("interruption") in scene.events
    assert Noted("resumed") not in scene.events
    assert scene.heard[-1] == WORDS.unclear


def test_a_cough_pauses_the_agent_who_then_loses_no_word() -> None:
    cough = 2.0
    scene = Scene([Says(cough, "", 0.2), Leaves(GREETING_S + 3)])

    assert scene.silent_from(cough) - cough <= 0.16
    assert scene.speaks_from(cough + 0.2) - cough <= 0.8
    assert sum(value == 1000 for value in scene.line.mouth.wire) == len(WORDS.greeting) * 3
    assert Noted("resumed") in scene.events
    assert AgentSaid(0, WORDS.greeting, WORDS.greeting, cut=False, source="") in scene.events


def test_a_backchannel_does_not_take_the_turn() -> None:
    scene = Scene([Says(2.0, "угу", 0.2), Leaves(GREETING_S + 3)])

    assert Noted("resumed") in scene.events
    assert scene.heard == [WORDS.greeting]


def test_a_short_word_over_the_agent_is_an_interruption() -> None:
    scene = Scene([Says(2.0, "стоп", 0.24), Leaves(8)])

    assert Noted("interruption") in scene.events
    assert scene.heard[-1] == "Слушаю вас."


def test_words_said_before_the_answer_was_heard_belong_to_one_question() -> None:
    ask = GREETING_S + 1
    slow = Minds(FakeMind({"когда вы работаете": ["Мы работаем с девяти. "]}))
    scene = Scene([Says(ask, "когда вы"), Says(ask + 1.42, "работаете"), Leaves(ask + 6)], slow)

    said = [event.text for event in scene.of(CallerSaid) if isinstance(event, CallerSaid)]
    assert said[-1] == "когда вы работаете"
    assert scene.heard[-1] == "Мы работаем с девяти."


def test_a_caller_who_looks_for_a_word_is_waited_for() -> None:
    ask = GREETING_S + 1
    minds = Minds(
        FakeMind({"мне нужен пресс на сто килоньютон": ["Миллион. "], "нас интересует поставка": ["Хорошо. "]})
    )
    parts = [Says(ask, "мне нужен пресс на"), Says(ask + 1.7, "сто килоньютон")]
    hesitating = Scene([*parts, Leaves(ask + 6)], minds)
    unclear = Scene([Says(ask, "нас интересует поставка"), Leaves(ask + 4)], minds)

    assert [event.text for event in hesitating.of(CallerSaid) if isinstance(event, CallerSaid)] == [
        "мне нужен пресс на сто килоньютон"
    ]
    assert hesitating.heard[1:] == ["Миллион."]
    assert WHOLE < unclear.speaks_from(ask + 1) - (ask + 1) <= UNSURE


def test_a_request_that_lacks_its_object_is_waited_for() -> None:
    ask = GREETING_S + 1
    minds = Minds(FakeMind({"соедините с начальником склада": ["Его нет. "]}))
    scene = Scene([Says(ask, "соедините"), Says(ask + 1.8, "с начальником склада"), Leaves(ask + 6)], minds)

    heard = [event.text for event in scene.of(CallerSaid) if isinstance(event, CallerSaid)]
    assert heard == ["соедините с начальником склада"]


@pytest.mark.parametrize("at", [0.5, 0.9, 1.0, 1.1, 1.2])
def test_audio_that_comes_late_and_all_at_once_loses_no_word(at: float) -> None:
    ask = GREETING_S + 1
    minds = Minds(FakeMind({"когда вы работаете": ["С девяти. "], "сколько стоит пресс": ["Миллион. "]}))
    late = Stalls(ask + at, 1.5)
    script: list[Step] = [Says(ask, "когда вы работаете"), late, Says(ask + 5, "сколько стоит пресс"), Leaves(ask + 10)]
    scene = Scene(script, minds)

    assert [event.text for event in scene.of(CallerSaid) if isinstance(event, CallerSaid)] == [
        "когда вы работаете",
        "сколько стоит пресс",
    ]


def test_silence_is_broken_twice_then_comes_the_goodbye() -> None:
    scene = Scene([], turns=Turns(reprompt_s=3))

    assert scene.heard == [WORDS.greeting, *WORDS.reprompts, WORDS.goodbye]
    assert scene.ended == CallEnded("completed", "agent")


def test_the_operator_is_a_word_or_a_key_away() -> None:
    by_word = Scene([Says(GREETING_S + 1, "соедините с оператором"), Leaves(60)], operator=True)
    by_key = Scene([Presses(1.0, "0"), Leaves(60)], operator=True)

    for scene in (by_word, by_key):
        assert scene.heard[-1] == WORDS.transfer
        assert scene.line.transfers == [""]
        assert scene.ended == CallEnded("transferred", "transfer")


def test_a_refused_transfer_is_told_and_the_call_goes_on() -> None:
    scene = Scene([Presses(1.0, "0"), Says(14.0, "когда вы работаете"), Leaves(20)])

    assert WORDS.transfer_unavailable in scene.heard
    assert scene.heard[-1] == "Обед в час."


def test_not_knowing_offers_the_operator_and_yes_means_him() -> None:
    ask = GREETING_S + 1
    scene = Scene([Says(ask, "кто выиграл выборы"), Says(ask + 8, "да"), Leaves(60)], operator=True, passages=())

    assert scene.heard[1:] == [WORDS.no_answer, WORDS.transfer]
    assert scene.line.transfers == [""]


def test_a_stalled_model_is_replaced_within_the_turn() -> None:
    extractive = FakeMind({"когда вы работаете": ["С девяти. "]})
    for stalled in (FakeMind({"когда вы работаете": [60.0, "Поздно. "]}), FakeMind({"когда вы работаете": ["!"]})):
        model: LanguageModel = stalled
        ask = GREETING_S + 1
        scene = Scene([Says(ask, "когда вы работаете"), Leaves(ask + 8)], Minds(extractive, model, 2.5))

        assert [said for said in scene.heard[1:] if said not in WORDS.fillers] == ["С девяти."]
        stamp = 1000 + scene.voice.spoken.index("С девяти.")
        assert scene.line.mouth.wire.index(stamp) / 50 - (ask + 1) <= WHOLE + 2.6


def test_a_model_that_dies_in_mid_answer_keeps_what_it_said() -> None:
    model = FakeMind({"когда вы работаете": ["Мы работаем с девяти. ", "Обед ", "!"]})
    ask = GREETING_S + 1
    scene = Scene([Says(ask, "когда вы работаете"), Leaves(ask + 6)], Minds(FakeMind({}), model))

    assert scene.heard[1:] == ["Мы работаем с девяти."]


def test_hanging_up_ends_everything_at_once() -> None:
    ask = GREETING_S + 1
    slow = Minds(FakeMind({}), FakeMind({"когда вы работаете": [60.0, "Поздно. "]}), 30)
    scene = Scene([Says(ask, "когда вы работаете"), Leaves(ask + 3)], slow)

    assert scene.ended == CallEnded("completed", "caller")
    assert len(scene.line.mouth.wire) <= (ask + 3.2) * 50


def test_a_caller_who_left_before_the_answer_is_recorded_as_abandoned() -> None:
    scene = Scene.__new__(Scene)
    scene.events = []
    line = FakeLine([], gone=True)
    prompts, intents = WORDS, load_intents(PROMPTS, "ru")
    house = House(
        stt=FakeStt({}),
        voice=FakeVoice(),
        answers=Answers(FakeRetriever(), Minds(FakeMind({})), prompts, intents, str),
        prompts=prompts,
        words=str,
        finished=lambda _text, _said: "unsure",
        ears=Ears(lambda _rate: StampDetector()),
        language="ru",
        turns=Turns(),
        calls=Calls(),
        observe=lambda _id, event: scene.events.append(event),
    )

    play(Call(line, house).run())

    assert scene.ended == CallEnded("abandoned", "cancelled")


def test_a_deaf_recogniser_apologises_then_gives_the_caller_to_a_person() -> None:
    first, second = GREETING_S + 1, GREETING_S + 10
    scene = Scene([Says(first, "алло"), Says(second, "алло"), Leaves(60)], operator=True, broken_ear=True)

    assert scene.heard == [WORDS.greeting, WORDS.error, WORDS.transfer]
    assert scene.line.transfers == [""]


def test_where_there_is_no_person_the_caller_is_told_before_the_end() -> None:
    first, second = GREETING_S + 1, GREETING_S + 10
    scene = Scene([Says(first, "алло"), Says(second, "алло"), Leaves(60)], broken_ear=True)

    assert scene.heard == [WORDS.greeting, WORDS.error, WORDS.transfer, WORDS.closing]
    assert scene.ended == CallEnded("completed", "agent")


def test_without_a_voice_the_caller_is_given_to_a_person_at_once() -> None:
    scene = Scene([Leaves(60)], operator=True, broken_voice=True)

    assert scene.line.transfers == [""]
    assert scene.ended == CallEnded("transferred", "transfer")


def test_the_longest_call_ends_with_a_goodbye() -> None:
    scene = Scene([], calls=Calls(max_minutes=0.2), turns=Turns(reprompt_s=60))

    assert scene.heard[-1] == WORDS.goodbye
    assert scene.ended == CallEnded("completed", "agent")


def test_repeat_says_the_last_answer_again() -> None:
    ask = GREETING_S + 1
    again = ask + 6
    scene = Scene(
        [
            Says(ask, "когда вы работаете"),
            Says(again, "повторите пожалуйста"),
            Says(again + 8, "повторите"),
            Leaves(again + 15),
        ]
    )

    said = [event.said for event in scene.of(AgentSaid) if isinstance(event, AgentSaid)]
    answer = "Мы работаем с девяти. Обед в час."
    assert said[1:] == [answer, f"{WORDS.repeat} {answer}", f"{WORDS.repeat} {answer}"]
