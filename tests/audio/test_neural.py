"""The network computed here against the original, run once by its vendor's runtime over the same recordings."""

import json
from pathlib import Path

import numpy as np
import pytest

from audio import neural
from audio.wav import read_mono
from tests.machine_code import compiled_c

HERE = Path(__file__).parent
GOLDEN: dict[str, list[float]] = json.loads((HERE / "golden" / "silero_8k.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def machine_code(tmp_path_factory: pytest.TempPathFactory) -> neural.Hear:
    """What `make compile` makes of the network."""
    hear: neural.Hear = compiled_c("neural_steps", "neural.c", tmp_path_factory.mktemp("made")).hear
    return hear


@pytest.fixture(params=["numpy", "machine code"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to compute it."""
    made = request.getfixturevalue("machine_code") if request.param == "machine code" else None
    monkeypatch.setattr(neural, "_MADE", made)


def heard(name: str, voice: neural.Voice) -> list[float]:
    pcm = read_mono(HERE.parent / "speech" / name)
    samples = (np.frombuffer(pcm, dtype="<i2") / 32768).astype(np.float32)
    padded: neural.Floats = np.concatenate((np.zeros(neural.CONTEXT, np.float32), samples))
    return [
        voice.hear(padded[at : at + neural.CONTEXT + neural.STEP])
        for at in range(0, samples.size - neural.STEP + 1, neural.STEP)
    ]


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("name", GOLDEN)
def test_the_same_probabilities_as_the_original(name: str) -> None:
    assert np.abs(np.array(heard(name, neural.Voice())) - GOLDEN[name]).max() < 0.01


@pytest.mark.usefixtures("either")
def test_a_forgotten_sound_leaves_nothing_behind() -> None:
    voice = neural.Voice()
    first, second = list(GOLDEN)[:2]
    fresh = heard(first, voice)
    heard(second, voice)
    voice.forget()

    assert heard(first, voice) == fresh


def test_a_missing_network_says_where_it_should_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(neural, "WEIGHTS", tmp_path / "weights.npz")
    neural._weights.cache_clear()
    try:
        with pytest.raises(FileNotFoundError, match=r"weights\.npz; install"):
            neural.load()
    finally:
        neural._weights.cache_clear()


@pytest.mark.usefixtures("either")
def test_voices_heard_together_are_heard_as_if_each_were_alone() -> None:
    dice = np.random.default_rng(0)
    sounds = (dice.standard_normal((neural.MOST + 4, 12, neural.CONTEXT + neural.STEP)) * 0.3).astype(np.float32)
    alone, together = [[neural.Voice() for _ in sounds] for _ in range(2)]
    for step in range(12):
        chosen = [int(number) for number in dice.permutation(len(sounds))[: 1 + step * 2]]
        expected = [alone[number].hear(np.clip(sounds[number, step], -1, 1)) for number in chosen]
        steps = [neural.Step(together[number], sounds[number, step]) for number in chosen]
        assert neural.hear_together(steps) == expected
    assert neural.hear_together([]) == []


def test_machine_code_differs_from_numpy_by_roundings_only(
    machine_code: neural.Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = next(iter(GOLDEN))
    ways = []
    for made in (None, machine_code):
        monkeypatch.setattr(neural, "_MADE", made)
        ways.append(np.array(heard(name, neural.Voice())))
    assert np.abs(ways[0] - ways[1]).max() < 1e-4


def test_machine_code_refuses_what_is_no_step(machine_code: neural.Hear) -> None:
    sound, memory = np.zeros(neural.CONTEXT + neural.STEP, np.float32), np.zeros(256, np.float32)
    weights, many = neural.laid_out(), neural.MOST + 1
    with pytest.raises(ValueError, match="288 floats are wanted, 40 bytes came"):
        machine_code(weights, [sound[:10]], [memory], [1.0])
    with pytest.raises(ValueError, match="256 floats are wanted"):
        machine_code(weights, [sound], [memory[:255]], [1.0])
    with pytest.raises(ValueError, match="floats are wanted"):
        machine_code(weights[:-1], [sound], [memory], [1.0])
    with pytest.raises(ValueError, match=f"up to {neural.MOST} steps"):
        machine_code(weights, [sound] * many, [memory] * many, [1.0] * many)
    with pytest.raises(ValueError, match="as many memories"):
        machine_code(weights, [sound], [], [1.0])
    with pytest.raises((BufferError, ValueError)):
        machine_code(weights, [sound[::2]], [memory], [1.0])
    with pytest.raises(TypeError):
        machine_code(weights, [sound], [memory], ["1"])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        machine_code(weights, (sound,), [memory], [1.0])  # type: ignore[arg-type]
    memory.flags.writeable = False
    with pytest.raises((BufferError, ValueError)):
        machine_code(weights, [sound], [memory], [1.0])
    assert machine_code(weights, [], [], []) == []
