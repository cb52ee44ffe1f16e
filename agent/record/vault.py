"""Where recordings lie, plain or sealed: what writes one, what reads it, what mends it after a kill."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from agent.errors import SettingsError
from agent.record.sealed import SUFFIX, SealedError, SealedFile, SealedWriter, check_extra, key_id, mend, read_key
from agent.settings import Settings
from audio.wav import StereoWriter, repair

RECORDINGS = (".wav", SUFFIX)
"""What names of recordings end with."""
BUFFER = 1 << 16
"""Bytes of an opened recording held ready."""


class Writer(Protocol):
    """A stereo WAV as it grows; blocks on the disk and raises ``OSError``."""

    def write(self, interleaved: bytes) -> None:
        """Append left/right pairs of PCM16."""

    def silence(self, start: int, end: int) -> None:
        """Make the pairs from ``start`` up to ``end`` silent."""

    def close(self) -> None:
        """Finish the file."""


class Vault:
    """Writes with the first of its keys, or plainly where there is none; reads whatever one of them has sealed."""

    def __init__(self, keys: Sequence[bytes] = (), *, seal: bool = False) -> None:
        """``seal``: what is written from now on."""
        self._keys = tuple(keys)
        self._key = self._keys[0] if seal else None

    @classmethod
    def of(cls, settings: Settings) -> "Vault":
        """As ``[recording]`` says; raises ``SettingsError``."""
        section = settings.recording
        former = section.old_keys.get_secret_value().replace(",", " ").split()
        texts = [("key", section.key.get_secret_value()), *(("old_keys", text) for text in former)]
        keys = [_key(name, text) for name, text in texts if text]
        if section.encrypt and not section.key.get_secret_value():
            raise SettingsError(
                "[recording] encrypt is on and there is no key: put the output of `allo privacy new-key` into the "
                "credential recording.key; a command by hand takes it from ALLO_RECORDING__KEY (docs/operations.md)"
            )
        if section.encrypt:
            try:
                check_extra()
            except SealedError as error:
                raise SettingsError(f"[recording] encrypt: {error}") from None
        return cls(keys, seal=section.encrypt)

    @property
    def names(self) -> tuple[str, ...]:
        """What its keys are called in files, the first one first."""
        return tuple(key_id(key).hex() for key in self._keys)

    @property
    def suffix(self) -> str:
        """Of the files that are written now."""
        return SUFFIX if self._key else ".wav"

    def writer(self, path: Path, rate: int) -> Writer:
        """A new file; raises ``OSError``."""
        return SealedWriter(path, rate, self._key) if self._key else StereoWriter(path, rate)

    def open(self, path: Path) -> BinaryIO:
        """The WAV of a recording, however it lies there; raises ``OSError``, and ``ValueError`` naming the file."""
        if path.suffix != SUFFIX:
            return path.open("rb")
        try:
            return io.BufferedReader(SealedFile(path, self._keys), BUFFER)
        except SealedError as error:
            raise SealedError(f"{path.name}: {error}") from error

    def mended(self, path: Path) -> BinaryIO:
        """The same of one that a killed daemon may have left; it is mended first."""
        self.mend(path)
        return self.open(path)

    def mend(self, path: Path) -> bool:
        """Make a recording whole that a killed daemon left; True when it was not. Raises like ``open``."""
        return mend(path, self._keys) if path.suffix == SUFFIX else repair(path)


def _key(name: str, text: str) -> bytes:
    try:
        return read_key(text)
    except SealedError as error:
        raise SettingsError(f"[recording] {name}: {error}") from None
