"""The mouth has one owner, and what was heard is known to the word."""

from hypothesis import given
from hypothesis import strategies as st

from agent.playout import Playout
from tests.fakes.line import STEP, FakeMouth, stamp


def test_heard_grows_with_what_was_played() -> None:
    mouth = FakeMouth()
    playout = Playout(mouth)
    speech = playout.begin()
    speech.open_sentence("Один два три четыре.")
    speech.push(stamp(1, STEP * 4))
    speech.close_sentence()
    assert speech.heard.text == ""

    mouth.tick()
    mouth.tick()

    assert speech.heard.text == "Один два"
    assert not speech.heard.complete
    mouth.tick()
    mouth.tick()
    assert speech.heard.text == "Один два три четыре."
    assert speech.heard.complete


def test_clear_silences_kills_the_handle_and_tells_what_was_heard() -> None:
    mouth = FakeMouth()
    playout = Playout(mouth)
    speech = playout.begin()
    speech.open_sentence("Первое.")
    speech.push(stamp(1, STEP))
    speech.close_sentence()
    speech.open_sentence("Второе предложение.")
    speech.push(stamp(2, STEP * 10))
    mouth.tick()

    heard = playout.clear()

    assert heard.text == "Первое."
    assert heard.said == "Первое. Второе предложение."
    assert not speech.alive
    assert not speech.push(stamp(2, STEP))
    mouth.tick()
    assert mouth.wire == [1, 0]
    assert not playout.audible


def test_a_paused_speech_is_still_audible_business() -> None:
    mouth = FakeMouth()
    playout = Playout(mouth)
    playout.begin().sentences.clear()
    playout.push(stamp(1, STEP * 2))
    playout.pause()
    mouth.tick()
    assert playout.audible
    playout.resume()
    mouth.tick()
    mouth.tick()
    assert not playout.audible
    assert mouth.wire == [0, 1, 1]


@given(st.lists(st.sampled_from(["push", "tick", "pause", "resume", "clear", "take"]), max_size=80))
def test_the_recording_gets_exactly_what_was_heard(steps: list[str]) -> None:
    mouth = FakeMouth()
    playout = Playout(mouth)
    taken = b""
    value = 0
    for step in steps:
        match step:
            case "push":
                value += 1
                playout.push(stamp(value, STEP + value % 3))
            case "tick":
                mouth.tick()
            case "take":
                taken += playout.take_played()
            case "clear":
                taken += playout.take_played()
                playout.clear()
                taken += playout.take_played()
            case _:
                getattr(playout, step)()
    taken += playout.take_played()

    assert len(taken) == 2 * mouth.played
    stamps = [int.from_bytes(taken[i : i + 2], "little") for i in range(0, len(taken), 2)]
    assert stamps == sorted(stamps)


def test_firm_while_a_firm_sentence_is_heard_or_paused() -> None:
    mouth = FakeMouth()
    playout = Playout(mouth)
    assert not playout.firm
    speech = playout.begin()
    speech.open_sentence("Разговор записывается.", firm=True)
    assert not playout.firm
    speech.push(stamp(1, STEP))
    assert playout.firm
    mouth.tick()
    assert playout.firm  # the voice is late: the sentence is not over
    speech.push(stamp(1, STEP))
    speech.close_sentence()
    playout.pause()
    assert playout.firm
    playout.resume()
    mouth.tick()
    assert not playout.firm
    speech.open_sentence("Слушаю.")
    speech.push(stamp(2, STEP))
    assert not playout.firm


def test_nothing_is_firm_after_a_cut_and_the_rest_of_an_earlier_reply_is() -> None:
    mouth = FakeMouth()
    playout = Playout(mouth)
    for _ in range(2):
        speech = playout.begin()
        speech.open_sentence("Разговор записывается.", firm=True)
        speech.push(stamp(1, STEP * 2))
        speech.close_sentence()
        playout.begin()
        assert playout.firm
        playout.clear()
        assert not playout.firm
    playout.begin().open_sentence("Оборвано.", firm=True)
    playout.speech.push(stamp(1, STEP))  # type: ignore[union-attr]
    playout.begin()
    assert not playout.firm  # its voice died with it, nobody would end it


def test_a_breath_belongs_to_no_sentence() -> None:
    mouth = FakeMouth()
    playout = Playout(mouth)
    speech = playout.begin()
    speech.open_sentence("Раз.")
    speech.push(stamp(1, STEP))
    speech.close_sentence()
    assert speech.wants_breath
    speech.push(stamp(0, STEP))
    assert not speech.wants_breath
    mouth.tick()
    assert speech.heard.complete
    assert speech.heard.samples == STEP
