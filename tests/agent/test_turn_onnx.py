"""The end-of-turn model: real ONNX files, written here, in a real onnxruntime."""

import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backends.turn_onnx import HOP, RATE, OnnxTurnModel, log_mel, window
from agent.errors import HearingError, StartError
from audio.level import comfort_noise, tone
from audio.wav import read_mono
from tests.fakes.onnx_file import FLOAT, INT64, Node, Value, constant, model

needs_runtime = pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="needs onnxruntime")
SPEECH = Path(__file__).parents[1] / "speech/ru/domain/espeak-f3_25.wav"
WHOLE = 8 * RATE


def feature(band: int, frame: int, frames: int | str = 800) -> bytes:
    """A model that judges by one feature: the sigmoid of the band's value there."""
    nodes = [
        Node("Gather", ["x", "band"], ["row"], {"axis": 1}),
        Node("Gather", ["row", "frame"], ["value"], {"axis": 2}),
        Node("Sigmoid", ["value"], ["y"]),
    ]
    places = [constant("band", [band]), constant("frame", [frame])]
    return model(nodes, [Value("x", FLOAT, ["batch", 80, frames])], "y", places)


def sample(place: int, samples: int | str) -> bytes:
    """A model that judges by one sample."""
    nodes = [Node("Gather", ["x", "place"], ["value"], {"axis": 1}), Node("Sigmoid", ["value"], ["y"])]
    return model(nodes, [Value("x", FLOAT, [1, samples])], "y", [constant("place", [place])])


@asynccontextmanager
async def loaded(content: bytes, folder: Path) -> AsyncIterator[OnnxTurnModel]:
    file = folder / "turn.onnx"
    file.write_bytes(content)
    turns = await OnnxTurnModel.load(file)
    try:
        yield turns
    finally:
        await turns.close()


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def slow_log_mel(audio: np.ndarray) -> np.ndarray:
    """The same features by their definitions: a Fourier sum, triangles drawn point by point, float64."""
    level = audio.astype(np.float64)
    level = (level - level.mean()) / np.sqrt(np.mean((level - level.mean()) ** 2) + 1e-7)
    turning = np.exp(-2j * np.pi * np.outer(np.arange(400), np.arange(201)) / 400)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)

    def at(place: int) -> float:
        place = abs(place)
        return float(level[place if place < level.size else 2 * (level.size - 1) - place])

    def mel(hz: float) -> float:
        return 3 * hz / 200 if hz < 1000 else 15 + 27 * float(np.log(hz / 1000) / np.log(6.4))

    count = audio.size // 160
    frames = np.array([[at(160 * n - 200 + k) for k in range(400)] for n in range(count)])
    power = np.abs((frames * hann) @ turning) ** 2
    grid = np.linspace(0, 8000, 800_001)
    edges = np.interp(np.linspace(0, mel(8000), 82), [mel(hz) for hz in grid], grid)
    bands = np.zeros((80, count))
    for band in range(80):
        low, middle, high = edges[band : band + 3]
        for line in range(201):
            hz = 40 * line
            height = max(0.0, min((hz - low) / (middle - low), (high - hz) / (high - middle)))
            bands[band] += height * 2 / (high - low) * power[:, line]
    logs = np.log10(np.maximum(bands, 1e-10))
    return np.asarray((np.maximum(logs, logs.max() - 8) + 4) / 4)


@pytest.mark.parametrize(
    "pcm",
    [read_mono(SPEECH, RATE)[:32_000], tone(440, 1000, RATE), comfort_noise(RATE, -30), bytes(2 * RATE)],
    ids=["speech", "tone", "noise", "silence"],
)
def test_features_are_whispers(pcm: bytes) -> None:
    audio = window(pcm, RATE, RATE)

    made = log_mel(audio)

    assert made.shape == (80, 100)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, slow_log_mel(audio), atol=2e-4)


def test_the_newest_sound_stands_last_and_silence_before_it() -> None:
    short = np.arange(1, 5, dtype="<i2") * 4096
    assert window(short.tobytes(), RATE, 6).tolist() == [0, 0, 0.125, 0.25, 0.375, 0.5]
    assert window(short.tobytes(), RATE, 2).tolist() == [0.375, 0.5]
    assert window(b"", RATE, 2).tolist() == [0, 0]
    assert window(short.tobytes() + b"\x01", RATE, 2).tolist() == [0.375, 0.5]  # half a sample is none


@given(st.sampled_from([8000, 16000, 48000]), st.binary(max_size=4000), st.integers(1, 2000))
def test_any_audio_makes_a_window_of_the_same_length(rate: int, pcm: bytes, samples: int) -> None:
    made = window(pcm, rate, samples)

    assert made.shape == (samples,)
    assert np.abs(made).max() <= 1.0


def test_telephone_audio_is_brought_to_the_models_rate() -> None:
    made = window(tone(1000, 1000, 8000), 8000, RATE)
    spectrum = np.abs(np.fft.rfft(made[2000:14000]))

    assert np.argmax(spectrum) == pytest.approx(1000 * 12000 / RATE, abs=1)
    assert np.sqrt(np.mean(made[2000:14000] ** 2)) == pytest.approx(10 ** (-12 / 20), rel=0.01)


