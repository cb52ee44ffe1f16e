"""The PCM port's two directions, by hand: whose clock, what is missing, what comes late, what is broken."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from audio.level import tone
from telephony.inbox import Inbox
from telephony.modem_audio import AHEAD, AHEAD_MOST, DEAD, FULL, LATE, ModemAudio

BLOCK = 320


class Port:
    """A port that takes everything, or nothing."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.broken: list[str] = []
        self.inbox = Inbox(8000)
        self.audio = ModemAudio(8000, self.inbox, self.written.append, lambda: self.waiting, self.broken.append)

    def frames(self) -> list[bytes]:
        """What the line delivered so far."""
        return [self.inbox._queue[i].pcm for i in range(len(self.inbox))]  # type: ignore[union-attr]


@given(st.lists(st.integers(0, 3200), max_size=20))
def test_a_block_goes_out_for_each_that_comes_in_however_the_bytes_are_cut(cuts: list[int]) -> None:
    port, pcm = Port(), tone(440, 200, 8000)
    port.audio.mouth.play(tone(300, 20 * (10 + AHEAD), 8000))
    borders = [0, *sorted(cuts), len(pcm)]
    for start, end in itertools.pairwise(borders):
        port.audio.hear(pcm[start:end])
    assert b"".join(port.frames()) == pcm
    said = tone(300, 20 * (10 + AHEAD), 8000)
    assert b"".join(port.written) == said + bytes(BLOCK * (port.audio.ahead - AHEAD))
    assert len(port.written) == len(pcm) // BLOCK + port.audio.ahead
    assert port.audio.mouth.played == len(said) // 2


def test_who_was_late_or_has_a_modem_that_gives_much_at_once_gives_more_in_advance_between_words() -> None:
    port = Port()
    port.audio.hear(bytes(BLOCK))
    assert (len(port.written), port.audio.ahead) == (1 + AHEAD, AHEAD)
    port.audio.mouth.play(tone(300, 100, 8000))
    port.audio.hear(bytes(3 * BLOCK))
    assert port.audio.ahead == AHEAD, "not in the middle of a word"
    port.audio.hear(bytes(2 * BLOCK))
    port.audio.hear(bytes(BLOCK))
    assert (len(port.written), port.audio.ahead) == (7 + 4, 4)
    for _ in range(5):
        port.audio.hear(bytes(30 * BLOCK))
    assert port.audio.ahead == AHEAD_MOST
    assert len(port.written) == 157 + AHEAD_MOST


def test_what_is_missing_is_silence_in_real_time_and_what_comes_later_is_dropped() -> None:
    port = Port()
    for _ in range(50):
        port.audio.tick(1)
        port.audio.hear(b"\1\0" * 160)
    for _ in range(LATE + 30):
        port.audio.tick(1)
    assert len(port.frames()) == 50 + 30
    for _ in range(LATE + 30):  # the stall was the port's: all of it comes at once
        port.audio.hear(b"\1\0" * 160)
    kept = LATE + LATE + 1  # a little ahead of our clock is no harm: two crystals never agree
    assert (port.audio.filled, port.audio.late) == (30, LATE + 30 - kept)
    assert len(port.frames()) == 50 + 30 + kept
    assert port.frames()[60] == bytes(BLOCK)


def test_a_lost_byte_does_not_turn_all_that_follows_into_noise() -> None:
    port = Port()
    port.audio.hear(b"\1\2\3")
    port.audio.tick(2)
    port.audio.hear(tone(440, 100, 8000))
    port.audio.hear(bytes(BLOCK))
    assert b"".join(port.frames())[2 : 2 + 1600] == tone(440, 100, 8000)


def test_a_sample_that_is_cut_in_two_is_joined() -> None:
    port = Port()
    pcm = tone(440, 20, 8000)
    port.audio.hear(pcm[:101])
    port.audio.tick(1)
    port.audio.hear(pcm[101:])
    assert port.frames() == [pcm]


def test_a_port_that_gives_nothing_is_told_once_and_only_after_it_was_switched_on() -> None:
    port = Port()
    for _ in range(DEAD * 2):
        port.audio.tick(1)
    assert port.broken == []
    port.audio.on = True
    for _ in range(DEAD * 2):
        port.audio.tick(1)
    assert port.broken == ["deaf"]
    assert len(port.frames()) == min(250, DEAD * 4 - LATE)


def test_a_port_that_takes_nothing_keeps_the_speech_and_is_told() -> None:
    port = Port()
    port.waiting = FULL * BLOCK
    port.audio.on = True
    port.audio.mouth.play(tone(300, 5000, 8000))
    for _ in range(DEAD + 10):
        port.audio.tick(1)
        port.audio.hear(bytes(BLOCK))
    assert (port.broken, port.audio.mouth.played, port.written) == (["dumb"], 0, [])
