"""Writes the toy Piper voice of the tests: ``python tests/voices/make_toy.py`` (needs the package ``onnx``)."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

HOP = 512
RATE = 22050
PHONEMES = "abcdefghijklmnopqrstuvwxyzæçðøħŋœɐɑɔəɛɡɣɨɪɫɭɲɵɹɾʂʃʉʊʌʐʑʒʔʲˈˌː.,!?-"


def model() -> Any:
    """A graph whose output is one period-aligned piece of a sine for every phoneme id."""
    onnx = importlib.import_module("onnx")
    kind, make, constant = onnx.TensorProto, onnx.helper, onnx.numpy_helper.from_array
    sine = 0.4 * np.sin(2 * np.pi * 5 * np.arange(HOP) / HOP)
    nodes = [
        make.make_node("Cast", ["input"], ["ids"], to=kind.FLOAT),
        make.make_node("Mul", ["ids", "zero"], ["zeros"]),
        make.make_node("Add", ["zeros", "one"], ["ones"]),
        make.make_node("Unsqueeze", ["ones", "axis"], ["column"]),
        make.make_node("Mul", ["column", "sine"], ["pieces"]),
        make.make_node("Reshape", ["pieces", "shape"], ["output"]),
    ]
    inputs = [
        make.make_tensor_value_info("input", kind.INT64, ["batch", "phonemes"]),
        make.make_tensor_value_info("input_lengths", kind.INT64, ["batch"]),
        make.make_tensor_value_info("scales", kind.FLOAT, [3]),
    ]
    constants = [
        constant(np.zeros(1, np.float32), "zero"),
        constant(np.ones(1, np.float32), "one"),
        constant(np.array([2], np.int64), "axis"),
        constant(sine.astype(np.float32).reshape(1, 1, HOP), "sine"),
        constant(np.array([1, 1, -1], np.int64), "shape"),
    ]
    output = make.make_tensor_value_info("output", kind.FLOAT, ["batch", 1, "time"])
    graph = make.make_graph(nodes, "hum", inputs, [output], constants)
    made = make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def config() -> dict[str, Any]:
    """What stands beside a voice."""
    ids = {"_": [0], "^": [1], "$": [2], " ": [3]}
    for number, phoneme in enumerate(PHONEMES, 4):
        ids.setdefault(phoneme, [number])
    return {
        "audio": {"sample_rate": RATE, "quality": "toy"},
        "espeak": {"voice": "ru"},
        "phoneme_type": "espeak",
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "num_symbols": 256,
        "num_speakers": 1,
        "speaker_id_map": {},
        "phoneme_id_map": ids,
        "language": {"code": "ru_RU"},
    }


if __name__ == "__main__":
    folder = Path(__file__).parent
    (folder / "toy.onnx").write_bytes(model().SerializeToString())
    text = json.dumps(config(), ensure_ascii=False, indent=1)
    (folder / "toy.onnx.json").write_text(text + "\n", encoding="utf-8")
