"""The short way of a call's frames: while the agent neither speaks nor thinks nor is heard, only the caller matters."""

from collections.abc import Sequence

from agent.gathered import Gathered
from agent.listening import Listening
from agent.recording import Keeping
from agent.trace import Trace
from agent.turns import Decision
from audio.frame import AudioFrame


class Stillness:
    """What a frame of the caller is worth while ``now``; the outcome is the same as on the long way."""

    def __init__(self, listening: Listening, trace: Trace) -> None:
        """Both are the call's."""
        self._listening, self._trace = listening, trace
        self.recording: Keeping | None = None
        """Where both sides go."""
        self.now = False
        """The agent neither speaks nor thinks nor is heard: what concerns it need not be looked at."""
        self.until = 0
        """From this position on something is due that has nothing to do with the caller."""

    def keep(self, recording: Keeping | None) -> None:
        """Both sides go there, several frames at a time."""
        self.recording = Gathered(recording) if recording is not None else None

    def expect(self, pcm: Sequence[bytes]) -> None:
        """See ``audio.together``."""
        self._listening.expect(pcm, sure=self.now)

    def take(self, frames: Sequence[AudioFrame]) -> bool:
        """Take them all while nobody makes a sound and nothing is due."""
        if not self.now or frames[-1].end > self.until or not self._listening.rest(frames):
            return False
        self._trace.position = frames[-1].end
        if self.recording is not None:
            self.recording.push(b"".join([frame.pcm for frame in frames]))
        return True

    def step(self, frame: AudioFrame) -> Decision | None:
        """Take one frame."""
        self._trace.position = frame.end
        if self.recording is not None:
            self.recording.push(frame.pcm)
        return self._listening.hear(frame)