@needs_runtime
async def test_a_model_of_features_is_given_the_last_eight_seconds(tmp_path: Path) -> None:
    pcm = read_mono(SPEECH, 8000)
    features = log_mel(window(pcm, 8000, WHOLE))
    for band, frame in ((20, 799), (5, 700), (60, 650), (0, 0)):
        async with loaded(feature(band, frame), tmp_path) as turns:
            assert logit(await turns.ended(pcm, 8000)) == pytest.approx(features[band, frame], abs=1e-4)
            assert logit(await turns.ended(tone(300, 9000, 8000) + bytes(64_000) + pcm, 8000)) != pytest.approx(
                features[band, frame], abs=1e-4
            )


@needs_runtime
@pytest.mark.parametrize(("frames", "seconds"), [(200, 2), ("time", 8)])
async def test_a_model_says_how_far_back_it_looks(frames: int | str, seconds: int, tmp_path: Path) -> None:
    pcm = read_mono(SPEECH, RATE)
    last = seconds * RATE // HOP - 1
    async with loaded(feature(10, last, frames), tmp_path) as turns:
        assert logit(await turns.ended(pcm, RATE)) == pytest.approx(
            log_mel(window(pcm, RATE, seconds * RATE))[10, last], abs=1e-4
        )


@needs_runtime
@pytest.mark.parametrize("samples", [48_000, "time"])
async def test_a_model_of_plain_audio_is_given_the_samples(samples: int | str, tmp_path: Path) -> None:
    pcm = (np.arange(-4000, 4000, dtype="<i2") * 4).tobytes()
    async with loaded(sample(-3, samples), tmp_path) as turns:
        assert logit(await turns.ended(pcm, RATE)) == pytest.approx(3997 * 4 / 32768, abs=1e-4)


@needs_runtime
async def test_calls_ask_at_the_same_time_and_each_gets_its_own_answer(tmp_path: Path) -> None:
    async with loaded(sample(-1, 16), tmp_path) as turns:
        asked = [np.full(16, value, "<i2").tobytes() for value in range(-8192, 8192, 1024)]
        answers = [turns.ended(pcm, RATE) for pcm in asked]
        given_back = [await answer for answer in answers]
    assert given_back == sorted(set(given_back))


@needs_runtime
async def test_what_is_no_probability_is_a_fault_of_hearing(tmp_path: Path) -> None:
    nodes = [Node("Gather", ["x", "place"], ["y"], {"axis": 1})]
    content = model(nodes, [Value("x", FLOAT, [1, 16])], "y", [constant("place", [-1])])
    async with loaded(content, tmp_path) as turns:
        assert await turns.ended(np.full(16, 16384, "<i2").tobytes(), RATE) == 0.5
        with pytest.raises(HearingError, match="end-of-turn model failed"):
            await turns.ended(np.full(16, -16384, "<i2").tobytes(), RATE)


def two_values() -> bytes:
    nodes = [Node("Gather", ["x", "places"], ["y"], {"axis": 1})]
    return model(nodes, [Value("x", FLOAT, [1, 16])], "y", [constant("places", [0, 1])])


def two_inputs() -> bytes:
    inputs = [Value("x", FLOAT, [1, 16]), Value("length", FLOAT, [1, 16])]
    return model([Node("Add", ["x", "length"], ["y"])], inputs, "y", [])


def whole_numbers() -> bytes:
    return model([Node("Cast", ["x"], ["y"], {"to": FLOAT})], [Value("x", INT64, [1, 16])], "y", [])


def other_bands() -> bytes:
    return model([Node("Sigmoid", ["x"], ["y"])], [Value("x", FLOAT, [1, 128, 800])], "y", [])


@needs_runtime
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (lambda: b"no model", "can't be used as an end-of-turn model .*take it out"),
        (lambda: b"", "can't be used"),
        (lambda: feature(79, 799)[:-40], "can't be used"),
        (two_values, "gives 2 values where an end-of-turn model gives one"),
        (two_inputs, r"its input is x \[1, 16\] .*, length .* want one float input \[1, 80, frames\] or"),
        (other_bands, r"its input is x \[1, 128, 800\]"),
        (whole_numbers, r"its input is x \[1, 16\] tensor\(int64\), want one float input"),
        (lambda: feature(10, 500, 300), "can't be used"),  # asks for a place that its input has not
    ],
)
async def test_what_is_no_end_of_turn_model_is_named_at_the_start(
    content: Callable[[], bytes], fault: str, tmp_path: Path
) -> None:
    file = tmp_path / "turn.onnx"
    file.write_bytes(content())
    with pytest.raises(StartError, match=f"turn.onnx: {fault}"):
        await OnnxTurnModel.load(file)


@needs_runtime
async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"nowhere.onnx: there is no such file: set \[turns\] model"):
        await OnnxTurnModel.load(tmp_path / "nowhere.onnx")


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    """In an interpreter that has no onnxruntime."""
    program = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from pathlib import Path\n"
        "from agent.backends.turn_onnx import OnnxTurnModel\n"
        "from agent.errors import StartError\n"
        "try:\n    OnnxTurnModel(Path('x.onnx'))\n"
        "except StartError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "needs the package onnxruntime: run `.venv/bin/pip install" in done.stdout
