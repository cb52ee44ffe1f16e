"""Real models in the formats that sherpa-onnx reads, all of which know the language of tones (``tone_speech``).

Each takes the library's own features (the logarithm of mel bands), compares every fourth frame with what each word's
pitch looks like in them, and says the nearest, or nothing. Names of inputs and of metadata are those that the library
asks for. A transducer emits where a word begins, and never the same word twice in a row.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.fakes.onnx_file import FLOAT, INT32, INT64, Node, Value, constant, floats, model
from tests.fakes.tone_speech import LOWEST_HZ, STEP_HZ, WORDS

RATE, FRAME = 16000, 400
EVERY = 4
"""Frames of 10 ms that become one."""
CHUNK, WINDOW = 32, 45
"""Of the streaming ones: frames from one run to the next, frames that a run sees."""
QUIET = 1.2e-7
"""Least energy of a band, as in Kaldi."""
NOTHING = len(WORDS)
OPEN = 2**31
"""No end."""
KINDS = {
    "offline-ctc": "sherpa-onnx-nemo-ctc-giga-am-tones",
    "offline-transducer": "sherpa-onnx-nemo-transducer-giga-am-tones",
    "nemo-ctc": "sherpa-onnx-nemo-streaming-fast-conformer-ctc-tones",
    "zipformer-ctc": "sherpa-onnx-streaming-zipformer-ctc-tones",
    "transducer": "sherpa-onnx-streaming-zipformer-tones",
}
"""Folder names as the makers give them, by which the kind is told."""

Array = NDArray[np.float64]


def make(folder: Path, kind: str) -> Path:
    """Write a model of ``kind`` into a folder of its own under ``folder``, and return that."""
    place = folder / KINDS[kind]
    place.mkdir(parents=True)
    first = kind in ("zipformer-ctc", "transducer")  # k2's blank is the first token, NeMo's the last
    words = [f"\u2581{word}" for word in WORDS]
    tokens = ["<blk>", *words] if first else [*words, "<blk>"]
    (place / "tokens.txt").write_text("".join(f"{token} {n}\n" for n, token in enumerate(tokens)), encoding="utf-8")
    for name, content in _files(kind).items():
        (place / name).write_bytes(content)
    return place


def _files(kind: str) -> dict[str, bytes]:
    match kind:
        case "offline-ctc":
            return {"model.int8.onnx": _giga_am_ctc()}
        case "nemo-ctc":
            return {"model.onnx": _nemo_streaming_ctc()}
        case "zipformer-ctc":
            return {"ctc-epoch-1.onnx": _zipformer(transducer=False)}
        case "offline-transducer":
            return {"encoder.int8.onnx": _giga_am_encoder(), "decoder.onnx": _decoder(), "joiner.onnx": _joiner()}
    parts = {"encoder-epoch-1": _zipformer(transducer=True), "decoder-epoch-1": _k2_decoder()}
    return {f"{name}.onnx": content for name, content in {**parts, "joiner-epoch-1": _k2_joiner()}.items()}


# ---------------------------------------------------------------- what a pitch looks like


def _templates(edges: Array, size: int, emphasis: float, *, even: bool = False) -> Array:
    """A row for each word and one for silence: its mel bands between ``edges`` (Hz), as ``log``.

    ``size``: of the Fourier transform; ``even``: wide bands don't weigh more, as in librosa.
    """
    time = np.arange(FRAME) / RATE
    bins = np.arange(size // 2 + 1) * RATE / size
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(np.minimum(rise, fall), 0)
    if even:
        filters *= (2 / (edges[2:] - edges[:-2]))[:, None]
    rows = []
    for number in range(len(WORDS)):
        wave = 0.25 * np.sin(2 * np.pi * (LOWEST_HZ + STEP_HZ * number) * time)
        wave[1:] -= emphasis * wave[:-1]
        rows.append(filters @ np.abs(np.fft.rfft(wave * np.hanning(FRAME), size)) ** 2)
    rows.append(np.zeros(len(filters)))
    return np.asarray(np.log(np.maximum(np.array(rows), QUIET)), np.float64)


def _htk(bands: int, low: float, high: float) -> Array:
    """Edges of mel bands by HTK's formula, Hz."""
    mel = np.linspace(np.log1p(low / 700), np.log1p(high / 700), bands + 2)
    return np.asarray(700 * np.expm1(mel), np.float64)


def _slaney(bands: int, high: float) -> Array:
    """By Slaney's: even up to 1 kHz, then by ratio."""
    step = np.log(6.4) / 27
    mel = np.linspace(0, 15 + np.log(high / 1000) / step, bands + 2)
    return np.asarray(np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(step * (mel - 15))), np.float64)


