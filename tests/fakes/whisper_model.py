"""A whole Whisper model of CTranslate2's format, 16 MB, that always says the same.

It has the empty token by which CTranslate2 knows a multilingual model, random weights in the encoder, and a
decoder whose layers add nothing, so that the token at each place follows from the place.
"""

import json
from pathlib import Path

import numpy as np
from ctranslate2.specs import common_spec, whisper_spec
from tokenizers import Tokenizer, models, pre_tokenizers

WIDTH, HEADS, MELS, SIZE = 32, 4, 80, 51866
"""Of vectors; attention heads; mel bands; tokens."""
FIRST = 3
"""Place that CTranslate2 gives to the first token of the text."""


def make(folder: Path, text: str, language: str = "") -> Path:
    """Write a model that hears ``text`` in everything, and takes it all for ``language``; empty: for either."""
    folder.mkdir(parents=True, exist_ok=True)
    said = text.split()
    tokens = _tokens(sorted(set(said)))
    vocabulary = {token: number for number, token in enumerate(tokens)}
    spec = whisper_spec.WhisperSpec(1, HEADS, 1, HEADS)
    _fill(spec, np.random.default_rng(1))
    _say(spec, [vocabulary[word] for word in said] + [vocabulary["<|endoftext|>"]])
    if language:
        outputs = spec.decoder.projection.weight
        outputs[vocabulary[f"<|{language}|>"]] = outputs[vocabulary[said[0]]] / 2  # it stands at the first place too
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.config.lang_ids = [vocabulary["<|ru|>"], vocabulary["<|en|>"]]
    spec.config.alignment_heads = [[0, 0]]
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": MELS}))
    return folder


def _tokens(words: list[str]) -> list[str]:
    special = ["endoftext", "startoftranscript", "en", "ru", "translate", "transcribe", "startoflm", "startofprev"]
    marks = [f"<|{name}|>" for name in (*special, "nospeech", "notimestamps")]
    times = [f"<|{number * 0.02:.2f}|>" for number in range(1501)]
    filler = [f"<filler {number}>" for number in range(SIZE - len(words) - 2 - len(marks) - len(times))]
    return [*words, "<unk>", "", *filler, *marks, *times]


def _fill(spec: whisper_spec.WhisperSpec, random: np.random.Generator) -> None:
    """Random weights of the right shapes."""

    def weights(*shape: int) -> "np.typing.NDArray[np.float32]":
        return (random.standard_normal(shape) * 0.1).astype(np.float32)

    def norm(layer: common_spec.LayerNormSpec) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def linear(layer: common_spec.LinearSpec, rows: int, columns: int, scale: float = 1.0) -> None:
        layer.weight, layer.bias = weights(rows, columns) * np.float32(scale), np.zeros(rows, np.float32)

    def attention(layer: object, sizes: tuple[int, ...], scale: float) -> None:
        norm(layer.layer_norm)  # type: ignore[attr-defined]
        for part, rows in zip(layer.linear, (*sizes, WIDTH), strict=True):  # type: ignore[attr-defined]
            linear(part, rows, WIDTH, scale)

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = weights(WIDTH, MELS, 3), np.zeros(WIDTH, np.float32)
    encoder.conv2.weight, encoder.conv2.bias = weights(WIDTH, WIDTH, 3), np.zeros(WIDTH, np.float32)
    encoder.position_encodings.encodings = weights(1500, WIDTH)
    for layer, scale in ((encoder.layer[0], 1.0), (decoder.layer[0], 0.0)):
        attention(layer.self_attention, (3 * WIDTH,), scale)
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, 4 * WIDTH, WIDTH, scale)
        linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH, scale)
    attention(decoder.layer[0].attention, (WIDTH, 2 * WIDTH), 0.0)
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)


def _say(spec: whisper_spec.WhisperSpec, tokens: list[int]) -> None:
    """A slot of the vectors for each token to come; the place chooses the slot, the slot the token."""
    slots = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    places, outputs = np.zeros((448, WIDTH), np.float32), np.zeros((SIZE, WIDTH), np.float32)
    for place in range(448):
        token = tokens[min(max(place - FIRST, 0), len(tokens) - 1)]
        places[place, slots[token]] = 4.0
    for token, slot in slots.items():
        outputs[token, slot] = 4.0
    spec.decoder.embeddings.weight = np.zeros((SIZE, WIDTH), np.float32)
    spec.decoder.position_encodings.encodings = places
    spec.decoder.projection.weight = outputs
