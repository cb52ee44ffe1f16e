"""Cloned voices on this machine: a folder each under ``storage.dir/voices``, with its samples and what they are.

The samples are kept (mono, 22,050 Hz), because each model listens to them itself. They are a person's voice: only the
owner of the files may read them.
"""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.errors import StartError
from agent.voices.voice_samples import Sample
from audio.wav import read_mono, write_mono

RATE = 22_050
"""Of the samples that are kept, Hz: what XTTS listens to."""
ABOUT = "voice.json"
_NAME = re.compile(r"[^\W_][\w-]{0,39}")


@dataclass(frozen=True, slots=True)
class Cloned:
    """One cloned voice."""

    name: str
    folder: Path
    made_at: str
    """Date, ISO 8601; empty: not known."""
    samples: int
    """Recordings."""
    seconds: float
    """Of speech in them."""

    @property
    def note(self) -> str:
        """For people."""
        return f"cloned {self.made_at[:10]} from {self.samples} recordings, {self.seconds:.0f} s of speech"


def voices_dir(storage: Path) -> Path:
    """Where they lie."""
    return storage / "voices"


def list_cloned(storage: Path) -> list[Cloned]:
    """All, by name."""
    found = (find_cloned(storage, path.parent.name) for path in sorted(voices_dir(storage).glob(f"*/{ABOUT}")))
    return [voice for voice in found if voice is not None]


def find_cloned(storage: Path, name: str) -> Cloned | None:
    """One by its name; None: there is none. Raises ``StartError`` where its description is damaged."""
    if not _NAME.fullmatch(name):
        return None
    path = voices_dir(storage) / name / ABOUT
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        seconds = sum(sample["speech_s"] for sample in about["samples"])
        return Cloned(name, path.parent, str(about.get("made_at", "")), len(about["samples"]), seconds)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StartError(f"{path}: can't be read ({type(error).__name__}); clone the voice again") from None


def check_name(name: str) -> None:
    """Raise ``StartError`` where a voice can't be called so."""
    if not _NAME.fullmatch(name):
        raise StartError(f"{name!r} can't be a voice's name: letters, figures, - and _ only, 40 at most")


def keep(storage: Path, name: str, samples: Sequence[Sample], made_at: str, *, replace: bool) -> Path:
    """Write a voice's folder, whole or not at all, and return it; raises ``StartError``.

    ``replace``: a voice of that name goes away; else it is an error.
    """
    check_name(name)
    folder, part = voices_dir(storage) / name, voices_dir(storage) / f".{name}.part"
    if folder.exists() and not replace:
        raise StartError(f"there is a voice {name} already; `--replace` makes it anew")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700, parents=True)
        about = [_copied(sample, part / f"{number:02d}.wav") for number, sample in enumerate(samples, 1)]
        text = json.dumps({"name": name, "made_at": made_at, "samples": about}, ensure_ascii=False, indent=1)
        (part / ABOUT).write_text(text + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        part.replace(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise StartError(f"{folder}: can't be written: {error.strerror}") from None
    return folder


def _copied(sample: Sample, to: Path) -> dict[str, object]:
    write_mono(to, read_mono(sample.path, RATE), RATE)
    to.chmod(0o600)
    own = {key: round(value, 4) for key, value in asdict(sample.quality).items()} if sample.quality else {}
    return {"file": to.name, "from": sample.path.name, **own, "remarks": sample.remarks}
