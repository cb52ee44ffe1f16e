"""XTTS v2 (``coqui-tts``, imported as TTS) inside a worker process. See ``tts_xtts``.

The library's own reader of samples needs FFmpeg by way of ``torchcodec``; ours are plain WAV files, so they are read
here and handed over as tensors.
"""

import logging
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts

from agent.backends.xtts_latents import Latents, name_of, read, write
from audio.frame import SAMPLE_BYTES
from audio.wav import read_mono

SAMPLE_RATE = 22050
"""What the model listens to, Hz."""
HEARD_S = 30
"""Of each sample so much is listened to for the timbre, seconds."""
MANNER_S, MANNER_PIECE_S = 12, 4
"""Of all samples so much for the manner of speaking, in pieces of that length, seconds."""
FULL_SCALE = 32767.0


def load(folder: str, voice: str, device: str, threads: int) -> "Speaker":
    """The factory. ``voice``: a folder with the samples of a cloned voice, or the name of a speaker of the model's."""
    logging.getLogger("TTS").setLevel(logging.ERROR)  # its warnings hold the text that is spoken
    logging.getLogger("transformers").setLevel(logging.ERROR)
    torch.set_num_threads(threads or max((os.cpu_count() or 2) - 1, 1))
    return Speaker(Path(folder), voice, device)


class Speaker:
    """One model and one voice."""

    def __init__(self, folder: Path, voice: str, device: str) -> None:
        for name in ("config.json", "model.pth", "vocab.json"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder / name}: not there; [xtts] model is the folder of an XTTS v2 model")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        config = XttsConfig()
        config.load_json(str(folder / "config.json"))
        self._model = Xtts(config)
        self._model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True)
        self._model.to(device)
        self._latents, self.learnt = self._speaker(folder, voice)
        self._rate = int(config.audio.output_sample_rate)

    def do(self, request: dict[str, Any], payload: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        """``text``, ``language``, ``manner`` (keywords of the library's), ``chunk``: tokens; ``most_s``: no longer.

        An empty text tells what there is: the rate, the device, whether the speaker was listened to just now.
        """
        if not request["text"]:
            device = "cuda" if self._model.device.type == "cuda" else "cpu"
            yield {"rate": self._rate, "device": device, "learnt": self.learnt}, b""
            return
        torch.manual_seed(zlib.crc32(request["text"].encode()))  # the same sentence sounds the same each time
        left = int(request["most_s"] * self._rate)
        manner, timbre = self._latents
        pieces = self._model.inference_stream(
            request["text"],
            request["language"],
            manner,
            timbre,
            stream_chunk_size=request["chunk"],
            **request["manner"],
        )
        for piece in pieces:
            pcm = _pcm(piece)[: left * SAMPLE_BYTES]
            left -= len(pcm) // SAMPLE_BYTES
            yield {}, pcm
            if left <= 0:  # it lost its way and would babble on to its longest
                return

    def _speaker(self, folder: Path, voice: str) -> tuple[tuple[torch.Tensor, torch.Tensor], bool]:
        if not Path(voice).is_dir():
            return self._own(voice), False
        samples = sorted(Path(voice).glob("*.wav"))
        path = Path(voice) / name_of(samples, folder)
        known = read(path)
        if known is None:
            known = self._listen(samples)
            write(path, known)
            return _tensors(known), True
        return _tensors(known), False

    def _own(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """A speaker that the model brings along."""
        manager = self._model.speaker_manager
        speakers: dict[str, dict[str, torch.Tensor]] = manager.speakers if manager is not None else {}
        if name not in speakers:
            some = ", ".join(list(speakers)[:5]) or "none"
            raise LookupError(
                f"no voice {name!r}: neither cloned (`allo voice clone`) nor one of the model's ({some} ...)"
            )
        return speakers[name]["gpt_cond_latent"], speakers[name]["speaker_embedding"]

    def _listen(self, samples: list[Path]) -> Latents:
        """As ``Xtts.get_conditioning_latents`` does: each sample for the timbre, all together for the manner."""
        if not samples:
            raise FileNotFoundError("the cloned voice has no samples; clone it again")
        heard = [_tensor(read_mono(path, SAMPLE_RATE))[:, : HEARD_S * SAMPLE_RATE] for path in samples]
        timbres = [self._model.get_speaker_embedding(sample, SAMPLE_RATE) for sample in heard]
        manner = self._model.get_gpt_cond_latents(
            torch.cat(heard, dim=-1), SAMPLE_RATE, length=MANNER_S, chunk_length=MANNER_PIECE_S
        )
        return Latents(manner.cpu().numpy(), torch.stack(timbres).mean(dim=0).cpu().numpy())


def _tensors(latents: Latents) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(latents.manner.copy()), torch.from_numpy(latents.timbre.copy())


def _tensor(pcm: bytes) -> torch.Tensor:
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
    return torch.from_numpy(samples).unsqueeze(0)


def _pcm(piece: torch.Tensor) -> bytes:
    samples = torch.clamp(piece.detach().float().cpu(), -1.0, 1.0).numpy()
    return bytes(np.rint(samples * np.float32(FULL_SCALE)).astype("<i2").tobytes())
