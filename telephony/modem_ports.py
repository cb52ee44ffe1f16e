"""Which serial ports belong to a modem, and who else has one open. Blocking (reads /sys and /proc)."""

import os
from dataclasses import dataclass
from pathlib import Path

from telephony.modem_model import ModemModel, models

SYS = Path("/sys/class/tty")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ModemPorts:
    """The ports of one modem."""

    at: Path
    audio: Path
    model: ModemModel
    place: str
    """Where it is plugged in, such as ``1-1.4``; the settings' words for ports that were named there."""


def find(sys_root: Path = SYS, dev: Path = Path("/dev")) -> list[ModemPorts]:
    """All modems of known kinds on USB, in the order of their places."""
    kinds = {usb: model for model in models().values() for usb in model.usb}
    interfaces: dict[tuple[str, str], dict[int, str]] = {}
    for tty in sorted(sys_root.glob("ttyUSB*")) + sorted(sys_root.glob("ttyACM*")):
        if (seen := _interface(tty)) is not None:
            place, usb, number = seen
            interfaces.setdefault((place, usb), {})[number] = tty.name
    found = []
    for (place, usb), names in sorted(interfaces.items()):
        model = kinds.get(usb)
        if model and model.at_interface in names and model.audio_interface in names:
            found.append(ModemPorts(dev / names[model.at_interface], dev / names[model.audio_interface], model, place))
    return found


def _interface(tty: Path) -> tuple[str, str, int] | None:
    """Place, ``vendor:product`` and interface number of a serial port on USB."""
    port = (tty / "device").resolve()
    for interface in (port, port.parent):  # ttyACM hangs on the interface itself, ttyUSB one below it
        device = interface.parent
        try:
            number = int((interface / "bInterfaceNumber").read_text(), 16)
            usb = f"{(device / 'idVendor').read_text().strip()}:{(device / 'idProduct').read_text().strip()}"
        except (OSError, ValueError):
            continue
        return device.name, usb.lower(), number
    return None


def named(words: str, model: ModemModel) -> ModemPorts:
    """The ports that the settings name as ``AT|AUDIO``; raises ``ValueError``."""
    at, line, audio = (part.strip() for part in words.partition("|"))
    if not (at and line and audio):
        raise ValueError(f"[modem] ports: {words!r}: write the AT port and the audio port as /dev/ttyUSB2|/dev/ttyUSB4")
    return ModemPorts(Path(at), Path(audio), model, words)


def holder(port: Path, proc: Path = PROC) -> str:
    """Name of a process that has ``port`` open, other than this one; empty when none is seen."""
    wanted = os.path.realpath(port)
    for entry in proc.iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            if any(os.readlink(fd) == wanted for fd in (entry / "fd").iterdir()):
                return (entry / "comm").read_text().strip()
        except OSError:
            continue  # ended meanwhile, or another user's
    return ""


def advice(name: str, port: Path) -> str:
    """What to do about the process ``name`` that has the port."""
    if name == "ModemManager":
        return (
            f"ModemManager has {port} open: install systemd/70-allo-modem.rules and plug the modem in again, "
            "or run `sudo systemctl disable --now ModemManager`"
        )
    return f"{name or 'another program'} has {port} open: stop it (`sudo fuser -v {port}` shows it)"
