"""What of a hypothesis that is made anew over and over may be shown: the words on which two in a row agree. Pure."""

from collections.abc import Sequence

from agent.backends.streamed_ear import Said


class Agreement:
    """LocalAgreement-2 (Liu et al. 2020, as whisper_streaming uses it): words that came twice stay."""

    def __init__(self) -> None:
        self.words: tuple[Said, ...] = ()
        """Agreed so far; never shorter than before."""
        self._last: Sequence[Said] = ()

    def take(self, hypothesis: Sequence[Said]) -> None:
        """The newest hypothesis, of all the audio so far."""
        agreed = 0
        for old, new in zip(self._last, hypothesis, strict=False):
            if old.text != new.text:
                break
            agreed += 1
        if agreed > len(self.words):
            self.words = tuple(hypothesis[:agreed])
        self._last = hypothesis
