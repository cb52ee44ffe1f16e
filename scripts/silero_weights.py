"""Make ``audio/models/silero-vad-8k/weights.npz`` from ``silero_vad.onnx`` of the package ``silero-vad``; needs `onnx`.

python scripts/silero_weights.py silero_vad.onnx
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

WEIGHTS = Path(__file__).parents[1] / "audio/models/silero-vad-8k/weights.npz"


def constants(path: str) -> dict[str, np.ndarray]:
    """Numbers of the network's 8 kHz half, by their names."""
    choice = next(node for node in onnx.load(path).graph.node if node.op_type == "If")
    low = next(branch.g for branch in choice.attribute if branch.name == "else_branch")
    return {
        node.output[0].split("Inline_0__")[-1]: numpy_helper.to_array(node.attribute[0].t)
        for node in low.node
        if node.op_type == "Constant" and node.attribute[0].name == "value"
    }


def laid_out(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As ``audio/neural.py`` multiplies them: taps that only ever meet padding left out, gates halved for tanh."""
    convolutions = [found[f"encoder.{n}.reparam_conv.weight"].transpose(2, 1, 0) for n in range(4)]
    gates = np.concatenate((found["decoder.rnn.weight_ih"], found["decoder.rnn.weight_hh"]), axis=1)
    half = np.repeat((0.5, 0.5, 1.0, 0.5), 128)
    bias = found["decoder.rnn.bias_ih"] + found["decoder.rnn.bias_hh"]
    return {
        "fourier": found["stft.forward_basis_buffer"][:, 0].T,
        "conv0": convolutions[0].reshape(195, 128),
        "conv1": convolutions[1].reshape(384, 64),
        "conv2": convolutions[2][1:].reshape(128, 64),
        "conv3": convolutions[3][1],
        **{f"bias{n}": found[f"encoder.{n}.reparam_conv.bias"] for n in range(4)},
        "gates": gates * half[:, None],
        "gate_bias": bias * half,
        "score": found["decoder.decoder.2.weight"].reshape(128),
        "score_bias": found["decoder.decoder.2.bias"],
    }


if __name__ == "__main__":
    np.savez_compressed(
        WEIGHTS, **{name: values.astype(np.float16) for name, values in laid_out(constants(sys.argv[1])).items()}
    )
