"""What paid engines may cost in a day: minutes, characters and tokens counted, priced, and refused when it is enough.

An engine that has used up its day is passed over by the chain it stands in: the next one hears the next utterance, says
the next sentence, answers the next question. The day ends at midnight of this machine. The sums lie in a small file,
written on a thread, so that a restart forgets nothing older than ``SAVE_S``.
"""

import asyncio
import json
import logging
from collections.abc import Callable
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
Kind = Literal["stt", "tts", "llm"]


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


class Meter:
    """Counts one engine; see ``Costs``."""

    def __init__(self, price: Price, used: Used, changed: Callable[[], None]) -> None:
        self.price, self.used, self._changed = price, used, changed
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
        used = self.used
        used.minutes += minutes
        used.characters += characters
        used.tokens_in += tokens_in
        used.tokens_out += tokens_out
        self._changed()


class Costs:
    """All engines that have a price or a limit; made on the event loop."""

    def __init__(
        self, settings: CostSettings, path: Path, today: Callable[[], date] = lambda: datetime.now().astimezone().date()
    ) -> None:
        """Reads the file at once; one that can't be read begins a day anew, with a word in the log."""
        self._currency, self._path, self._today = settings.currency, path, today
        self._meters = {(price.kind, price.name): Meter(price, Used(), self._changed) for price in settings.engines}
        self._saving: asyncio.Task[None] | None = None
        self.read_again()

    def read_again(self) -> None:
        """Another process has counted since; before anything is used."""
        self._day, kept = _read(self._path)
        for meter in self._meters.values():
            meter.used = kept.get(meter.name, Used())
        self._turn_day()

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

    async def close(self) -> None:
        """Write what is not on the disk yet."""
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.gather(self._saving, return_exceptions=True)
            await asyncio.to_thread(_write, self._path, self._text())

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
                meter.used, meter.told = Used(), False

    def _changed(self) -> None:
        self._turn_day()
        if self._saving is None or self._saving.done():
            self._saving = asyncio.get_running_loop().create_task(self._save())

    async def _save(self) -> None:
        await asyncio.sleep(SAVE_S)
        await asyncio.to_thread(_write, self._path, self._text())

    def _text(self) -> str:
        used = {meter.name: asdict(meter.used) for meter in self._meters.values()}
        return json.dumps({"day": self._day, "used": used}, ensure_ascii=False)


def _read(path: Path) -> tuple[str, dict[str, Used]]:
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return str(kept["day"]), {name: Used(**used) for name, used in kept["used"].items()}
    except FileNotFoundError:
        return "", {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        log.warning("%s: can't be read; what was used today is counted from now on", path)
        return "", {}


def _write(path: Path, text: str) -> None:
    """In one step; a full disk costs the count of a restart, never a call."""
    fresh = path.with_suffix(".part")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        log.warning("%s: not written: %s", path, error.strerror)
