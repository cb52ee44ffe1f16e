"""The turns of one call: what was said, what was answered, what was heard of it."""

from dataclasses import dataclass, field

from agent.ports import Effect, Exchange, Sentence

HISTORY_TURNS = 12
"""Turns that a model is shown."""
ASIDES: frozenset[Effect] = frozenset({"aside", "wait", "slower", "faster", "louder", "quieter"})
"""Effects of sentences that nobody wants to hear again."""


@dataclass(slots=True)
class Turn:
    """One exchange; the greeting is turn 0 with nothing said by the caller."""

    number: int
    caller: str
    said: str = ""
    heard: str = ""
    cut: bool = False
    source: str = ""
    repeats: bool = False
    """It only said an earlier answer again."""
    asides: list[str] = field(default_factory=list)
    """What of ``said`` is no answer: «секундочку», «жду вас»."""
    open: bool = True
    """Its answer is not over yet."""

    def take(self, sentence: Sentence) -> None:
        """One sentence of its answer is on its way."""
        self.repeats = self.repeats or sentence.effect == "repeat"
        if sentence.effect in ASIDES:
            self.asides.append(sentence.text)

    @property
    def worth_repeating(self) -> str:
        """What was said without the asides; empty where it only said an earlier answer again."""
        said = "" if self.repeats else self.said
        for aside in self.asides:
            said = said.replace(aside, "", 1)
        return " ".join(said.split())


@dataclass(frozen=True, slots=True)
class Context:
    """What an answer may build on."""

    number: int = 1
    """Number of the turn that is answered."""
    history: tuple[Exchange, ...] = ()
    """Finished turns, oldest first, as heard."""
    offered: bool = False
    """The operator was offered just now, so «да» means him."""
    last_said: str = ""
    """The newest answer in full, for «повторите»."""
    waited_s: float = 0.0
    """How long the caller has waited since the end of the turn, seconds."""


@dataclass(slots=True)
class Dialogue:
    """What a model may know: only words that were heard."""

    turns: list[Turn] = field(default_factory=list)
    unanswered: str = ""
    """Words of a turn whose reply was dropped unheard; they belong to what the caller says next."""
    offered: bool = False
    """The operator was offered in the last answer, so «да» means him."""

    @property
    def context(self) -> Context:
        """What the answer to the next turn may build on."""
        return Context(len(self.turns), self.history, self.offered, self.last_said)

    def whole(self, text: str) -> str:
        """``text`` with the unanswered words before it: what the next turn will answer."""
        return f"{self.unanswered} {text}".strip()

    def begin(self, text: str) -> Turn:
        """The caller finished a turn; words left unanswered come before it."""
        whole = self.whole(text)
        self.unanswered = ""
        turn = Turn(len(self.turns), whole)
        self.turns.append(turn)
        return turn

    def close(self, turn: Turn, said: str, heard: str, cut: bool) -> None:
        """The reply is over, by itself or by interruption."""
        turn.said, turn.heard, turn.cut, turn.open = said, heard, cut, False

    def drop(self, turn: Turn) -> None:
        """The caller went on before anything was heard: the turn never was, its words stay unanswered."""
        self.turns.remove(turn)
        self.unanswered = turn.caller

    @property
    def history(self) -> tuple[Exchange, ...]:
        """Finished turns, oldest first, as heard."""
        done = [turn for turn in self.turns if turn.heard or turn.said]
        return tuple(Exchange(turn.caller, turn.heard, _unheard(turn)) for turn in done[-HISTORY_TURNS:])

    @property
    def last_said(self) -> str:
        """The newest answer in full, for «повторите»; no filler and no «жду вас» is one."""
        return next((worth for turn in reversed(self.turns) if (worth := turn.worth_repeating)), "")


def _unheard(turn: Turn) -> str:
    """The rest of an answer that the caller cut."""
    return turn.said[len(turn.heard) :].strip() if turn.cut and turn.said.startswith(turn.heard) else ""
