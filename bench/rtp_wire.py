"""RTP of one call as it is on the wire: exact pacing out, kernel timestamps in, and what follows from them."""

import socket
import struct
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from aiortp.codecs import get_codec

from telephony.phone_script import FRAME, RATE

PCMA = 8
FRAME_NS = FRAME * 1_000_000_000 // RATE

_SO_TIMESTAMPNS = 35
"""asm-generic/socket.h; the socket module has no name for it. The control message has the same number."""
_TIMESPEC = struct.Struct("ll")
_HEADER = struct.Struct("!BBHII")
_CODEC = get_codec(PCMA)


def now_ns() -> int:
    """The kernel's clock of packet timestamps, nanoseconds."""
    return time.clock_gettime_ns(time.CLOCK_REALTIME)


def open_socket(host: str) -> socket.socket:
    """A UDP socket on a free port whose datagrams carry their arrival time."""
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.bind((host, 0))
    port.setblocking(False)
    port.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return port


def receive(port: socket.socket) -> tuple[bytes, int] | None:
    """One datagram and when the kernel got it (nanoseconds); none when there is no more."""
    try:
        data, extra, _flags, _source = port.recvmsg(4096, 64)
    except (BlockingIOError, ConnectionRefusedError):  # the latter: ICMP about a port that has closed
        return None
    for level, kind, value in extra:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(value[: _TIMESPEC.size])
            return data, seconds * 1_000_000_000 + nanoseconds
    return data, now_ns()


@dataclass(slots=True)
class RtpOut:
    """Numbers our packets; the caller of ``packet`` does the pacing."""

    ssrc: int
    sequence: int = 1000
    timestamp: int = 0

    def packet(self, pcm: bytes) -> bytes:
        """20 ms of PCM16 at 8000 Hz as the next PCMA packet."""
        marker = 0x80 if self.timestamp == 0 else 0
        header = _HEADER.pack(0x80, PCMA | marker, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        self.sequence += 1
        self.timestamp += FRAME
        return header + bytes(_CODEC.encode(pcm))


@dataclass(slots=True)
class RtpIn:
    """Every packet heard: when it came, its number, its sound."""

    arrivals: list[int] = field(default_factory=list)
    """Kernel time of each audio packet, nanoseconds."""
    sequences: list[int] = field(default_factory=list)
    sounds: list[bytes] = field(default_factory=list)
    """PCM16 of each packet."""
    marked: list[bool] = field(default_factory=list)
    """A marker bit begins a new talk spurt: the gap before it is none."""
    waiting: deque[bytes] = field(default_factory=deque)
    """Frames that the script has not heard yet."""

    def take(self, data: bytes, arrived_ns: int) -> None:
        """Keep an RTP packet of PCMA; anything else is passed over."""
        if len(data) <= _HEADER.size or data[0] != 0x80 or data[1] & 0x7F != PCMA:
            return
        _, kind, sequence, _, _ = _HEADER.unpack_from(data)
        sound = bytes(_CODEC.decode(data[_HEADER.size :]))
        self.arrivals.append(arrived_ns)
        self.sequences.append(sequence)
        self.sounds.append(sound)
        self.marked.append(bool(kind & 0x80))
        self.waiting.append(sound)

    def next_frame(self) -> bytes:
        """What the script hears in this 20 ms; silence when nothing came."""
        while len(self.waiting) > 4:  # a burst after a stall: stay near the present
            self.waiting.popleft()
        return self.waiting.popleft() if self.waiting else b""

    def gaps_ms(self) -> list[float]:
        """Time between one packet and the next, milliseconds."""
        pairs = zip(self.arrivals, self.arrivals[1:], self.marked[1:], strict=False)
        return [round((late - early) / 1e6, 3) for early, late, marked in pairs if not marked]

    def lost(self) -> int:
        """Sequence numbers that never came, between the first and the last."""
        if not self.sequences:
            return 0
        unwrapped, turn, last = set(), 0, self.sequences[0]
        for number in self.sequences:
            turn += (number < last - 0x8000) - (number > last + 0x8000)
            unwrapped.add(turn * 0x10000 + number)
            last = number
        return max(unwrapped) - min(unwrapped) + 1 - len(unwrapped)


def track(times_ns: list[int], sounds: list[bytes], origin_ns: int, shift_ns: int = 0) -> bytes:
    """Lay packets out where they were on the wire: sample 0 is at ``origin_ns``; PCM16 at 8000 Hz."""
    if not times_ns:
        return b""
    starts = [(at + shift_ns - origin_ns) * RATE // 1_000_000_000 for at in times_ns]
    laid = np.zeros(max(0, *starts) + 4 * FRAME, dtype="<i2")
    for start, sound in zip(starts, sounds, strict=True):
        samples = np.frombuffer(sound, dtype="<i2")
        skipped = max(0, -start)
        piece = samples[skipped : skipped + laid.size - max(0, start)]
        laid[max(0, start) : max(0, start) + piece.size] = piece
    return laid.tobytes()
