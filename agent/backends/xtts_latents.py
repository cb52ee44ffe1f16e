"""What XTTS has learnt of a speaker, kept in a file: two small arrays, so that a start need not listen again.

The file is named by a digest of the samples, of the model and of how the samples are used: whatever of these changes,
the speaker is listened to anew. It is written whole or not at all and carries a digest of its content; a damaged one
counts as missing. Of a voice's files the newest few are kept.
"""

import hashlib
import json
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KEPT = 4
"""Files of one voice: one for each model it was used with lately."""
PREFIX, SUFFIX = "speaker-", ".latents"
RECIPE = "30 s of each sample, 12 s in pieces of 4 s for the manner"
"""How the samples are used, see ``xtts_child``; part of the name."""

_MAGIC = b"allo speaker 1\n"
_DIGEST_BYTES = 32
_LENGTH = struct.Struct("<I")
_ENDS = 1 << 20
"""Bytes of the begin and the end of a large file that stand for all of it."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Latents:
    """A speaker as the model sees him."""

    manner: Array
    """``gpt_cond_latent``, 1 x 32 x width: how he speaks."""
    timbre: Array
    """``speaker_embedding``, 1 x 512 x 1: what he sounds like."""

    def serialize(self) -> bytes:
        """Length of a JSON header as uint32, the header with both shapes, both arrays as float32; little endian."""
        arrays = [np.ascontiguousarray(array, "<f4") for array in (self.manner, self.timbre)]
        header = json.dumps([list(array.shape) for array in arrays]).encode()
        return _LENGTH.pack(len(header)) + header + b"".join(array.tobytes() for array in arrays)

    @classmethod
    def parse(cls, content: bytes) -> "Latents":
        """The value of ``serialize``; raises ``ValueError`` when it can't be one."""
        if len(content) < _LENGTH.size:
            raise ValueError("no header")
        start = _LENGTH.size + _LENGTH.unpack_from(content)[0]
        arrays = []
        for shape in json.loads(content[_LENGTH.size : start]):
            count = int(np.prod(shape))
            arrays.append(np.frombuffer(content, "<f4", count, start).reshape(shape))
            start += count * 4
        if len(arrays) != 2 or start != len(content):
            raise ValueError("shapes and content don't agree")
        return cls(*arrays)


def name_of(samples: Sequence[Path], model: Path) -> str:
    """File name of what ``model``, a folder, learns of ``samples``; raises ``OSError``."""
    digest = hashlib.sha256(RECIPE.encode())
    for sample in samples:
        digest.update(hashlib.sha256(sample.read_bytes()).digest())
    for part in ("config.json", "model.pth"):
        digest.update(_ends(model / part))
    return f"{PREFIX}{digest.hexdigest()[:24]}{SUFFIX}"


def read(path: Path) -> Latents | None:
    """What was learnt, or None where there is nothing or it is damaged."""
    try:
        content = path.read_bytes()
        start = len(_MAGIC) + _DIGEST_BYTES
        if content[:start] != _MAGIC + hashlib.sha256(content[start:]).digest():
            return None
        known = Latents.parse(content[start:])
        os.utime(path)
    except (OSError, ValueError):
        return None
    return known


def write(path: Path, latents: Latents) -> None:
    """Keep it, whole or not at all, and let the oldest of this voice go; raises ``OSError``."""
    content = latents.serialize()
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_bytes(_MAGIC + hashlib.sha256(content).digest() + content)
        part.chmod(0o600)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    files = sorted(path.parent.glob(f"{PREFIX}*{SUFFIX}"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for old in files[KEPT:]:
        old.unlink(missing_ok=True)


def _ends(path: Path) -> bytes:
    """Length, begin and end of a file: a model of 2 GB is not read twice."""
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(0)
        begin = file.read(_ENDS)
        file.seek(max(length - _ENDS, 0))
        return hashlib.sha256(b"%d " % length + begin + file.read(_ENDS)).digest()
