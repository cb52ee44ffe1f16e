"""Models on this machine: which there are, which is used, and how one is pulled.

Bundled demo recognisers lie in ``agent/models``; pulled models and voices in ``storage.dir/models``, a folder
each. A model copied there by hand (a machine without network) is found by its name just the same.
"""

import json
import re
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from agent.download import Progress as Report
from agent.download import fetch
from agent.errors import StartError
from agent.settings import Settings
from agent.unpack import unpack

if TYPE_CHECKING:
    from rich.console import Console

BUNDLED = Path(__file__).parent / "models"
CATALOGUE = BUNDLED / "catalogue.toml"

Kind = Literal["vosk", "piper", "sherpa", "whisper", "xtts"]

_ASKED_FOR = {
    "sherpa": "it is used where [stt] engine names sherpa; package: .venv/bin/python -m pip install -e '.[sherpa]'",
    "whisper": "it is used where [stt] engine names whisper; package: .venv/bin/python -m pip install -e '.[whisper]'",
    "xtts": "now a voice: `allo voice clone NAME DIR` (docs/voices.md); packages: "
    ".venv/bin/python -m pip install -c constraints.txt -e '.[xtts]'",
}
"""Models that are not used by themselves: what to do."""
_ROOM = 3
"""Free disk wanted, in sizes of the download: the archive, what it unpacks to, and some air."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at the vendor's."""

    url: str
    bytes: int = 0
    """Exact length; 0: not known."""
    sha256: str = ""
    """Hex; empty: no confirmed checksum."""

    @property
    def name(self) -> str:
        """Its file name."""
        return PurePosixPath(urlsplit(self.url).path).name


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of the catalogue."""

    name: str
    kind: Kind
    language: str
    """``ru``, ``en``; ``ru, en``: both."""
    megabytes: int
    """Size of the download, roughly."""
    note: str
    files: tuple[RemoteFile, ...]


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A line of ``allo models list``."""

    name: str
    kind: str
    language: str
    megabytes: int
    """Size on disk, or of the download when it is not here."""
    state: str
    """``in use``, ``here`` or ``not pulled``."""
    note: str


@dataclass(frozen=True, slots=True)
class Pulled:
    """What ``pull`` did."""

    folder: Path
    lines: tuple[str, ...]
    """What to tell the person, a line each."""


# ---------------------------------------------------------------- looking


def catalogue(path: Path = CATALOGUE) -> tuple[Model, ...]:
    """Everything that can be pulled, best first for each kind and language."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["model"]
    return tuple(Model(**{**entry, "files": tuple(RemoteFile(**file) for file in entry["files"])}) for entry in entries)


def models_dir(settings: Settings) -> Path:
    """Where pulled models lie."""
    return settings.storage.dir / "models"


def find_stt_model(settings: Settings) -> Path:
    """The folder of the recogniser's model: the one named, else the best pulled one, else the bundled demo.

    Raises ``StartError`` when the one named is not there.
    """
    wanted = settings.stt.model
    if not wanted:
        pulled = _here(settings, "vosk", settings.language)
        return pulled[0] if pulled else BUNDLED / f"vosk-demo-{settings.language}"
    places = (Path(wanted), models_dir(settings) / wanted, BUNDLED / wanted)
    for place in places:
        if place.is_dir():
            return place
    raise StartError(f"[stt] model: {wanted!r} is neither a folder nor a pulled model; see `allo models list`")


def find_pulled(settings: Settings, kind: Kind, wanted: str) -> Path:
    """The folder of a model: the one ``wanted``, else the best pulled one of its kind and the language.

    Without either the place where it would be looked for, ``storage.dir/models/KIND``.
    """
    pulled = _here(settings, kind, settings.language) if not wanted else []
    return pulled[0] if pulled else models_dir(settings) / Path(wanted or kind)


def piper_in_use(settings: Settings) -> Path | None:
    """The ``.onnx`` file of the Piper voice that the settings lead to; None: there is none.

    Raises ``StartError`` when ``[tts] engine`` asks for Piper and there is no such voice.
    """
    choices = [(engine, voice) for engine, voice in settings.tts.choices if engine in ("auto", "piper")]
    found = (find_piper_voice(settings, voice, must=engine == "piper") for engine, voice in choices)
    return next((path for path in found if path is not None), None)


def find_piper_voice(settings: Settings, wanted: str = "", must: bool = False) -> Path | None:
    """The ``.onnx`` file of the Piper voice ``wanted``, or of a pulled one of the language; None: there is none.

    Raises ``StartError`` for that when there ``must`` be one.
    """
    if wanted:
        places = [Path(wanted), models_dir(settings) / wanted, models_dir(settings) / wanted / f"{wanted}.onnx"]
    else:
        places = _here(settings, "piper", settings.language)
    for place in places:
        voice = _voice_in(place)
        if voice is not None:
            return voice
    if must:
        what = repr(wanted) if wanted else f"a voice for {settings.language!r}"
        raise StartError(f"[tts] voice: Piper has not got {what}; see `allo models list`, then `allo models pull NAME`")
    return None


def list_models(settings: Settings) -> list[ModelRow]:
    """Bundled, pulled and pullable models of all languages."""
    used = {path.resolve() for path in _in_use(settings)}
    rows = [_row(path, "vosk", path.name[-2:], "bundled demo: limited vocabulary", used) for path in _bundled()]
    known = catalogue()
    for model in known:
        folder = models_dir(settings) / model.name
        if folder.is_dir():
            rows.append(_row(folder, model.kind, model.language, model.note, used))
        else:
            rows.append(ModelRow(model.name, model.kind, model.language, model.megabytes, "not pulled", model.note))
    names = {model.name for model in known}
    kinds: tuple[Kind, ...] = ("vosk", "piper")
    for kind in kinds:
        for language in ("ru", "en"):
            strangers = [folder for folder in _here(settings, kind, language) if folder.name not in names]
            rows += [_row(folder, kind, language, "put here by hand", used) for folder in strangers]
    return rows


def _in_use(settings: Settings) -> Iterator[Path]:
    yield find_stt_model(settings)
    voice = piper_in_use(settings)
    if voice is not None:
        yield voice.parent
    if "sherpa" in settings.stt.engine:
        yield find_pulled(settings, "sherpa", settings.sherpa.model)
    if "whisper" in settings.stt.engine:
        yield find_pulled(settings, "whisper", settings.whisper.model)
    if "xtts" in (engine for engine, _ in settings.tts.choices):
        yield find_pulled(settings, "xtts", settings.xtts.model)


def _here(settings: Settings, kind: Kind, language: str) -> list[Path]:
    """Folders of pulled models, the catalogue's order first, then those put there by hand."""
    folder = models_dir(settings)
    known = [folder / model.name for model in catalogue() if model.kind == kind and language in model.language]
    shapes = {"vosk": rf"vosk-model-.*\b{language}\b.*", "piper": rf"{language}_[A-Z]{{2}}-.+"}
    shape = shapes.get(kind, "")  # of the others the name tells no language: the settings name them
    names = {model.name for model in catalogue()}
    others = sorted(folder.iterdir()) if folder.is_dir() else []
    strange = [path for path in others if path.name not in names and re.fullmatch(shape, path.name)]
    return [path for path in (*known, *strange) if path.is_dir()]


