"""sherpa-onnx inside a worker process: streams of calls over one model, streaming or not. See ``stt_sherpa``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sherpa_onnx

T_ONE_RATE, RATE = 8000, 16000
"""What the models were trained on, Hz."""
LEAD_S = {"t-one": 0.3}
"""Silence before the audio, seconds, where a model wants some."""
TAIL_S = 0.66
"""Silence after it, seconds, by which the look-ahead comes out."""
PEEK_S = 6.0
"""A longer utterance is not decoded again for a peek, seconds."""
BREAK = "\u2581"
"""Before a word's first token in some vocabularies; others have a space."""


def load(folder: str, kind: str, threads: int) -> "Sherpa":
    """The factory; see ``stt_sherpa.find_kind`` for ``kind``."""
    return Sherpa(Path(folder), kind, threads)


def _file(folder: Path, name: str) -> str:
    """A model file, the quantised one where there are both; raises ``FileNotFoundError``."""
    found = sorted(folder.glob(f"{name}*.onnx"), key=lambda path: ("int8" not in path.name, path.name))
    if not found:
        raise FileNotFoundError(f"{folder}: no {name}*.onnx")
    return str(found[0])


def _recogniser(folder: Path, kind: str, threads: int) -> Any:
    tokens = folder / "tokens.txt"
    if not tokens.is_file():
        raise FileNotFoundError(f"{tokens}: not there")
    common = {"tokens": str(tokens), "num_threads": threads}
    online, offline = sherpa_onnx.OnlineRecognizer, sherpa_onnx.OfflineRecognizer
    match kind:
        case "t-one":
            return online.from_t_one_ctc(model=_file(folder, "model"), sample_rate=T_ONE_RATE, **common)
        case "zipformer-ctc":
            return online.from_zipformer2_ctc(model=_file(folder, ""), **common)
        case "nemo-ctc":
            return online.from_nemo_ctc(model=_file(folder, "model"), **common)
        case "offline-ctc":
            return offline.from_nemo_ctc(model=_file(folder, "model"), **common)
    parts = {name: _file(folder, name) for name in ("encoder", "decoder", "joiner")}
    if kind == "offline-transducer":
        return offline.from_transducer(model_type="nemo_transducer", **parts, **common)
    return online.from_transducer(**parts, **common)


class Sherpa:
    """One model, and a stream for each utterance that is going on."""

    def __init__(self, folder: Path, kind: str, threads: int) -> None:
        self._kind, self._streaming = kind, not kind.startswith("offline")
        self._recogniser = _recogniser(folder, kind, threads)
        self._streams: dict[int, _Stream] = {}

    def do(self, request: dict[str, Any], payload: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        """``stream``: which; ``rate``: of the payload, Hz; ``what``: ``push``, ``peek``, ``end`` or ``drop``."""
        number, what = request["stream"], request["what"]
        if what == "drop":
            self._streams.pop(number, None)
            return
        if number not in self._streams:
            self._streams[number] = _Stream(self._new(request["rate"]), request["rate"])
        stream = self._streams[number]
        stream.pcm += payload
        if self._streaming and payload:
            stream.inner.accept_waveform(stream.rate, _floats(payload))
            self._decode(stream.inner)
        if what == "end":
            del self._streams[number]
            yield self._concluded(stream), b""
        elif what == "peek" and len(stream.pcm) // 2 <= PEEK_S * stream.rate:
            scout = _Stream(self._new(stream.rate), stream.rate, stream.pcm)
            told = self._concluded(scout, again=True)
            stream.last = told["words"]
            yield told, b""
        else:
            yield self._told(stream.inner if self._streaming else None, stream), b""

    def _new(self, rate: int) -> Any:
        inner = self._recogniser.create_stream()
        if self._streaming and self._kind in LEAD_S:
            inner.accept_waveform(rate, np.zeros(int(LEAD_S[self._kind] * rate), np.float32))
        return inner

    def _decode(self, inner: Any) -> None:
        while self._recogniser.is_ready(inner):
            self._recogniser.decode_stream(inner)

    def _concluded(self, stream: "_Stream", *, again: bool = False) -> dict[str, Any]:
        """Everything, the look-ahead included; ``again``: nothing was given to this stream yet."""
        inner = stream.inner
        if not self._streaming:
            inner.accept_waveform(stream.rate, _floats(bytes(stream.pcm)))
            self._recogniser.decode_stream(inner)
            return self._told(inner, stream)
        if again:
            inner.accept_waveform(stream.rate, _floats(bytes(stream.pcm)))
        inner.accept_waveform(stream.rate, np.zeros(int(TAIL_S * stream.rate), np.float32))
        inner.input_finished()
        self._decode(inner)
        return self._told(inner, stream)

    def _told(self, inner: Any, stream: "_Stream") -> dict[str, Any]:
        """Words with their places in samples; ``inner`` None: not decoded yet."""
        if inner is None:
            return {"words": stream.last}
        result = self._recogniser.get_result_all(inner) if self._streaming else inner.result
        lead = LEAD_S.get(self._kind, 0.0)
        end = len(stream.pcm) // 2
        starts = [min(max(int((time - lead) * stream.rate), 0), end) for time in result.timestamps]
        return {"words": _words(list(result.tokens), starts, end) or [(w, end, end) for w in result.text.split()]}


class _Stream:
    """An utterance that is going on."""

    def __init__(self, inner: Any, rate: int, pcm: bytes | bytearray = b"") -> None:
        self.inner, self.rate = inner, rate
        self.pcm = bytearray(pcm)
        self.last: list[tuple[str, int, int]] = []
        """What a model that does not stream said last."""


def _words(tokens: list[str], starts: list[int], end: int) -> list[tuple[str, int, int]]:
    """Tokens joined to words, each with its first sample and the one after its last."""
    if len(tokens) != len(starts):
        return []
    words: list[tuple[str, int, int]] = []
    fresh = True
    for number, (token, start) in enumerate(zip(tokens, starts, strict=True)):
        fresh = fresh or token[:1] in (" ", BREAK)
        letters = token.strip(f" {BREAK}").lower()
        after = starts[number + 1] if number + 1 < len(starts) else end
        if not letters:
            continue
        if fresh:
            words.append((letters, start, after))
        else:
            words[-1] = (words[-1][0] + letters, words[-1][1], after)
        fresh = token[-1:] in (" ", BREAK)
    return words


def _floats(pcm: bytes) -> "np.typing.NDArray[np.float32]":
    return np.frombuffer(pcm, np.int16).astype(np.float32) / np.float32(32768)
