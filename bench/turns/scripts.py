"""The script of one call: which sounds the caller makes, and when. Values only, kept as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Asked = Literal["question", "statement", "loss", "hesitation", "long-hesitation", "number"]
Kind = Literal[Asked, "backchannel", "noise", "interruption", "echo", "reference"]
"""``statement``: a turn that asks nothing; ``loss``: a question over a line that loses packets; ``reference``: an
answer heard without interruption."""

ASKED: tuple[Asked, ...] = ("question", "statement", "loss", "hesitation", "long-hesitation", "number")
"""What wants an answer when it is over."""
KINDS: tuple[Kind, ...] = (*ASKED, "backchannel", "noise", "interruption", "echo")
"""What is measured."""

Cue = Literal["silent", "into", "hush"]
"""``silent``: when the agent has finished; ``into``: some time into what it says; ``hush``: some time after that."""

HELD_OUT = "held-"
"""How the names of the scripts begin that are kept for the final figures."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a sound; positions in its samples (8000 Hz)."""

    kind: Literal["speech", "pause", "noise"]
    start: int
    """First audible sample; of a pause: the sample after the last audible one."""
    end: int
    """Sample after the last audible one; of a pause: the first audible sample of what follows."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One sound of the caller."""

    wav: str
    """File name in the folder of the scripts."""
    cue: Cue
    spans: tuple[Span, ...]
    delay_ms: int = 0
    """After what the cue waits for, milliseconds."""

    @property
    def text(self) -> str:
        """All that is said in it."""
        return " ".join(span.text for span in self.spans if span.text)

    @property
    def start(self) -> int:
        """First audible sample."""
        return self.spans[0].start

    @property
    def end(self) -> int:
        """Sample after the last audible one."""
        return self.spans[-1].end


@dataclass(frozen=True, slots=True)
class Echo:
    """A loud speakerphone on the caller's side; see ``bench.ear_sounds.EchoPath``."""

    level: float
    """How much of the agent comes back, dB."""
    delay_ms: int
    """How late, milliseconds."""
    seed: int
    """Which room."""


@dataclass(frozen=True, slots=True)
class Script:
    """One call."""

    name: str
    kind: Kind
    language: str
    voice: str
    """Who speaks, for the report."""
    steps: tuple[Step, ...]
    leave: Literal["reply", "rest", "soon"]
    """Hang up a moment after the answer began, when the agent has nothing more to say, or seconds after our end."""
    background: float
    """Level of the noise behind the caller, dBFS; below -90: digital silence."""
    seed: int
    """Of everything random in the call itself."""
    loss: float = 0.0
    """Share of the caller's packets that get lost, 0 to 1."""
    echo: Echo | None = None

    @property
    def last(self) -> Step:
        """What the script is about."""
        return self.steps[-1]

    @property
    def held_out(self) -> bool:
        """Only run for the final figures: other texts, voices and moments than those that the rules were tuned on."""
        return self.name.startswith(HELD_OUT)


def save(scripts: list[Script], file: Path) -> None:
    """Write the records of all scripts."""
    file.write_text(json.dumps([asdict(one) for one in scripts], ensure_ascii=False, indent=1), encoding="utf-8")


def load(file: Path) -> list[Script]:
    """Read what ``save`` wrote; raises ``OSError`` or ``ValueError``."""
    return [_script(one) for one in json.loads(file.read_text(encoding="utf-8"))]


def _script(one: dict[str, Any]) -> Script:
    steps = tuple(Step(**{**step, "spans": tuple(Span(**span) for span in step["spans"])}) for step in one["steps"])
    return Script(**{**one, "steps": steps, "echo": Echo(**one["echo"]) if one["echo"] else None})
