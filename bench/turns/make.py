"""``python -m bench.turns.make [FOLDER]``: generate the scripts and their audio, the same for the same seed.

Everything lands in one folder (below ``var/bench-turns``): WAVs at 8000 Hz and ``scripts.json``. It is made once, and
another one when the texts or these programs change. Needs no network.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.turns import casting, scripts, voices
from bench.turns.answers import answered
from bench.turns.scripts import HELD_OUT, Script

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "var/bench-turns"
"""Where the scripts are kept, unless told otherwise."""
SEED = 20261121
TEXTS = HERE / "texts.toml"
TEXTS_SEEN = HERE / "texts_held_out.toml"
"""Held out until their figures had been looked into; with the others since, where newer ones are there."""
TEXTS_BLIND = HERE / "texts_blind.toml"
"""Heard by nobody who works on the rules."""
SECOND = "second-"
"""How the names of scripts of ``TEXTS_SEEN`` begin when they are held out no more."""
WITH_TEXTS = ("question", "statement", "hesitation", "long-hesitation", "number", "backchannel", "interruption")
"""Kinds of which more texts make more scripts."""
MADE_BY = (
    *("texts.toml", "texts_held_out.toml", "texts_blind.toml", "make.py", "casting.py", "answers.py"),
    *("voices.py", "hums.py", "scripts.py", "overlays.py", "../ear_sounds.py"),
)
"""What the audio depends on."""


def place() -> Path:
    """Where the scripts of the present texts and programs lie: others lie elsewhere, so no run loses its files."""
    return FOLDER / fingerprint()[:12]


def ready(folder: Path) -> list[Script]:
    """The scripts in ``folder``, made now when they are not there."""
    if not (folder / "scripts.json").exists():
        # in a process of its own: espeak-ng begins with the same dice only once
        subprocess.run([sys.executable, "-m", "bench.turns.make", str(folder)], cwd=HERE.parents[1], check=True)
    return scripts.load(folder / "scripts.json")


def make(folder: Path) -> None:
    """Write all WAVs and ``scripts.json``; what was there before is removed."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    made = [
        script for number, (part, file) in enumerate(parts().items()) for script in _all(folder, file, part, number)
    ]
    scripts.save(made, folder / "scripts.json")


def parts() -> dict[str, Path]:
    """How the names of scripts begin -> their texts."""
    if not TEXTS_BLIND.exists():
        return {"": TEXTS, HELD_OUT: TEXTS_SEEN}
    return {"": TEXTS, SECOND: TEXTS_SEEN, HELD_OUT: TEXTS_BLIND}


def _all(folder: Path, file: Path, part: str, number: int) -> Iterator[Script]:
    everything = tomllib.loads(file.read_text(encoding="utf-8"))
    carriers = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    for language in ("ru", "en"):
        texts = {**everything[language], "carriers": carriers[language]["carriers"]}
        answers = answered(language, texts["carriers"], texts["interruptions"])
        # a generator of its own for each kind: a new question moves no hesitation
        for kind, cast in casting.CASTS.items():
            if (part and kind == "reference") or (part == SECOND and kind not in WITH_TEXTS):
                continue  # the answers that are talked into are the same
            dice = np.random.default_rng([SEED + number, *kind.encode(), *language.encode()])
            yield from cast(casting.Studio(folder, language, texts, dice, part, answers))


def fingerprint() -> str:
    """Of everything that the audio depends on."""
    known = hashlib.sha256()
    for file in (HERE / name for name in MADE_BY):
        known.update(file.read_bytes() if file.exists() else b"")
    known.update(f"{SEED} {voices.has_festival()} {voices.has_prompts()}".encode())
    return known.hexdigest()


def main() -> int:
    """Make and say what there is."""
    parser = argparse.ArgumentParser(prog="python -m bench.turns.make", description="Generate the turn-taking scripts.")
    parser.add_argument("folder", nargs="?", type=Path, default=place())
    args = parser.parse_args()
    make(args.folder)
    made = scripts.load(args.folder / "scripts.json")
    for optional, there in (("festival-ru", voices.has_festival()), ("recorded digits", voices.has_prompts())):
        print(f"{optional}: {'yes' if there else 'not on this machine'}")
    kinds = Counter(one.kind for one in made)
    held = Counter(one.kind for one in made if one.held_out)
    pauses = Counter(one.kind for one in made for span in one.last.spans if span.kind == "pause")
    for kind, count in kinds.items():
        print(f"{kind:12} {count:4} scripts, {held[kind]:3} held out, {pauses[kind]:3} inner pauses")
    print(f"{sum(kinds.values())} scripts in {args.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
