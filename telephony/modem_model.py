"""Kinds of modems as data: one file in ``telephony/modems`` each."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from agent.errors import StartError

FOLDER = Path(__file__).parent / "modems"


@dataclass(frozen=True, slots=True)
class ModemModel:
    """What one kind of modem is told, and which of its ports is which."""

    name: str
    usb: tuple[str, ...]
    """USB ``vendor:product``, hexadecimal."""
    at_interface: int
    """Number of the USB interface that takes commands."""
    audio_interface: int
    """Number of the USB interface that carries PCM16 mono."""
    rates: tuple[int, ...]
    """Sample rates that it can, Hz."""
    init: tuple[str, ...]
    """Commands at the start; a refused one is no obstacle, except the first."""
    rate_command: dict[int, str]
    """Chooses a rate; empty where there is one only."""
    audio_on: str
    audio_off: str
    audio_off_else: str
    """Where firmware refuses that one; empty: there is no other."""
    answer: str
    hang_up: str
    refuse_waiting: str
    reset: str
    bad_firmware: dict[str, str]
    """Firmware of which a fault is known -> what it does and what to do."""


@cache
def models() -> dict[str, ModemModel]:
    """All kinds, by name; raises ``StartError`` naming the file that can't be read."""
    found = {}
    for path in sorted(FOLDER.glob("*.toml")):
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
            model = TypeAdapter(ModemModel).validate_python(data)
        except (OSError, ValueError) as error:
            raise StartError(f"{path}: not a description of a modem: {error}") from None
        found[model.name] = model
    return found


def model_of(name: str) -> ModemModel:
    """The kind of that name; raises ``StartError`` that lists all names."""
    for known, model in models().items():
        if known.lower() == name.lower():
            return model
    raise StartError(f"[modem] model {name}: there is no such modem; known are {', '.join(models())}")
