"""What a pause of the caller means: judged by the words so far, and where they don't tell by the sound."""

from contextlib import suppress

from agent.draft import Spawn
from agent.errors import AlloError, HearingError
from agent.hints import Fade
from agent.house import House
from agent.language.backchannels import begun, listens, meant, murmured, settled, without_half
from agent.language.completeness import may_begin
from agent.listening import Listening, new_turn_taker
from agent.pauses import Verdict
from agent.ports import Transcript
from agent.replies import Replies
from agent.turns import Lull, Sustained

SURE, HARDLY = 0.7, 0.3
"""Probabilities of an end-of-turn model that count: the turn is over, it goes on."""
BELIEVED = 0.8
"""Words over the agent's speech count from this confidence on: recognisers make words of «мгм» and coughs."""

BELIEVED_TOGETHER = 0.65
"""The same for two words or more: «стоп минуту» at 0.76 was meant, what noises become is single words."""

SETTLED_MS = 100
"""Words that may go on are worth a guess after so much quiet, milliseconds: before that it is the next syllable."""
HUM_MS, LONG_HUM_MS = 50, 140
"""A voice that goes on for so long after the last word understood hums «эээ» or said a word that was missed; longer, it
surely did, milliseconds. So end two of 100 whole questions, and three of four turns with a filler at the end; where the
words are complete it may as well be their last vowel («weigh»)."""
APART_MS, TWICE_MS = 60, 300
"""What a caller who still speaks is heard to say counts when it was there before, too: half words come and go."""


def after_hum(verdict: Verdict, hum_ms: int) -> Verdict:
    """The verdict on words after which the voice went on for so many milliseconds."""
    if verdict == "open" or (hum_ms > LONG_HUM_MS and verdict != "complete"):
        return "open"
    return "unsure" if hum_ms > HUM_MS else verdict


def new_listening(house: House, rate: int) -> Listening:
    """The caller's side of a call at ``rate`` Hz."""
    turn_taker, remember = new_turn_taker(rate, house.turns), house.turn_model is not None
    return Listening(house.ears, rate, turn_taker, house.turns.fade_db, remember=remember)


class Judging:
    """Judges the lulls of one call. An engine's fault is left to the end of the turn, which meets it again."""

    def __init__(self, house: House, rate: int, listening: Listening, replies: Replies, spawn: Spawn) -> None:
        """The parts of the same call."""
        self._house, self._rate, self._listening = house, rate, listening
        self._replies, self._spawn = replies, spawn
        self._settled = SETTLED_MS * rate // 1000
        self._other = -rate
        """Position up to which a caller who still spoke was last heard to say something that is no murmur."""

    async def weigh(self, pause: Lull | Fade | Sustained) -> None:
        """The caller paused or is about to: what was said so far tells how long to wait, and what the answer may be.

        ``Sustained``: the caller goes on over the agent.
        """
        with suppress(AlloError):
            match pause:
                case Lull():
                    await self._judge(pause)
                case Fade():
                    await self._foresee()
                case Sustained():
                    await self._listen_closely()

    async def _judge(self, lull: Lull) -> None:
        heard = await self._listening.peek(trailing=not lull.over_agent)
        if lull.over_agent:
            self._weigh_over_agent(lull, heard)
            return
        if heard.position < lull.position:
            self._listening.ask_again()  # the recogniser is behind: what it has says nothing about the end
            return
        verdict = after_hum(await self._verdict(heard.text), heard.hum * 1000 // self._rate)
        current = self._listening.judged(lull, verdict)
        if not current or not heard.text or not self._house.turns.speculate:
            return
        if verdict != "complete" and heard.position - lull.position < self._settled:
            self._listening.ask_again()  # most such gaps lie between syllables; the turn waits longer anyway
        else:  # whatever the words are: it may be the end all the same
            self._replies.guess(heard.text, self._spawn)

    async def _foresee(self) -> None:
        """The caller's voice dies away: a reply is begun before the silence, where the words are whole."""
        heard = await self._listening.peek(trailing=True)
        if heard.text and self._house.turns.speculate and await self._verdict(heard.text) == "complete":
            self._replies.guess(heard.text, self._spawn)

    async def _listen_closely(self) -> None:
        """Over the agent: are there words?"""
        heard = await self._listening.peek()
        taken = self.takes_turn(heard) and not self._begun_listening(heard.text)
        if not taken:
            self._listening.understood(heard.text, backchannel=True)
        if self._heed_murmur(heard):
            return
        again = self._twice(heard.position)
        if taken or again:
            self._listening.murmured(heard.position, 0)
        # not half a word, «ин» of «интересно», nor what it was taken for a moment ago: the agent is silent anyway
        if taken and again and " " in heard.text:
            self._listening.understood(heard.text, backchannel=False)

    def _twice(self, position: int) -> bool:
        """What is no murmur was heard a moment before, too."""
        apart = position - self._other
        if apart >= APART_MS * self._rate // 1000:
            self._other = position
        return APART_MS <= apart * 1000 // self._rate <= TWICE_MS

    def takes_turn(self, heard: Transcript) -> bool:
        """True for words that are more than a noise or an «угу»."""
        if not heard.text or heard.confidence < (BELIEVED_TOGETHER if " " in heard.text else BELIEVED):
            return False
        said = meant(heard.text, self._house.language)
        return bool(said) and not self._is_backchannel(said)

    def _is_backchannel(self, said: str) -> bool:
        listening = not self._replies.offered and listens(said, self._house.language)
        return listening or self._replies.is_backchannel(said)

    def _begun_listening(self, text: str) -> bool:
        """So far «да», whatever the half word after it becomes: «да ясно», or «да сколько это стоит»."""
        sure = settled(text)
        return bool(sure) and self._is_backchannel(meant(sure, self._house.language) or sure)

    def _weigh_over_agent(self, lull: Lull, heard: Transcript) -> None:
        if self.takes_turn(heard):
            self._listening.understood(heard.text, backchannel=False)
            return
        self._listening.murmured(heard.position, self._murmur(heard.text))
        if not begun(heard.text, self._house.language):
            self._listening.dismissed(lull)

    def _heed_murmur(self, heard: Transcript) -> bool:
        """Nothing but «угу» so far: the agent may go on although the caller does, too."""
        words = self._murmur(heard.text)
        half = 0 if words else self._murmur(without_half(heard.text, self._house.language))
        if words or half:
            self._other = -self._rate
            self._listening.murmured(heard.position, words or half, half=not words)
        return bool(words or half)

    def _murmur(self, text: str) -> int:
        language = self._house.language
        return murmured(text, language) if self._is_backchannel(meant(text, language) or text) else 0

    async def _verdict(self, text: str) -> Verdict:
        if may_begin(text, self._house.language):
            return "complete" if self._replies.offered else "open"
        verdict, model = self._house.finished(text, self._replies.last_said), self._house.turn_model
        if model is None or verdict == "open":
            return verdict
        try:
            probability = await model.ended(self._listening.recent, self._rate)
        except HearingError:
            return verdict
        if probability >= SURE:
            return "complete"
        return "open" if probability <= HARDLY and verdict == "unsure" else "unsure"