def _bundled() -> list[Path]:
    return sorted(path for path in BUNDLED.iterdir() if path.is_dir())


def _row(folder: Path, kind: str, language: str, note: str, used: set[Path]) -> ModelRow:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    state = "in use" if folder.resolve() in used else "here"
    return ModelRow(folder.name, kind, language, max(1, round(size / 1e6)), state, note)


def _voice_in(place: Path) -> Path | None:
    found = sorted(place.glob("*.onnx")) if place.is_dir() else [place]
    return next((path for path in found if path.suffix == ".onnx" and path.is_file()), None)


# ---------------------------------------------------------------- pulling


def pull(name: str, settings: Settings, console: "Console | None" = None, known: tuple[Model, ...] = ()) -> Pulled:
    """Download, check and unpack a model into ``storage.dir/models/NAME``, with a progress bar on standard error.

    Interrupted, it goes on where it stopped; the folder appears whole or not at all. Raises ``StartError``.
    """
    known = known or catalogue()
    model = next((entry for entry in known if entry.name == name), None)
    if model is None:
        raise StartError(f"there is no model {name!r}; there are: {', '.join(entry.name for entry in known)}")
    folder = models_dir(settings) / name
    if folder.is_dir():
        return Pulled(folder, (f"{name} is here already: {folder}",))
    work = models_dir(settings) / f".{name}.part"
    _prepare(work, model)
    digests = {}
    for file in model.files:
        with _bar(file.name, console) as report:
            digests[file.url] = fetch(file.url, work / file.name, file.bytes, file.sha256, report)
    _install(model, work, folder, digests)
    return Pulled(folder, tuple(_news(model, folder, digests)))


def _prepare(work: Path, model: Model) -> None:
    try:
        work.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(work).free
    except OSError as error:
        raise StartError(f"{work}: can't be made: {error.strerror}; set [storage] dir to a writable folder") from None
    if free < model.megabytes * 1_000_000 * _ROOM:
        need = model.megabytes * _ROOM
        raise StartError(f"{work.parent}: {free // 1_000_000} MB are free, {need} MB are needed for {model.name}")


def _install(model: Model, work: Path, folder: Path, digests: dict[str, str]) -> None:
    """From the downloaded files to the finished folder, which is renamed into place as the last step."""
    fresh = work / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        if model.kind == "vosk":
            archive = work / model.files[0].name
            whole = unpack(archive, fresh)
        else:
            for file in model.files:
                _copy(work / file.name, fresh / file.name)
            whole = fresh
        (whole / "allo-model.json").write_text(json.dumps({"sha256": digests}, indent=1) + "\n", encoding="utf-8")
        whole.replace(folder)
    except OSError as error:
        raise StartError(f"{folder}: can't be written: {error.strerror}; what was downloaded is kept") from None
    shutil.rmtree(work, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """Without taking the room twice where the disk can do that."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _news(model: Model, folder: Path, digests: dict[str, str]) -> Iterator[str]:
    use = "recogniser" if model.kind == "vosk" else "voice"
    if model.kind in _ASKED_FOR:
        yield f"{model.name} is in {folder}; {_ASKED_FOR[model.kind]}"
    else:
        yield f"{model.name} is in {folder}; with language = {model.language!r} it is the {use} from the next start on"
    for file in model.files:
        if not file.sha256:
            yield f"{file.name}: no published checksum to compare with; its SHA-256 {digests[file.url]} was recorded"
    if model.kind == "piper":
        yield "Piper voices need one more package: .venv/bin/pip install -c constraints.txt piper-tts"


@contextmanager
def _bar(name: str, console: "Console | None") -> Iterator[Report]:
    # drawing costs 40 ms to load, and a daemon draws nothing
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console or Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole or None)
