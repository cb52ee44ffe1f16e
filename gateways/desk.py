"""What the page and its API are handed by the house: callables and Protocols, nothing of the core itself."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

from agent.ports import FrontDoor, Health, Sentence
from gateways.text_desk import Row, Texts

if TYPE_CHECKING:
    from gateways.queries import FiguresQuery, LogsQuery

__all__ = ["Ask", "CallLog", "Desk", "Live", "Row", "Texts"]


class CallLog(Protocol):
    """The calls of the past. Every method raises ``agent.errors.RecordError``."""

    async def page(self, query: "LogsQuery") -> tuple[list[Row], int]:
        """The calls of a page and the number of all."""

    def each(self, query: "LogsQuery") -> AsyncIterator[Row]:
        """Every call that the query selects, with its ``dialogue``."""

    async def call(self, call_id: str) -> tuple[Row, Path | None] | None:
        """Everything of one call, and its recording where there is one."""

    async def delete(self, which: "LogsQuery | str") -> int:
        """Delete the ended calls of a query, or the one with this id; return how many."""

    async def figures(self, query: "FiguresQuery") -> Row:
        """Sums over the calls of a span."""


class Speech(Protocol):
    """The voice and the recogniser, for programs. Methods raise ``agent.errors.AlloError``."""

    async def say(self, text: str, rate: int, pace: float) -> bytes:
        """PCM16 mono at ``rate`` Hz."""

    async def hear(self, pcm: bytes, rate: int) -> str:
        """The words in PCM16 mono."""


class Live(Protocol):
    """The calls in progress."""

    def watch(self) -> AsyncGenerator[str, None]:
        """JSON texts: first all calls in progress, then each change; empty where nothing happens for a while.

        Ends when the reader is too slow, and at shutdown.
        """

    def listen(self, call_id: str) -> tuple[int, AsyncGenerator[bytes, None]] | None:
        """Sample rate and pieces of a call from now on, PCM16 stereo, caller left; None: no such call."""

    async def hang_up(self, call_id: str) -> bool:
        """End a call; False when there is none of this id."""

    async def transfer(self, call_id: str) -> bool:
        """Give the caller to the operator; False when the line can't or there is no such call."""


class Modems(Protocol):
    """The GSM lines. Every method raises ``agent.errors.AlloError``, or ``Problem`` for what the asker can mend."""

    async def rows(self, count: int, words: str) -> Row:
        """State and signal, so many of the newest messages that hold ``words``, and of the call-backs."""

    async def send(self, name: str, number: str, text: str) -> Row:
        """Send a message over the line ``name``."""

    async def code(self, name: str, code: str) -> Row:
        """Ask the network a code such as ``*100#``."""

    async def cancel(self, id_: str) -> bool:
        """Give up a call-back that waits; False: there is none."""


Ask = Callable[[str], AsyncIterator[Sentence]]
"""A question of one conversation in writing, the sentences of its answer."""


@dataclass(slots=True)
class Desk:
    """Filled while the daemon starts: what is None is not there yet."""

    health: Callable[[], Health]
    key: str = ""
    """What ``X-API-Key`` must say; empty: nobody is served."""
    local: bool = False
    """Nobody chose the key: only loopback is served."""
    language: Literal["ru", "en"] = "ru"
    calls: CallLog | None = None
    open_recording: Callable[[Path], BinaryIO] = lambda path: path.open("rb")
    """The WAV of a recording, also of one that lies sealed; raises ``OSError`` and ``ValueError``."""
    live: Live | None = None
    texts: Texts | None = None
    new_chat: Callable[[], Ask] | None = None
    """Begins a conversation in writing."""
    metrics: Callable[[], tuple[bytes, str]] | None = None
    """Figures for a Prometheus and their media type."""
    modems: Modems | None = None
    """``None`` where there is no GSM line."""
    speech: Speech | None = None
    machine: Callable[[], Row] = dict
    """Disk, versions, time since the start."""
    replay: Callable[[str, str], Awaitable[Row]] | None = None
    """Lives a call (its id) again with engines ``recorded`` or ``today``; raises ``agent.errors.AlloError``."""
    door: FrontDoor | None = None
    """Where calls from the page ring."""
    farewells: list[Callable[[], None]] = field(default_factory=list)
    """Called when the server stops: whoever waits for news is let go."""
