"""Any run of bytes -> pieces of one exact size."""


class Rechunker:
    """Cuts a byte stream into pieces of ``size`` bytes, however it arrives; one instance a stream.

    ``size`` is usually ``audio.frame.frame_bytes(rate)``: 20 ms of PCM16 mono.
    """

    def __init__(self, size: int) -> None:
        if size <= 0:
            raise ValueError(f"a piece of {size} bytes can't be cut")
        self._size = size
        self._rest = b""

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their piece."""
        return len(self._rest)

    def push(self, data: bytes) -> list[bytes]:
        """Take any number of bytes; return the pieces that are complete now, in order."""
        size = self._size
        if not self._rest and len(data) == size:
            return [data]
        data = self._rest + data
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        return [data[start : start + size] for start in range(0, whole, size)]

    def flush(self) -> bytes:
        """Return what is left, padded with zero bytes (silence in PCM16) to one piece; empty when nothing is left."""
        rest, self._rest = self._rest, b""
        return rest.ljust(self._size, b"\0") if rest else b""

    def clear(self) -> None:
        """Forget what is left."""
        self._rest = b""
