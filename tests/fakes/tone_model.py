"""A real model of T-one's format that knows one thing: the pitches of ``tone_speech``. Its tokens are whole words.

A step is 30 ms, a run of the network 300 ms at 8 kHz (``signal`` int32 of batch x 2400 x 1, ``state`` float16); it
correlates each step with sines and cosines of the words' pitches and takes the loudest.
"""

from pathlib import Path

import numpy as np

from tests.fakes.onnx_file import FLOAT, FLOAT16, INT32, Node, Value, constant, floats, model
from tests.fakes.tone_speech import LOWEST_HZ, STEP_HZ, WORDS

STEP, STEPS, RATE = 240, 10, 8000
BLANK_LEVEL = 0.02
"""Relative loudness under which a step is silence."""


def make(folder: Path) -> Path:
    """Write ``model.onnx`` and ``tokens.txt``."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"\u2581{word} {number}\n" for number, word in enumerate(WORDS)]
    (folder / "tokens.txt").write_text("".join([*lines, f"<blk> {len(WORDS)}\n"]), encoding="utf-8")
    (folder / "model.onnx").write_bytes(_model())
    return folder


def _model() -> bytes:
    time = np.arange(STEP) / RATE
    angles = 2 * np.pi * np.outer(time, [LOWEST_HZ + STEP_HZ * number for number in range(len(WORDS))])
    window = (np.hanning(STEP) * 2 / STEP)[:, np.newaxis]
    whole = {"steps": (0, STEPS, STEP), "blank": (0, 0, 0, 0, 0, 1)}
    tensors = {
        "sines": np.sin(angles) * window,
        "cosines": np.cos(angles) * window,
        "scale": np.array(1 / 32768),
        "level": np.array(BLANK_LEVEL**2),
    }
    nodes = [
        Node("Cast", ["signal"], ["floats"], {"to": FLOAT}),
        Node("Mul", ["floats", "scale"], ["small"]),
        Node("Reshape", ["small", "steps"], ["cut"]),
        Node("MatMul", ["cut", "sines"], ["in_phase"]),
        Node("MatMul", ["cut", "cosines"], ["quadrature"]),
        Node("Mul", ["in_phase", "in_phase"], ["one"]),
        Node("Mul", ["quadrature", "quadrature"], ["other"]),
        Node("Add", ["one", "other"], ["power"]),
        Node("Pad", ["power", "blank", "level"], ["logits"]),
        Node("LogSoftmax", ["logits"], ["logprobs"], {"axis": 2}),
        Node("Identity", ["state"], ["state_next"]),
    ]
    constants = [constant(name, values) for name, values in whole.items()]
    constants += [floats(name, each.shape, each.astype("<f4").tobytes()) for name, each in tensors.items()]
    return model(
        nodes,
        [Value("signal", INT32, ["b", STEP * STEPS, 1]), Value("state", FLOAT16, ["b", 4])],
        [Value("logprobs", FLOAT, ["b", STEPS, len(WORDS) + 1]), Value("state_next", FLOAT16, ["b", 4])],
        constants,
        {"frame_length_ms": "300", "state_dim": "4", "sample_rate": str(RATE)},
    )
