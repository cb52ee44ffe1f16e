"""The incoming direction of an RTP leg: packets in any order -> a real-time stream of audio and keys. Pure.

Packets go to the inbox the moment they are in order; nothing is buffered for smoothness, because the consumer is
a recogniser, not a loudspeaker. What the wire leaves out is filled so that audio goes on in real time:

* a lost packet inside a stream is concealed (the last frame fades out);
* when nothing comes for ``PATIENCE`` ticks (hold, DTX, a dead peer), the clock fills with silence up to now;
* packets that were merely late then come in a burst and would count that time twice: they are still let in (they
  are speech), and the surplus is taken back from the next quiet frames; beyond ``MAX_LEAD`` they are dropped.
"""

import logging
from dataclasses import dataclass

from aiortp.codecs import Codec
from aiortp.dtmf import DtmfEvent
from aiortp.packet import RtpPacket
from aiortp.plc import PcmConcealer

from audio.frame import FRAME_MS, SAMPLE_BYTES, frame_bytes
from audio.level import dbfs
from telephony.inbox import Inbox
from telephony.rtp_order import Reorder

log = logging.getLogger(__name__)

PATIENCE = 8
"""Ticks of 20 ms without audio before silence is filled in: packets that a busy network or telephone held back for
100 ms still count once, so that an echo in them stays in step with what was played."""

MAX_LEAD = 10
"""Frames of 20 ms by which late packets may run ahead of real time before they are dropped."""

QUIET_DBFS = -45.0
"""Frames below this are left out while we are ahead of real time."""

KEYS = "0123456789*#ABCD"
"""RFC 4733 events 0 to 15."""


@dataclass(slots=True)
class RtpCounters:
    """What one leg saw; packets unless said otherwise."""

    received: int = 0
    """Audio and key packets that were accepted."""
    sent: int = 0
    lost: int = 0
    """Missing for good."""
    late: int = 0
    """Came twice, or too late to be used."""
    refused: int = 0
    """Not RTP, not a negotiated payload type, or from a stranger."""
    filled: int = 0
    """20 ms frames of silence put in where nothing came."""
    concealed: int = 0
    """20 ms frames invented for lost packets."""
    trimmed: int = 0
    """Quiet packets left out to catch up with real time."""


class Ear:
    """Turns packets and clock ticks into the inbox's audio and keys.

    The audio of ``codec`` must have the inbox's rate.
    """

    def __init__(self, inbox: Inbox, codec: Codec, counters: RtpCounters) -> None:
        self._inbox = inbox
        self._counters = counters
        self._frame = codec.sample_rate * FRAME_MS // 1000
        self._silence = bytes(frame_bytes(codec.sample_rate))
        self._order: Reorder[bytes | None] = Reorder(self._deliver)
        self._ssrc: int | None = None
        self._idle = 0
        self._patience = PATIENCE
        self._due = 0
        self._delivered = 0
        self._key: tuple[int, int] | None = None
        self._key_span = (0, True)
        self.use(codec)

    @property
    def idle(self) -> int:
        """Ticks since audio came last; packets that came twice or too late are no news."""
        return self._idle

    def use(self, codec: Codec) -> None:
        """Decode with this codec from now on; it must have the same rate."""
        self._codec = codec
        self._conceal = PcmConcealer(sample_rate=codec.sample_rate)

    def hear(self, packet: RtpPacket) -> None:
        """Take an audio packet."""
        held = self._order.held
        self._arrive(packet, packet.payload)
        if self._order.held > held:
            self._idle = 0

    def press(self, packet: RtpPacket) -> None:
        """Take a telephone-event packet (RFC 4733); the key counts when its first packet comes, whichever it is."""
        self._arrive(packet, None)
        if len(packet.payload) < 4:
            return
        event = DtmfEvent.parse(packet.payload)
        key = (packet.timestamp, event.event)
        duration, ended = self._key_span
        self._key_span = (event.duration, event.end)
        if key == self._key:
            return
        # A long press may be cut into segments with new timestamps (RFC 4733, 2.5.1.3).
        segment = self._key is not None and event.event == self._key[1] and not ended and event.duration > duration
        self._key = key
        if not segment and event.event < len(KEYS):
            self._inbox.put_dtmf(KEYS[event.event])

    def skip(self, packet: RtpPacket) -> None:
        """Take a packet that carries nothing to hear, such as comfort noise (RFC 3389)."""
        self._arrive(packet, None)

    def tick(self, periods: int, *, behind: bool = False) -> None:
        """``periods`` times 20 ms have passed; ``behind``: while we stood still, packets may wait to be read."""
        self._due += periods * self._frame
        self._idle += periods
        if self._order.held and self._idle > 1:
            self._order.flush()
        if self._idle >= self._patience and self._delivered < self._due:
            if behind:  # silence now and the packets after it would be that time twice, and an echo out of step
                return
            self._fill(self._due - self._delivered)
        else:
            self._follow_drift()

    def _arrive(self, packet: RtpPacket, payload: bytes | None) -> None:
        if packet.ssrc != self._ssrc:
            self._order.flush()
            self._order.reset()
            self._ssrc = packet.ssrc
            self._key = None
        self._counters.received += 1
        late = self._order.late
        self._order.push(packet.sequence_number, payload)
        self._counters.late += self._order.late - late

    def _deliver(self, payload: bytes | None, lost: int) -> None:
        self._counters.lost += lost
        if not payload:
            return
        self._idle = 0
        pcm = self._codec.decode(payload)
        samples = len(pcm) // SAMPLE_BYTES
        if lost:
            self._conceal_before(lost * samples, samples)
        self._conceal.update(pcm)
        self._patience = max(PATIENCE, 2 * samples // self._frame + 1)
        lead = self._delivered - self._due
        if lead >= MAX_LEAD * self._frame:
            self._counters.late += 1
        elif lead > self._frame and dbfs(pcm) < QUIET_DBFS:
            self._counters.trimmed += 1
        else:
            self._put(pcm)

    def _conceal_before(self, missing: int, samples: int) -> None:
        """Invent what was lost, but never past real time: a gap of some length was filled with silence already."""
        waiting = (self._order.held + 1) * samples
        room = self._due + self._frame - self._delivered - waiting
        missing = min(missing, room)
        if missing > 0:
            self._counters.concealed += -(-missing // self._frame)
            self._put(self._codec.conceal(missing) or self._conceal.conceal(missing))

    def _put(self, pcm: bytes) -> None:
        self._delivered += len(pcm) // SAMPLE_BYTES
        self._inbox.put_audio(pcm)

    def _fill(self, missing: int) -> None:
        """Silence up to now, in whole frames so that the cut of the frames stays where it was."""
        frames = -(-missing // self._frame)
        self._counters.filled += frames
        for _ in range(frames):
            self._put(self._silence)

    def _follow_drift(self) -> None:
        """The peer's clock is not ours: let "now" follow the stream by one sample in 20 ms (0.6 to 1.2 %)."""
        lead = self._delivered - self._due
        if lead > 0:
            self._due += 1
        elif lead < -self._frame:
            self._due -= 1
