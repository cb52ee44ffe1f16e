"""A caller who murmurs on and on over the agent: it goes on, and is silent again where that becomes words."""

import pytest

from agent.answer import Minds
from agent.events import CallerSaid, Noted
from agent.language.backchannels import begun, murmured, without_half
from agent.turns import BargeIn, Decision, FalseStart, Interruption, Lull, Murmur, SpeechStarted, Sustained, TurnTaker
from audio.frame import AudioFrame
from tests.agent.test_call import GREETING_S, WORDS, Scene
from tests.fakes.engines import FakeMind
from tests.fakes.line import Leaves, Says

RATE = 8000
STEP = 160
PER_MS = RATE // 1000


class Caller:
    """Speaks over the agent frame by frame; ``hears`` what a recogniser would answer at once."""

    def __init__(self) -> None:
        self.taker = TurnTaker(RATE, barge_in=BargeIn(guard_ms=0))
        self.position = 0
        self.made: list[tuple[int, Decision]] = []
        """Decisions and when they were made, milliseconds."""

    def sounds(self, milliseconds: int, hears: str = "", speech: bool = True, audible: bool = True) -> None:
        """``hears``: empty: no word; ``murmur``; ``half``: with half a word behind it; ``none``: nothing like it for

        sure; ``words``, or ``unsure``: it may become either.
        """
        for _ in range(milliseconds // 20):
            frame = AudioFrame(bytes(2 * STEP), RATE, self.position)
            decision = self.taker.push(frame, speech, audible, busy=True)
            self.position = frame.end
            if decision is not None:
                self.made.append((frame.end // PER_MS, decision))
            if isinstance(decision, Sustained | Lull):
                self._tell(hears, decision)

    def _tell(self, hears: str, decision: Sustained | Lull) -> None:
        if hears in ("murmur", "half", "none"):
            self.taker.murmured(self.position, 0 if hears == "none" else 2, half=hears == "half")
        if hears and isinstance(decision, Sustained):
            self.taker.heard_words(self.position, backchannel=hears != "words")
        elif isinstance(decision, Lull):
            self.taker.dismissed(decision.position)

    @property
    def agent(self) -> list[tuple[int, str]]:
        """What the agent had to do, and when."""
        kinds = (SpeechStarted, Murmur, FalseStart, Interruption)
        return [(at, type(one).__name__) for at, one in self.made if isinstance(one, kinds)]


def test_the_agent_goes_on_over_a_long_murmur() -> None:
    caller = Caller()

    caller.sounds(1100, "murmur")
    caller.sounds(200, "murmur", speech=False)

    assert caller.agent == [(20, "SpeechStarted"), (600, "Murmur"), (1220, "FalseStart")]


def test_a_voice_of_which_nothing_is_understood_takes_the_turn_as_before() -> None:
    caller = Caller()

    caller.sounds(700)

    assert caller.agent == [(20, "SpeechStarted"), (600, "Interruption")]


def test_words_after_a_murmur_take_the_turn_at_once() -> None:
    caller = Caller()

    caller.sounds(640, "murmur")
    caller.sounds(200, "words")

    assert caller.agent == [(20, "SpeechStarted"), (600, "Murmur"), (740, "Interruption")]


def test_where_it_may_become_words_the_agent_is_silent_again_and_stays_so() -> None:
    caller = Caller()

    caller.sounds(640, "murmur")
    caller.sounds(320, "unsure")
    caller.sounds(200, "murmur")

    assert caller.agent[:2] == [(20, "SpeechStarted"), (600, "Murmur")]
    assert [(name, at - 640 <= 320) for at, name in caller.agent[2:]] == [("SpeechStarted", True)]


def test_half_a_word_more_lets_the_agent_go_on_a_little_later() -> None:
    caller = Caller()

    caller.sounds(1100, "half")

    assert caller.agent == [(20, "SpeechStarted"), (620, "Murmur")]


def test_what_is_no_murmur_for_sure_silences_the_agent_at_once() -> None:
    caller = Caller()
    caller.sounds(640, "murmur")

    caller.sounds(140, "none")

    assert caller.agent[2:] == [(740, "SpeechStarted")]


def test_each_word_of_a_murmur_may_last() -> None:
    caller = Caller()

    caller.sounds(1180, "murmur")
    caller.taker.murmured(caller.position, words=4)
    caller.sounds(400, "unsure")

    assert "Interruption" not in [name for _, name in caller.agent]


def test_a_murmur_in_pieces_stops_the_agent_once() -> None:
    caller = Caller()

    for _ in range(3):
        caller.sounds(300, "murmur")
        caller.sounds(300, "murmur", speech=False)

    names = [name for _, name in caller.agent]
    assert names == ["SpeechStarted", "FalseStart", "FalseStart", "FalseStart"]


@pytest.mark.parametrize(("gap", "longest"), [(300, 260), (600, 20)])
def test_another_voice_after_a_murmur_stops_the_agent(gap: int, longest: int) -> None:
    caller = Caller()
    caller.sounds(300, "murmur")
    caller.sounds(gap, "murmur", speech=False)
    onset = caller.position // PER_MS

    caller.sounds(500, "unsure")

    [*_, (at, name)] = caller.agent
    assert name == "SpeechStarted"
    assert at - onset <= longest


def test_a_murmur_that_outlasts_the_agents_last_word_is_no_turn() -> None:
    caller = Caller()
    caller.sounds(640, "murmur")

    caller.sounds(300, "murmur", audible=False)
    caller.sounds(200, "murmur", speech=False, audible=False)

    assert caller.agent[2:] == [(1060, "FalseStart")]


def test_in_a_call_the_agent_is_silent_for_600_ms_and_loses_no_word() -> None:
    began = 2.0
    scene = Scene([Says(began, "угу угу угу угу", 1.4), Leaves(GREETING_S + 3)])

    assert scene.silent_from(began) - began <= 0.16
    assert scene.speaks_from(began + 0.2) - began <= 0.7
    assert scene.silent_from(began + 0.7) >= GREETING_S
    assert scene.heard == [WORDS.greeting]
    assert scene.events.count(Noted("resumed")) == 1


def test_words_after_a_murmur_are_answered_whole() -> None:
    minds = Minds(FakeMind({"угу угу сколько стоит пресс": ["Миллион. "]}))

    scene = Scene([Says(2.0, "угу угу", 0.7), Says(2.7, "сколько стоит пресс"), Leaves(8)], minds)

    assert [event.text for event in scene.of(CallerSaid) if isinstance(event, CallerSaid)][-1].endswith("пресс")
    assert Noted("resumed") in scene.events
    assert Noted("interruption") in scene.events
    assert scene.silent_from(2.7) <= 3.1
    assert scene.heard[-1] == "Миллион."


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("ru", "угу угу", 2),
        ("ru", "ага", 1),
        ("ru", "угу а", 0),
        ("ru", "понятно и", 0),
        ("ru", "", 0),
        ("en", "uh huh", 2),
        ("en", "all okay", 2),
        ("en", "right so", 0),
    ],
)
def test_a_murmur_ends_with_no_word_that_begins_a_question(language: str, text: str, words: int) -> None:
    assert murmured(text, language) == words


@pytest.mark.parametrize(
    ("language", "text", "murmur"),
    [
        ("ru", "ага понятно по не", "ага понятно"),
        ("ru", "ясно я", "ясно"),
        ("ru", "понятно а", ""),
        ("ru", "ясно рубль", ""),
        ("ru", "да но", ""),
        ("ru", "угу", ""),
        ("en", "okay o", "okay"),
        ("en", "right what", ""),
    ],
)
def test_half_a_word_behind_a_murmur_may_be_another(language: str, text: str, murmur: str) -> None:
    assert without_half(text, language) == murmur


@pytest.mark.parametrize(("text", "more"), [("угу а", True), ("а", False), ("угу", False), ("а да а да", False)])
def test_behind_a_conjunction_more_must_follow(text: str, more: bool) -> None:
    assert begun(text, "ru") is more
