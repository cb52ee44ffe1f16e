"""Scripts: kept whole, split for good, and with words where they say."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from audio.wav import read_mono
from bench.daemon import ROOT
from bench.turns import casting, make, overlays, scripts
from bench.turns.scripts import Script
from telephony.phone_report import Track
from telephony.phone_script import RATE

TEXTS = {
    "hesitations": ["мне нужен пресс на || сто килоньютон"],
    "carriers": ["какая гарантия", "где вы находитесь"],
    "numbers": [],
    "questions": [],
}


def cast(kind: str, folder: Path) -> list[Script]:
    folder.mkdir()
    studio = casting.Studio(folder, "ru", TEXTS, np.random.default_rng(5))
    return list(casting.CASTS[kind](studio))


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    made = cast("echo", tmp_path / "a")[:3] + cast("hesitation", tmp_path / "b")
    scripts.save(made, tmp_path / "s.json")
    assert scripts.load(tmp_path / "s.json") == made


def test_the_same_seed_makes_the_same_sounds(tmp_path: Path) -> None:
    """In two processes: espeak-ng throws its dice on and on."""
    program = "import sys; from pathlib import Path; from tests.bench.turns.test_scripts import cast; "
    program += "[cast(kind, Path(sys.argv[1]) / kind) for kind in ('hesitation', 'echo')]"
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        subprocess.run([sys.executable, "-c", program, str(tmp_path / folder)], cwd=ROOT, check=True)
    sounds = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.wav"))
    assert len(sounds) > 3
    for wav in sounds:
        assert (tmp_path / "a" / wav).read_bytes() == (tmp_path / "b" / wav).read_bytes(), wav


def test_speech_and_pause_lie_where_the_script_says(tmp_path: Path) -> None:
    for script in cast("hesitation", tmp_path / "a"):
        track = Track(read_mono(tmp_path / "a" / script.last.wav, RATE))
        first, pause, second = script.last.spans
        assert (first.text, second.text) == ("мне нужен пресс на", "сто килоньютон")
        assert track.first_audible(pause.start + 1, pause.end - 1) is None
        low, high = casting.PAUSE_MS
        assert low * RATE <= (pause.end - pause.start) * 1000 <= high * RATE
        # audible frames are looked at in twenties: the edge sample may lie in a soft one
        assert abs((track.first_audible(0) or 0) - first.start) <= 20 * RATE // 1000
        assert abs((track.last_audible(0, track.length) or 0) - second.end) <= 20 * RATE // 1000


def test_who_thinks_for_longer_says_the_same_with_longer_pauses(tmp_path: Path) -> None:
    (script,) = cast("long-hesitation", tmp_path / "a")
    first, pause, second = script.last.spans
    assert (first.text, second.text) == ("мне нужен пресс на", "сто килоньютон")
    low, high = casting.LONG_MS
    assert low * RATE <= (pause.end - pause.start) * 1000 <= high * RATE


def test_held_out_scripts_say_other_things_than_those_that_are_tuned_on() -> None:
    *known, held = (tomllib.loads(file.read_text(encoding="utf-8")) for file in make.parts().values())
    for language in ("ru", "en"):
        for kind in ("questions", "hesitations", "numbers", "interruptions"):
            for texts in known:
                assert not set(texts[language][kind]) & set(held[language][kind]), (language, kind)


def test_held_out_scripts_are_known_by_their_names(tmp_path: Path) -> None:
    for part in ("", make.SECOND, scripts.HELD_OUT):
        studio = casting.Studio(tmp_path, "ru", TEXTS, np.random.default_rng(5), part)
        assert {one.held_out for one in casting.CASTS["hesitation"](studio)} == {part == scripts.HELD_OUT}


def test_an_interruption_is_cast_into_an_answer_unlike_its_own(tmp_path: Path) -> None:
    asked, first = (
        "сколько это стоит",
        {"какая гарантия": "Два года.", "где вы находитесь": "Недорого. Скидки."},
    )
    pairs = {(carrier, asked): (said, "Недорого.") for carrier, said in first.items()}
    texts = {**TEXTS, "interruptions": [asked] * 8}
    studio = casting.Studio(tmp_path, "ru", texts, np.random.default_rng(5), answers=pairs)

    made = list(casting.CASTS["interruption"](studio))

    assert {one.steps[0].text for one in made} == {"какая гарантия"}
    assert min(one.last.delay_ms for one in made) >= casting.TAKEN_MS[0]


@pytest.mark.parametrize("name", overlays.NOISES)
def test_every_noise_can_be_heard(name: str) -> None:
    made = overlays.noise(name, np.random.default_rng(1))
    assert made.size > 20
    assert np.abs(made).max() > 0.01
