"""``allo voice clone NAME DIR``: recordings of a person -> a voice of the daemon's."""

import argparse
import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.errors import AlloError, StartError
from agent.settings import Settings, load
from agent.voices.cloned_voices import check_name, keep
from agent.voices.voice_samples import LEAST, LEAST_RATE, Judgement, Sample, judge
from agent.voices.voice_table import one_voice, xtts_lacks

CONSENT = "A voice belongs to a person: clone it only with that person's consent, and say on the call who speaks."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``allo voice clone NAME DIR``."""
    clone = parser.add_subparsers(required=True, metavar="clone").add_parser(
        "clone", help=f"a voice from {LEAST} or more WAV files of {LEAST_RATE} Hz or more (engine xtts)"
    )
    clone.add_argument("name", metavar="NAME", help="what the voice is called: tts.engine = 'xtts:NAME'")
    clone.add_argument("folder", type=Path, metavar="DIR", help="folder with the recordings, one person's")
    clone.add_argument("--check", action="store_true", help="judge the recordings and write nothing")
    clone.add_argument("--replace", action="store_true", help="make a voice of that name anew")
    clone.set_defaults(command=_clone)


def _clone(args: argparse.Namespace) -> int:
    return clone_voice(load(args.config), args.name, args.folder, check=args.check, replace=args.replace)


def clone_voice(settings: Settings, name: str, folder: Path, *, check: bool = False, replace: bool = False) -> int:
    """Judge the recordings in ``folder``, keep the good ones as voice ``name``, have the model listen to them.

    0: done; 1: they are not good enough. Raises ``StartError``.
    """
    check_name(name)
    if not folder.is_dir():
        raise StartError(f"{folder}: no such folder; give one with {LEAST} or more WAV files of one person")
    paths = [path for path in folder.iterdir() if path.suffix.lower() == ".wav"]
    if not paths:
        raise StartError(f"{folder}: no WAV files there; {LEAST} or more of one person are needed (docs/voices.md)")
    console = Console()
    with console.status(f"listening to {len(paths)} recordings"):
        judgement = judge(paths)
    console.print(_table(judgement))
    for sample in judgement.samples:
        if said := "; ".join((*sample.faults, *sample.remarks)):
            console.print(f"{sample.path.name}: {said}", highlight=False, markup=False, soft_wrap=True)
    for fault in judgement.faults:
        console.print(f"Not enough: {fault}.", style="red", highlight=False, markup=False)
    if judgement.faults or check:
        return 1 if judgement.faults else 0
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    kept = keep(settings.storage.dir, name, judgement.usable, made_at, replace=replace)
    console.print(f"{name} is in {kept}. {CONSENT}", highlight=False, markup=False, soft_wrap=True)
    return _listen(settings, name, console)


def _listen(settings: Settings, name: str, console: Console) -> int:
    """Have the model learn the speaker now, where it is here, so that the first call need not wait for it."""
    lacks = xtts_lacks(settings)
    if lacks:
        console.print(f"It can't speak yet: {lacks}.", style="yellow", highlight=False, markup=False, soft_wrap=True)
        return 0
    began = time.perf_counter()
    try:
        with console.status("the model listens to the voice"):
            asyncio.run(_load(settings, name))
    except AlloError as error:
        console.print(
            f"The model could not listen to it: {error}", style="red", highlight=False, markup=False, soft_wrap=True
        )
        return 1
    said = f"The model listened to it, {time.perf_counter() - began:.0f} s. Hear it: allo say 'Здравствуйте' --voice"
    console.print(f"{said} xtts:{name} -o said.wav", highlight=False, markup=False, soft_wrap=True)
    return 0


async def _load(settings: Settings, name: str) -> None:
    voice = await one_voice("xtts", name, settings)
    await voice.close()


def _table(judgement: Judgement) -> Table:
    table = Table("recording", "length", "speech", "level", "over noise", "")
    for sample in judgement.samples:
        table.add_row(Text(sample.path.name), *_figures(sample), Text(_verdict(sample)))
    return table


def _figures(sample: Sample) -> tuple[str, str, str, str]:
    own = sample.quality
    if own is None:
        return "", "", "", ""
    return f"{own.seconds:.1f} s", f"{own.speech_s:.1f} s", f"{own.speech_dbfs:.0f} dBFS", f"{own.snr_db:.0f} dB"


def _verdict(sample: Sample) -> str:
    if sample.faults:
        return "not used"
    return "usable" if sample.remarks else "good"
