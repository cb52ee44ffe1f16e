"""A voice that dies away, beside what ``test_turns`` says of it."""

from tests.agent.test_turns import fades


def test_a_voice_that_stays_low_is_asked_about_again() -> None:
    assert fades([-20.0] * 20 + [-36.0] * 8) == [420, 480, 540]
