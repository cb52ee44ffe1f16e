"""The doctor's look at what keeps Allo going for years: keys, clock, prices, backups, units."""

import asyncio
import ctypes
import ipaddress
import time
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from agent.commands.backup_command import FOLDER
from agent.commands.service_command import COMMAND, CONFIG, SYSTEM, UNITS, unit
from agent.cost_settings import Price
from agent.doctor.finding import Finding, bad, fine, poor
from agent.errors import SettingsError
from agent.record.sealed import SUFFIX, Head, SealedError
from agent.record.vault import Vault
from agent.settings import Settings

BACKUP_DAYS = 2
"""An older backup is worth a word, days."""
DAY_S = 86_400
TIME_ERROR = 5
"""What adjtimex(2) says of a clock that nobody keeps."""
TIMEX_BYTES = 256
"""More than struct timex has; all zero: only tell."""
CLOUDS = ("yandex", "openai")
"""Recognisers and voices that send a bill, unless ``openai`` has an address of its own."""
HEADER_BYTES = 64
"""Enough of a sealed recording to read its header."""


async def upkeep(settings: Settings) -> list[Finding]:
    """All of it."""
    files = await asyncio.to_thread(lambda: [recordings(settings), backups(settings), clock(), *units()])
    return [*files, *prices(settings)]


def recordings(settings: Settings) -> Finding:
    """Whether new recordings can be sealed, and those that are there opened."""
    name = "recordings"
    try:
        vault = Vault.of(settings)
    except SettingsError as error:
        return bad(name, str(error), "`allo privacy new-key` prints a key")
    sealed = list((settings.storage.dir / "calls_log").glob(f"*{SUFFIX}"))
    strange = {key for key in map(_key_of, sealed) if key not in vault.names}
    if strange:
        keys = ", ".join(sorted(strange))
        return bad(name, f"sealed with keys that are not here: {keys}", "put them into recording.old_keys")
    if _in_file(settings):
        return poor(name, "the key stands in the settings file, and so in every backup", "make it a credential")
    if settings.recording.enabled and settings.recording.notice_first:
        return fine(name, "kept where the notice was heard to its end; it must be set in the prompts")
    return fine(name, f"sealed with the key {vault.names[0]}" if settings.recording.encrypt else "plain WAV files")


def _key_of(path: Path) -> str:
    """The key's name in a sealed file; a damaged one has none."""
    try:
        with path.open("rb") as file:
            return Head.parse(file.read(HEADER_BYTES)).key_id.hex()
    except (OSError, SealedError):
        return f"? ({path.name} can't be read)"


def _in_file(settings: Settings) -> bool:
    if settings.source is None:
        return False
    try:
        tree = tomllib.loads(settings.source.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(tree.get("recording", {}).get("key"))


def backups(settings: Settings) -> Finding:
    """How old the newest one is."""
    folder = settings.storage.dir / FOLDER
    times = [path.stat().st_mtime for path in folder.glob("allo-*.tar.gz")] if folder.is_dir() else []
    if not times:
        return poor("backup", f"{folder}: none yet", "`allo backup`, or `systemctl enable --now allo-backup.timer`")
    made = f"{datetime.fromtimestamp(max(times)).astimezone():%Y-%m-%d %H:%M}"
    if time.time() - max(times) > BACKUP_DAYS * DAY_S:
        return poor("backup", f"the newest is of {made}", "see `systemctl list-timers allo-backup.timer`")
    return fine("backup", f"{made}, {len(times)} in all; are they on another machine too?")


def clock() -> Finding:
    """Whether somebody keeps the clock: times of the record, retention and costs hang on it."""
    now = f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}"
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    state = adjtimex(ctypes.create_string_buffer(TIMEX_BYTES)) if adjtimex else -1
    if state == TIME_ERROR:
        return poor("clock", f"{now}, not synchronised", "`timedatectl set-ntp true`, or install chrony")
    return fine("clock", f"{now}, synchronised" if state >= 0 else now)


def prices(settings: Settings) -> Iterator[Finding]:
    """Of each engine that sends a bill: whether it has a price, and somebody behind it where it has a limit."""
    known: dict[tuple[str, str], Price] = {(one.kind, one.name): one for one in settings.costs.engines}
    for kind, name, behind in _paid(settings):
        price = known.get((kind, name))
        if price is None or not price.priced:
            yield poor(f"costs {kind}", f"{name}: no price", "set [[costs.engines]]: it can't be limited, nor counted")
        elif not (price.money_a_day or price.minutes_a_day):
            yield poor(f"costs {kind}", f"{name}: no limit", "set money_a_day in [[costs.engines]]")
        elif not behind:
            advice = f"name a local engine behind it in [{kind}] engine"
            yield poor(f"costs {kind}", f"{name}: nobody takes over when its day is used up", advice)
        else:
            yield fine(f"costs {kind}", f"{name}: {price.money_a_day:g} {settings.costs.currency} a day at most")


def _paid(settings: Settings) -> Iterator[tuple[str, str, bool]]:
    """(kind, name, somebody stands behind it); behind language models the knowledge base always does, behind
    vectors the search by words."""
    paid = [name for name in CLOUDS if name != "openai" or not settings.openai.base_url]
    heard, spoken = settings.stt.engine, [engine for engine, _ in settings.tts.choices]
    for kind, engines in (("stt", list(heard)), ("tts", spoken)):
        for place, name in enumerate(engines):
            if name in paid:
                yield kind, name, any(other not in paid for other in engines[place:])
    for server in settings.llm.servers:
        if not _is_ours(server.base_url):
            yield "llm", server.model, True
    if settings.embed.engine == "openai" and not _is_ours(settings.embed.base_url):
        yield "embed", settings.embed.model, True


def _is_ours(url: str) -> bool:
    """A model server on this machine or network."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or ("." not in host and bool(host))


def units(root: Path = Path("/")) -> list[Finding]:
    """Where the service is installed: whether its units are those of this version."""
    there = {name: root / SYSTEM / name for name in UNITS if (root / SYSTEM / name).is_file()}
    if not there:
        return []
    old = [name for name, path in there.items() if not _is_today(name, path.read_text(encoding="utf-8"))]
    missing = [name for name in UNITS if name not in there]
    if old or missing:
        said = ", ".join([*(f"{name} differs" for name in old), *(f"{name} is missing" for name in missing)])
        return [poor("service", said, "`sudo allo service install` writes those of this version")]
    return [fine("service", "units of this version")]


def _is_today(name: str, text: str) -> bool:
    """Whether ``install`` would write this unit, wherever Allo and its settings lie."""
    start = next((line for line in text.splitlines() if line.startswith("ExecStart=")), "")
    words = start.removeprefix("ExecStart=").split()
    config = words[words.index("--config") + 1] if "--config" in words[:-1] else ""
    return text == unit(name, words[0] if words else COMMAND, config or CONFIG)
