"""Speech given ahead to a far side that paces by itself (Asterisk's chan_websocket), and how much of it was played.

Pure. Commands and audio go out through two callables; what came back, and the shared clock's ticks, go in.
Source: channels/chan_websocket.c of 22.9 and later, checked on 22.10.1:

* only whole 20 ms frames are sent, so the driver never has a remainder to lose, and needs no buffering commands;
* a mark comes back when the frame before it was handed on; a position between marks is counted by ticks and never
  passes a mark that has not come back;
* after ``PAUSE_MEDIA`` the driver's queue length tells the exact position;
* ``FLUSH_MEDIA`` drops queued marks too and does not end a pause: ``CONTINUE_MEDIA`` follows it;
* beyond 900 frames the driver asks to wait, beyond 1,000 it drops: we stay below and feed as it plays.
"""

import json
from collections import deque
from collections.abc import Callable

from audio.frame import FRAME_MS, SAMPLE_BYTES, frame_bytes

MESSAGE_FRAMES = 24
"""Frames in one message: 7,680 bytes at 8 kHz (the driver gives up on larger ones that arrive in pieces)."""
MARK_FRAMES = 96
"""Frames between two marks, 1.9 s, in which no two clocks drift apart by a frame; each mark costs a message each way,
and the count waits for it."""
WINDOW_FRAMES = 600
"""Frames that may wait in the driver: 12 s; it says stop at 900."""
LOW_FRAMES = 2
"""With this little left to play an unfinished frame is filled up with silence and sent, frames."""
STUCK_TICKS = 50
"""No mark for so long although one is due: the driver is asked where it is, ticks of 20 ms."""


