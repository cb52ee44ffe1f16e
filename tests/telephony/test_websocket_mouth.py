"""The mouth over chan_websocket, against a model of the driver's queue."""

import json
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.websocket_mouth import WINDOW_FRAMES, WebSocketMouth

FRAME = 320
"""Bytes of 20 ms."""


class Driver:
    """What chan_websocket.c does with its queue: one frame a tick, marks as it passes them."""

    def __init__(self) -> None:
        self.queue: deque[bytes | str] = deque()
        self.paused = False
        self.heard = bytearray()
        self.events: deque[str] = deque()
        self.most = 0
        self.dropped = 0

    def command(self, text: str) -> None:
        assert len(text) <= 128, "the driver takes no longer commands"
        message = json.loads(text)
        match message["command"]:
            case "MARK_MEDIA":
                self.queue.append(message["correlation_id"])
            case "PAUSE_MEDIA":
                self.paused = True
            case "CONTINUE_MEDIA":
                self.paused = False
            case "FLUSH_MEDIA":
                self.queue.clear()
            case "GET_STATUS":
                self._tell(event="STATUS", queue_length=self.frames())
            case other:
                raise AssertionError(other)

    def audio(self, pcm: bytes) -> None:
        assert len(pcm) % FRAME == 0
        assert 0 < len(pcm) <= 8000
        if self.frames() >= 1000:
            self.dropped += 1
            return
        self.queue.extend(pcm[i : i + FRAME] for i in range(0, len(pcm), FRAME))
        self.most = max(self.most, self.frames())

    def frames(self) -> int:
        return sum(isinstance(item, bytes) for item in self.queue)

    def tick(self) -> None:
        """20 ms: pass the marks at the head, hand on one frame."""
        while not self.paused and self.queue:
            item = self.queue.popleft()
            if isinstance(item, bytes):
                self.heard += item
                return
            self._tell(event="MEDIA_MARK_PROCESSED", correlation_id=item)

    def _tell(self, **event: object) -> None:
        self.events.append(json.dumps(event))


class Pair:
    """A mouth and a driver on one clock; the driver's news arrive within the tick."""

    def __init__(self) -> None:
        self.driver = Driver()
        self.mouth = WebSocketMouth(8000, self.driver.command, self.driver.audio)
        self.given = 0
        self.lowest = 0

    def play(self, samples: int) -> None:
        self.mouth.play(b"\x10\x20" * samples)
        self.given += samples

    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.driver.tick()
            self.deliver()
            self.mouth.tick(1)
            self.check()

    def deliver(self) -> None:
        while self.driver.events:
            self.mouth.hear(self.driver.events.popleft())

    def check(self) -> None:
        assert self.lowest <= self.mouth.played <= self.given, "never back, never more than was given"
        self.lowest = self.mouth.played


def test_everything_is_played_and_counted() -> None:
    pair = Pair()
    for samples in (1000, 7, 333, 20000, 1):
        pair.play(samples)
    pair.run(200)
    assert pair.mouth.played == 21341
    assert pair.mouth.queued == 0
    assert bytes(pair.driver.heard) == (b"\x10\x20" * 21341).ljust(-(-21341 // 160) * FRAME, b"\0")


def test_an_unfinished_frame_waits_for_more_but_not_for_ever() -> None:
    pair = Pair()
    pair.play(200)
    pair.play(120)
    pair.run(10)
    assert bytes(pair.driver.heard) == b"\x10\x20" * 320, "no hole inside the word"
    pair.play(80)
    pair.run(10)
    assert pair.mouth.played == 400


def test_an_odd_byte_is_padded() -> None:
    pair = Pair()
    pair.mouth.play(b"\x01\x02\x03")
    pair.given = 2
    pair.run(5)
    assert pair.mouth.played == 2
    assert bytes(pair.driver.heard[:4]) == b"\x01\x02\x03\x00"


def test_pause_keeps_and_resume_goes_on() -> None:
    pair = Pair()
    pair.play(16000)
    pair.run(20)
    pair.mouth.pause()
    pair.deliver()
    at_pause = pair.mouth.played
    assert at_pause == len(pair.driver.heard) // 2, "after a pause the position is exact"
    pair.run(50)
    assert pair.mouth.played == at_pause
    pair.mouth.resume()
    pair.run(100)
    assert pair.mouth.played == 16000
    assert len(pair.driver.heard) == 32000


def test_clear_drops_and_ends_a_pause() -> None:
    pair = Pair()
    pair.play(16000)
    pair.run(20)
    pair.mouth.pause()
    pair.deliver()
    pair.mouth.clear()
    heard = pair.mouth.played
    assert heard == len(pair.driver.heard) // 2
    pair.run(20)
    assert pair.mouth.played == heard
    assert pair.mouth.queued == 0
    pair.play(800)
    pair.run(20)
    assert pair.mouth.played == heard + 800


def test_speech_after_speech_without_a_gap_in_the_count() -> None:
    pair = Pair()
    for turn in range(1, 6):
        pair.play(1610)
        pair.run(40)
        assert pair.mouth.played == 1610 * turn


def test_long_speech_stays_inside_the_drivers_window() -> None:
    pair = Pair()
    pair.play(8000 * 60)
    pair.run(60 * 50 + 10)
    assert pair.mouth.played == 8000 * 60
    assert pair.driver.most <= WINDOW_FRAMES + 2
    assert pair.driver.dropped == 0


def test_a_far_side_that_stands_still_is_not_believed_to_play() -> None:
    pair = Pair()
    pair.play(16000)
    for _ in range(100):
        pair.mouth.tick(1)
    assert pair.mouth.played == 0


def test_a_lost_mark_is_made_good() -> None:
    pair = Pair()
    pair.play(1600)
    pair.run(3)
    for _ in range(30):
        pair.driver.tick()
        pair.driver.events.clear()
        pair.mouth.tick(1)
    pair.play(1600)
    pair.run(150)
    assert pair.mouth.played == 3200


def test_xoff_holds_back() -> None:
    pair = Pair()
    pair.mouth.hear('{"event":"MEDIA_XOFF"}')
    pair.play(16000)
    pair.run(5)
    assert pair.driver.most == 0
    pair.mouth.hear('{"event":"MEDIA_XON"}')
    pair.run(110)
    assert pair.mouth.played == 16000


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("play"), st.integers(0, 9000)),
            st.tuples(st.just("run"), st.integers(0, 40)),
            st.tuples(st.sampled_from(["pause", "resume", "clear"]), st.just(0)),
        ),
        max_size=25,
    )
)
def test_whatever_is_asked_the_count_stays_true(steps: list[tuple[str, int]]) -> None:
    pair = Pair()
    for what, amount in steps:
        if what == "play":
            pair.play(amount)
        elif what == "run":
            pair.run(amount)
        else:
            getattr(pair.mouth, what)()
        pair.check()
        assert abs(len(pair.driver.heard) // 2 - pair.mouth.played) <= 160 * (4 + sum(s[0] == "play" for s in steps))
    pair.mouth.clear()
    before = pair.mouth.played
    pair.play(1000)
    pair.run(30)
    assert pair.mouth.played == before + 1000
    assert not pair.driver.paused