class _Graph:
    """Nodes and constants as they come together."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: list[bytes] = []

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: int | Sequence[int]) -> str:
        self.nodes.append(Node(operator, inputs, [output], attributes))
        return output

    def array(self, name: str, values: Array) -> str:
        self.constants.append(floats(name, values.shape, values.astype("<f4").tobytes()))
        return name

    def whole(self, name: str, values: Sequence[int]) -> str:
        self.constants.append(constant(name, values))
        return name

    def every(self, source: str, output: str, start: int, end: int = OPEN) -> str:
        """Every fourth frame along axis 1."""
        names = [
            self.whole(f"{output}_{part}", [value])
            for part, value in (("start", start), ("end", end), ("axis", 1), ("step", EVERY))
        ]
        return self.add("Slice", [source, *names], output)

    def scores(self, features: str, templates: Array, *, blank_first: bool) -> str:
        """``features``: batch x frames x bands -> how near each word and silence are, as logarithms."""
        sizes = (templates**2).sum(axis=1) / 2
        rows, sizes = (np.roll(each, int(blank_first), axis=0) for each in (templates, sizes))
        near = self.add("MatMul", [features, self.array("rows", rows.T)], "near")
        even = self.add("Sub", [near, self.array("sizes", sizes)], "even")
        return self.add("LogSoftmax", [even], "logprobs", axis=2)

    def begins(self, logprobs: str, start: int, end: int = OPEN, *, blank_first: bool) -> str:
        """10 where a word begins, 5 for silence: what a joiner adds the past to. ``start``: the first frame used."""
        likely = self.add("Exp", [logprobs], "likely")
        now = self.every(likely, "now", start, end)
        before = self.every(likely, "before", start - EVERY, end - EVERY if end < OPEN else -EVERY)
        fresh = self.add("Sub", [now, before], "fresh")
        place = 0 if blank_first else NOTHING
        words, rest = np.full(NOTHING + 1, 10.0), np.zeros(NOTHING + 1)
        words[place], rest[place] = 0.0, 5.0
        scaled = self.add("Mul", [fresh, self.array("words", words)], "scaled")
        return self.add("Add", [scaled, self.array("rest", rest)], "begins")

    def pass_on(self, values: Sequence[Value]) -> list[Value]:
        """States that nobody needs: handed back as they came."""
        for value in values:
            self.add("Identity", [value.name], f"next_{value.name}")
        return [Value(f"next_{value.name}", value.kind, value.shape) for value in values]

    def file(self, inputs: Sequence[Value], outputs: Sequence[Value], **metadata: str) -> bytes:
        return model(self.nodes, inputs, outputs, self.constants, metadata)


# ---------------------------------------------------------------- NeMo's and GigaAM's


GIGA_AM = _templates(_htk(64, 0, RATE / 2), 512, 0.0)
NEMO = _templates(_slaney(80, RATE / 2), 512, 0.97, even=True)
K2 = _templates(_htk(80, 20, RATE / 2 - 400), 512, 0.97)


def _features(graph: _Graph) -> str:
    """Batch x bands x frames -> batch x frames x bands."""
    return graph.add("Transpose", ["audio_signal"], "features", perm=[0, 2, 1])


def _nemo_inputs(bands: int) -> list[Value]:
    return [Value("audio_signal", FLOAT, ["b", bands, "t"]), Value("length", INT64, ["b"])]


def _giga_am_ctc() -> bytes:
    graph = _Graph()
    graph.every(graph.scores(_features(graph), GIGA_AM, blank_first=False), "out", EVERY - 1)
    metadata = {"vocab_size": str(NOTHING + 1), "subsampling_factor": str(EVERY), "normalize_type": ""}
    return graph.file(_nemo_inputs(64), [Value("out", FLOAT, ["b", "t4", NOTHING + 1])], **metadata, is_giga_am="1")


def _giga_am_encoder() -> bytes:
    graph = _Graph()
    scores = graph.scores(_features(graph), GIGA_AM, blank_first=False)
    graph.add("Transpose", [graph.begins(scores, EVERY, blank_first=False)], "out", perm=[0, 2, 1])
    graph.add("Div", ["length", graph.whole("every", [EVERY])], "quarter")
    graph.add("Sub", ["quarter", graph.whole("one", [1])], "out_length")
    metadata = {"vocab_size": str(NOTHING), "subsampling_factor": str(EVERY), "normalize_type": ""}
    metadata |= {"pred_rnn_layers": "1", "pred_hidden": "4", "is_giga_am": "1"}
    outputs = [Value("out", FLOAT, ["b", NOTHING + 1, "t4"]), Value("out_length", INT64, ["b"])]
    return graph.file(_nemo_inputs(64), outputs, **metadata)


def _past(blank: int) -> Array:
    """For each last word: what it takes from its own chance to come again."""
    table = -20.0 * np.eye(NOTHING + 1)
    table[blank, blank] = 0.0
    return table


def _decoder() -> bytes:
    graph = _Graph()
    inputs = [Value("targets", INT32, ["b", 1]), Value("target_length", INT32, ["b"])]
    states = [Value("h", FLOAT, [1, "b", 4]), Value("c", FLOAT, [1, "b", 4])]
    graph.add("Gather", [graph.array("past", _past(NOTHING)), "targets"], "row", axis=0)
    graph.add("Transpose", ["row"], "out", perm=[0, 2, 1])
    graph.add("Identity", ["target_length"], "out_length")
    outputs = [Value("out", FLOAT, ["b", NOTHING + 1, 1]), Value("out_length", INT32, ["b"])]
    return graph.file([*inputs, *states], [*outputs, *graph.pass_on(states)])


def _joiner() -> bytes:
    graph = _Graph()
    sides = [Value(name, FLOAT, ["b", NOTHING + 1, 1]) for name in ("encoder_outputs", "decoder_outputs")]
    both = graph.add("Add", [side.name for side in sides], "both")
    graph.add("Reshape", [both, graph.whole("shape", [-1, 1, 1, NOTHING + 1])], "out")
    return graph.file(sides, [Value("out", FLOAT, ["b", 1, 1, NOTHING + 1])])


def _nemo_streaming_ctc() -> bytes:
    graph = _Graph()
    scores = graph.scores(_features(graph), NEMO, blank_first=False)
    graph.every(scores, "out", 0, CHUNK)
    graph.add("Identity", ["length"], "out_length")
    states = [
        Value("cache_last_channel", FLOAT, ["b", 1, 2, 4]),
        Value("cache_last_time", FLOAT, ["b", 1, 4, 2]),
        Value("cache_last_channel_len", INT64, ["b"]),
    ]
    outputs = [Value("out", FLOAT, ["b", "t4", NOTHING + 1]), Value("out_length", INT64, ["b"])]
    metadata = {"window_size": str(WINDOW), "chunk_shift": str(CHUNK), "subsampling_factor": str(EVERY)}
    metadata |= {"vocab_size": str(NOTHING), "normalize_type": "", "feat_dim": "80"}
    metadata |= {f"cache_last_channel_dim{n}": str(size) for n, size in ((1, 1), (2, 2), (3, 4))}
    metadata |= {f"cache_last_time_dim{n}": str(size) for n, size in ((1, 1), (2, 4), (3, 2))}
    return graph.file([*_nemo_inputs(80), *states], [*outputs, *graph.pass_on(states)], **metadata)


# ---------------------------------------------------------------- k2's


def _zipformer(*, transducer: bool) -> bytes:
    graph = _Graph()
    scores = graph.scores("x", K2, blank_first=True)
    if transducer:
        out = graph.begins(scores, EVERY, EVERY + CHUNK, blank_first=True)
    else:
        out = graph.every(scores, "out", 0, CHUNK)
    states = [
        Value("key_0", FLOAT, [2, "b", 4]),
        Value("nonlin_0", FLOAT, [1, "b", 2, 3]),
        Value("val1_0", FLOAT, [2, "b", 4]),
        Value("val2_0", FLOAT, [2, "b", 4]),
        Value("conv1_0", FLOAT, ["b", 4, 1]),
        Value("conv2_0", FLOAT, ["b", 4, 1]),
        Value("embed_states", FLOAT, ["b", 128, 3, 19]),
        Value("processed_lens", INT64, ["b"]),
    ]
    sizes = {"encoder_dims": 4, "query_head_dims": 4, "value_head_dims": 4, "num_heads": 1}
    sizes |= {"num_encoder_layers": 1, "cnn_module_kernels": 3, "left_context_len": 2}
    sizes |= {"T": WINDOW, "decode_chunk_len": CHUNK}
    metadata = {"model_type": "zipformer2", **{name: str(size) for name, size in sizes.items()}}
    outputs = [Value(out, FLOAT, ["b", CHUNK // EVERY, NOTHING + 1]), *graph.pass_on(states)]
    return graph.file([Value("x", FLOAT, ["b", WINDOW, 80]), *states], outputs, **metadata)


def _k2_decoder() -> bytes:
    """It sees two tokens and looks at the newer one."""
    graph = _Graph()
    names = [graph.whole(name, [value]) for name, value in (("start", 1), ("end", 2), ("axis", 1))]
    newest = graph.add("Slice", ["y", *names], "newest")
    row = graph.add("Gather", [graph.array("past", _past(0)), newest], "row", axis=0)
    graph.add("Reshape", [row, graph.whole("shape", [-1, NOTHING + 1])], "decoder_out")
    outputs = [Value("decoder_out", FLOAT, ["b", NOTHING + 1])]
    return graph.file([Value("y", INT64, ["b", 2])], outputs, vocab_size=str(NOTHING + 1), context_size="2")


def _k2_joiner() -> bytes:
    graph = _Graph()
    sides = [Value(name, FLOAT, ["b", NOTHING + 1]) for name in ("encoder_out", "decoder_out")]
    graph.add("Add", [side.name for side in sides], "logit")
    return graph.file(sides, [Value("logit", FLOAT, ["b", NOTHING + 1])], joiner_dim=str(NOTHING + 1))
