"""What paid engines may cost in a day: minutes, characters and tokens counted, priced, and refused when it is enough.

An engine that has used up its day is passed over by the chain it stands in: the next one hears the next utterance, says
the next sentence, answers the next question; without vectors of a server the words alone are searched. The day ends at
midnight of this machine. The sums lie in a small file, written on a thread, so that a restart forgets nothing older
than ``SAVE_S``. Each process adds what is new to what the file says: an index that is built beside the calls, or by a
command, counts too.
"""

import asyncio
import fcntl
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from agent.cost_settings import CostSettings, Price

log = logging.getLogger(__name__)

FILE = "costs.json"
"""In ``storage.dir``."""
SAVE_S = 2.0
"""Sums are on the disk so soon, seconds."""
Kind = Literal["stt", "tts", "llm", "embed"]


@runtime_checkable
class Limited(Protocol):
    """An engine that may not be used without end."""

    @property
    def spent(self) -> bool:
        """Its day is used up."""


def is_spent(engine: object) -> bool:
    """Whether an engine is to be passed over."""
    return isinstance(engine, Limited) and engine.spent


@dataclass(slots=True)
class Used:
    """Of one engine on one day."""

    minutes: float = 0.0
    """Of audio."""
    characters: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def __add__(self, other: "Used") -> "Used":
        """Both together."""
        return Used(
            self.minutes + other.minutes,
            self.characters + other.characters,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
        )


class Meter:
    """Counts one engine; see ``Costs``."""

    def __init__(self, price: Price, used: Used, changed: Callable[[], None]) -> None:
        self.price, self.used, self._changed = price, used, changed
        self.fresh = Used()
        """Of it, what is not in the file yet."""
        self.told = False
        """The operator knows that it is spent."""

    @property
    def name(self) -> str:
        """``stt yandex``."""
        return f"{self.price.kind} {self.price.name}"

    @property
    def money(self) -> float:
        """What today has cost so far, in ``costs.currency``."""
        price, used = self.price, self.used
        millions = used.characters * price.per_million_characters
        millions += used.tokens_in * price.per_million_tokens_in + used.tokens_out * price.per_million_tokens_out
        return used.minutes * price.per_minute + millions / 1e6

    @property
    def part(self) -> float:
        """How much of the day's limit is used, 1 and more: all of it; 0 without a limit."""
        price = self.price
        parts = [self.money / price.money_a_day] if price.money_a_day else []
        return max([*parts, self.used.minutes / price.minutes_a_day if price.minutes_a_day else 0.0])

    def add(self, minutes: float = 0.0, characters: int = 0, tokens_in: int = 0, tokens_out: int = 0) -> None:
        """It was used."""
        self._changed()  # first: it may be another day
        more = Used(minutes, characters, tokens_in, tokens_out)
        self.used, self.fresh = self.used + more, self.fresh + more


