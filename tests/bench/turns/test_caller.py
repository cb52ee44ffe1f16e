"""The scripted caller by ear: what it waits for, when it speaks, what its line adds."""

import numpy as np
import pytest

from bench.ear_sounds import EchoPath
from bench.turns.caller import Caller, Reflection
from bench.turns.scripts import Cue, Echo, Script, Span, Step
from telephony.phone_script import FRAME, RATE

LOUD = (np.sin(np.arange(FRAME) / 3) * 8000).astype("<i2").tobytes()
QUIET = bytes(FRAME * 2)
WORD = (np.ones(10 * FRAME) * 5000).astype("<i2").tobytes()


def caller(*steps: tuple[Cue, int], leave: str = "rest", background: float = -99.0) -> Caller:
    made = tuple(Step("w", cue, (Span("speech", 0, 10 * FRAME, "да"),), delay) for cue, delay in steps)
    return Caller(Script("x", "question", "ru", "", made, leave, background, 1), {"w": WORD})  # type: ignore[arg-type]


def spoke_at(one: Caller, heard: str) -> list[int]:
    """``#`` is a second of the agent, ``.`` a second of silence; frames at which steps began."""
    for second in heard:
        for _ in range(50):
            one.step(LOUD if second == "#" else QUIET)
    return [played.frame for played in one.played]


def test_waits_until_the_greeting_is_over() -> None:
    assert spoke_at(caller(("silent", 0)), "##..") == [145]


def test_talks_into_the_answer_at_its_moment() -> None:
    assert spoke_at(caller(("silent", 0), ("into", 500)), "#..###") == [95, 175]


def test_a_sound_in_the_silence_and_another_after_it() -> None:
    first, second = spoke_at(caller(("hush", 1200), ("hush", 2000)), "#......")
    assert first == 110
    assert second == first + 10 + 100


def test_does_not_talk_into_an_answer_that_does_not_come() -> None:
    assert len(spoke_at(caller(("silent", 0), ("into", 500)), "#.....")) == 1


def test_leaves_a_moment_after_the_reply_began() -> None:
    one = caller(("silent", 0), leave="reply")
    spoke_at(one, "#..#")
    assert not one.done
    spoke_at(one, "#")
    assert one.done


def test_a_pause_of_the_agent_is_not_its_end() -> None:
    one = caller(("silent", 0))
    spoke_at(one, "#..#..#..")
    assert not one.done
    spoke_at(one, ".")
    assert one.done


def test_the_background_is_as_loud_as_the_script_says() -> None:
    one = caller(("silent", 0), background=-50.0)
    sent = np.frombuffer(b"".join(one.step(QUIET) for _ in range(40)), dtype="<i2") / 32768
    assert 20 * np.log10(np.sqrt(np.mean(sent**2))) == pytest.approx(-50, abs=0.5)


def test_the_echo_comes_late_and_as_softly_as_it_should() -> None:
    dice = np.random.default_rng(3)
    played = np.convolve(dice.standard_normal(RATE), np.ones(4) / 4, "same") * 0.2
    reflection = Reflection(Echo(-20.0, 100, 4), played)
    rows = np.append(played, np.zeros(RATE)).reshape(-1, FRAME)
    echo = np.concatenate([reflection.push(row) for row in rows])
    assert not np.abs(echo[: RATE // 10]).max()
    assert np.abs(echo[RATE // 10 : RATE // 10 + FRAME]).max() > 0
    assert 10 * np.log10(np.sum(echo**2) / np.sum(played**2)) == pytest.approx(-20, abs=0.5)


def test_the_echo_made_frame_by_frame_is_that_of_the_whole() -> None:
    played = np.random.default_rng(5).standard_normal(RATE // FRAME * FRAME) * 0.05
    path = EchoPath(-15.0, 60.0, 9)
    reflection = Reflection(Echo(-15.0, 60, 9), played)
    streamed = np.concatenate([reflection.push(row) for row in played.reshape(-1, FRAME)])
    whole = path.echo(played)
    assert np.corrcoef(streamed, whole)[0, 1] > 0.999