class WebSocketMouth:
    """An ``agent.ports.Mouth``. Positions inside are frames since the last ``clear`` (an epoch)."""

    def __init__(self, rate: int, command: Callable[[str], None], audio: Callable[[bytes], None]) -> None:
        self._command, self._audio = command, audio
        self._size = frame_bytes(rate)
        self._frame_samples = rate * FRAME_MS // 1000
        self._held = bytearray()
        self._paused = self._full = False
        self._cleared_at = 0
        self._asked: deque[tuple[int, int]] = deque()
        self._epoch = 0
        self._start_epoch()

    def _start_epoch(self) -> None:
        self._sent = self._left = self._marked = self._stuck = 0
        self._marks: deque[int] = deque()
        self._pads: deque[tuple[int, int]] = deque()
        self._padding = 0

    @property
    def played(self) -> int:
        """Samples of all audio given to ``play`` that were played so far; cleared ones and padding not counted."""
        return self._cleared_at + self._left * self._frame_samples - self._padding

    @property
    def queued(self) -> int:
        """Samples given and not yet played (padding counted)."""
        return (self._sent - self._left) * self._frame_samples + len(self._held) // SAMPLE_BYTES

    @property
    def rests(self) -> bool:
        """There is nothing to play: until something is given, ``tick`` does nothing."""
        return self._left == self._sent and not self._held

    def play(self, pcm: bytes) -> None:
        """Queue PCM16 mono; half a sample at the end is padded with zero."""
        self._held += pcm
        if len(pcm) % SAMPLE_BYTES:
            self._held.append(0)
        self._feed()

    def pause(self) -> None:
        """Stop at once, keep the queue."""
        if not self._paused:
            self._paused = True
            self._say("PAUSE_MEDIA")
            self._ask()

    def resume(self) -> None:
        """Go on from where ``pause`` stopped."""
        if self._paused:
            self._paused = False
            self._say("CONTINUE_MEDIA")
            self._feed()

    def clear(self) -> None:
        """Drop the queue, end a pause."""
        if self._left < self._sent or self._marks:
            self._say("FLUSH_MEDIA")
        if self._paused:
            self._say("CONTINUE_MEDIA")
        self._held.clear()
        self._paused = self._full = False
        self._cleared_at = self.played
        self._epoch += 1
        self._start_epoch()

    def tick(self, periods: int) -> None:
        """The shared clock: ``periods`` times 20 ms have passed."""
        left, sent = self._left, self._sent
        if self._paused or (left == sent and not self._held):
            return
        if left < sent:
            limit = self._marks[0] if self._marks else sent
            if left >= limit or self._pads:
                self._watch(limit, periods)
                self._reach(min(left + periods, limit))
            else:  # what nearly always is
                self._left, self._stuck = min(left + periods, limit), 0
        if self._held:
            self._feed()
            self._finish_frame()
        if self._marked < self._sent:
            self._mark()

    def hear(self, text: str) -> None:
        """Take one of the driver's messages; raises ``ValueError`` when it can't be read."""
        message = json.loads(text)
        if not isinstance(message, dict):
            raise ValueError("a media event is no object")
        event = message.get("event")
        if event == "MEDIA_MARK_PROCESSED":
            self._hear_mark(str(message.get("correlation_id", "")))
        elif event == "STATUS":
            self._hear_status(message.get("queue_length"))
        elif event in {"MEDIA_XOFF", "MEDIA_XON"}:
            self._full = event == "MEDIA_XOFF"

    def _hear_mark(self, mark: str) -> None:
        epoch, _, place = mark.partition(".")
        if epoch == str(self._epoch) and place.isdecimal():
            position = min(int(place), self._sent)
            while self._marks and self._marks[0] <= position:
                self._marks.popleft()
            self._reach(position)

    def _hear_status(self, queue_length: object) -> None:
        if not self._asked:
            return
        epoch, sent = self._asked.popleft()
        if epoch == self._epoch and isinstance(queue_length, int) and 0 <= queue_length <= sent:
            position = sent - queue_length
            while self._marks and (self._marks[0] < position or self._marks[0] == position == self._sent):
                self._marks.popleft()
            self._reach(position)

    def _reach(self, position: int) -> None:
        """So much was played; never backwards."""
        if position > self._left:
            self._left = position
            self._stuck = 0
        while self._pads and self._pads[0][0] <= self._left:
            self._padding += self._pads.popleft()[1]

    def _watch(self, limit: int, periods: int) -> None:
        """A mark that never comes must not stop the count for ever."""
        self._stuck = self._stuck + periods if self._left >= limit else 0
        if self._stuck >= STUCK_TICKS:
            self._stuck = 0
            self._ask()

    def _feed(self) -> None:
        while not self._paused and not self._full:
            whole = min(MESSAGE_FRAMES, len(self._held) // self._size)
            if not whole or self._sent - self._left > WINDOW_FRAMES - whole:
                return  # also where there is room for less than a whole message: each costs one, and a mark
            self._send(whole)
            if self._sent - self._marked >= MARK_FRAMES:
                self._mark()

    def _finish_frame(self) -> None:
        if 0 < len(self._held) < self._size and self._sent - self._left <= LOW_FRAMES and not self._full:
            missing = (self._size - len(self._held)) // SAMPLE_BYTES
            self._held += bytes(missing * SAMPLE_BYTES)
            self._pads.append((self._sent + 1, missing))
            self._send(1)

    def _send(self, frames: int) -> None:
        if self._left == self._sent and not self._marks:
            self._mark()  # comes back when the first frame is taken: from there on ticks count
        piece = bytes(self._held[: frames * self._size])
        del self._held[: len(piece)]
        self._audio(piece)
        self._sent += frames

    def _mark(self) -> None:
        self._marks.append(self._sent)
        self._marked = self._sent
        self._command(f'{{"command":"MARK_MEDIA","correlation_id":"{self._epoch}.{self._sent}"}}')

    def _ask(self) -> None:
        self._asked.append((self._epoch, self._sent))
        self._say("GET_STATUS")

    def _say(self, command: str) -> None:
        self._command(f'{{"command":"{command}"}}')