class Costs:
    """All engines that have a price or a limit; made on the event loop."""

    def __init__(
        self, settings: CostSettings, path: Path, today: Callable[[], date] = lambda: datetime.now().astimezone().date()
    ) -> None:
        """Reads the file at once; one that can't be read begins a day anew, with a word in the log."""
        self._currency, self._path, self._today = settings.currency, path, today
        self._meters = {(price.kind, price.name): Meter(price, Used(), self._changed) for price in settings.engines}
        self._saving: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self.read_again()

    def read_again(self) -> None:
        """Another process has counted since; before anything is used."""
        self._day, kept = _read(self._path)
        for meter in self._meters.values():
            meter.used = kept.get(meter.name, Used())
        self._turn_day()

    def look_again(self) -> None:
        """Another process may have counted: within ``SAVE_S`` that is known here too."""
        if self._meters:
            self._changed()

    def meter(self, kind: Kind, name: str) -> Meter | None:
        """The meter of an engine; ``None``: it has neither price nor limit."""
        return self._meters.get((kind, name))

    def spent(self, meter: Meter) -> bool:
        """Whether the engine has used up its day; said once a day in the log."""
        self._turn_day()
        if meter.part < 1:
            return False
        if not meter.told:
            meter.told = True
            log.warning("%s: the day's limit is used up (%s); others do its work until midnight", *self._row(meter))
        return True

    def row(self, meter: Meter) -> str:
        """What an engine has used and may use today, for people."""
        return self._row(meter)[1]

    @property
    def states(self) -> dict[str, str]:
        """For health, and for people."""
        self._turn_day()
        return {f"costs of {name}": text for name, text in map(self._row, self._meters.values())}

    @property
    def figures(self) -> dict[str, dict[str, float]]:
        """For machines: money today, and which part of the limit, by engine."""
        self._turn_day()
        return {meter.name: {"money": round(meter.money, 4), "part": meter.part} for meter in self._meters.values()}

    def hush(self) -> None:
        """Say nothing in the log today."""
        for meter in self._meters.values():
            meter.told = True

    async def close(self) -> None:
        """Write what is not on the disk yet."""
        self._hurry.set()
        while self._saving is not None and not self._saving.done():
            await self._saving

    def _row(self, meter: Meter) -> tuple[str, str]:
        price = meter.price
        most = [f"{price.money_a_day:g} {self._currency}"] if price.money_a_day else []
        most += [f"{price.minutes_a_day:g} minutes"] if price.minutes_a_day else []
        of = f" of {' or '.join(most)}" if most else ""
        spent = "; spent, passed over until midnight" if meter.part >= 1 else ""
        return meter.name, f"{meter.money:.2f} {self._currency}, {meter.used.minutes:.1f} minutes today{of}{spent}"

    def _turn_day(self) -> None:
        today = self._today().isoformat()
        if today != self._day:
            self._day = today
            for meter in self._meters.values():
                meter.used, meter.fresh, meter.told = Used(), Used(), False

    def _changed(self) -> None:
        self._turn_day()
        if self._saving is None or self._saving.done():
            self._saving = asyncio.get_running_loop().create_task(self._save())

    async def _save(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SAVE_S):
                await self._hurry.wait()
        day, fresh = self._day, {meter.name: meter.fresh for meter in self._meters.values()}
        for meter in self._meters.values():
            meter.fresh = Used()
        kept = await asyncio.to_thread(_merge, self._path, day, fresh)
        if day == self._day:
            self._take(kept, fresh)
        if kept is not None and any(meter.fresh != Used() for meter in self._meters.values()):
            self._saving = asyncio.get_running_loop().create_task(self._save())

    def _take(self, kept: dict[str, Used] | None, written: dict[str, Used]) -> None:
        """What all processes have used; None: the disk refuses, with the next use it is tried again."""
        for meter in self._meters.values():
            if kept is None:
                meter.fresh = written[meter.name] + meter.fresh
            else:
                meter.used = kept.get(meter.name, Used()) + meter.fresh


@asynccontextmanager
async def counted(settings: CostSettings, storage: Path, *, alone: bool = False) -> AsyncGenerator[Costs]:
    """What a command of a person has paid engines do, counted with what the daemon has them do.

    ``alone``: nobody takes over, so the error says that a day is used up, and the log need not.
    """
    costs = Costs(settings, storage / FILE)
    if alone:
        costs.hush()
    try:
        yield costs
    finally:
        await costs.close()


def _read(path: Path) -> tuple[str, dict[str, Used]]:
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return str(kept["day"]), {name: Used(**used) for name, used in kept["used"].items()}
    except FileNotFoundError:
        return "", {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        log.warning("%s: can't be read; what was used today is counted from now on", path)
        return "", {}


def _merge(path: Path, day: str, fresh: dict[str, Used]) -> dict[str, Used] | None:
    """Add to the file, in one step and one process at a time; what it says then.

    A full disk costs the count of a restart, never a call: None.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)  # a command may be the first to store something
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept_day, kept = _read(path)
            if kept_day > day:  # midnight has passed elsewhere
                return {}
            kept = kept if kept_day == day else {}
            kept |= {name: kept.get(name, Used()) + used for name, used in fresh.items()}
            text = {"day": day, "used": {name: asdict(used) for name, used in kept.items()}}
            part = path.with_suffix(".part")
            part.write_text(json.dumps(text, ensure_ascii=False), encoding="utf-8")
            part.replace(path)
    except OSError as error:
        log.warning("%s: not written: %s", path, error.strerror)
        return None
    return kept
