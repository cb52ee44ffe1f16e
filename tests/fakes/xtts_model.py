"""A whole XTTS v2 checkpoint of the true layout with small dimensions and random weights: it says nothing, in sound.

The parts whose size the library fixes (the decoder of the waveform, the speaker encoder) keep it; the language model
has two layers. ``python -m tests.fakes.xtts_model FOLDER`` writes one; it needs the extra ``xtts``.
"""

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models
from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
from TTS.tts.models.xtts import Xtts

WIDTH, SPEAKER = 64, 512
"""Of the language model's vectors and of the speaker's."""
SOUNDS = 64
"""Different tokens of sound; two more mark begin and end."""
LONGEST = 40
"""Tokens of sound in one text: each is 1,024 samples at 22,050 Hz."""
STUDIO = "Studio Speaker"
"""The speaker that the checkpoint brings along, as the published one brings 58."""


def make(folder: Path) -> Path:
    """Write ``config.json``, ``model.pth``, ``vocab.json`` and ``speakers_xtts.pth``."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(7)
    _vocabulary(folder / "vocab.json")
    config = XttsConfig(model_args=_sizes())
    config.save_json(str(folder / "config.json"))
    model = Xtts(config)
    model.tokenizer.tokenizer = Tokenizer.from_file(str(folder / "vocab.json"))
    model.init_models()
    with torch.no_grad():
        model.hifigan_decoder.waveform_decoder.conv_post.weight.mul_(4.0)
    torch.save({"model": model.state_dict(), "config": config.to_dict()}, folder / "model.pth")
    speaker = {
        "gpt_cond_latent": torch.randn(1, 32, WIDTH),
        "speaker_embedding": torch.nn.functional.normalize(torch.randn(1, SPEAKER, 1), dim=1),
    }
    torch.save({STUDIO: speaker}, folder / "speakers_xtts.pth")
    return folder


def _sizes() -> XttsArgs:
    return XttsArgs(
        gpt_layers=2,
        gpt_n_model_channels=WIDTH,
        gpt_n_heads=2,
        gpt_num_audio_tokens=SOUNDS + 2,
        gpt_start_audio_token=SOUNDS,
        gpt_stop_audio_token=SOUNDS + 1,
        gpt_max_audio_tokens=LONGEST,
        gpt_use_perceiver_resampler=True,
        decoder_input_dim=WIDTH,
        d_vector_dim=SPEAKER,
    )


def _vocabulary(path: Path) -> None:
    """Single letters; the published one has 6,681 pieces of words."""
    marks = ["[STOP]", "[UNK]", "[SPACE]", "[START]", "[ru]", "[en]"]
    letters = sorted(set("абвгдеёжзийклмнопрстуфхцчшщъыьэюяabcdefghijklmnopqrstuvwxyz.,!?'-"))
    numbers = {piece: number for number, piece in enumerate([*marks, *letters])}
    tokenizer = Tokenizer(models.BPE(numbers, [], unk_token="[UNK]"))
    tokenizer.add_special_tokens(marks)
    tokenizer.save(str(path))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
