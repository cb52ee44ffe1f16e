"""How a simulated modem behaves: figures of the manual and of field reports, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """A SIM7600G-H in a good mood; other moods by ``dataclasses.replace``."""

    answer_ms: tuple[int, int] = (2, 15)
    """A command is answered after so many milliseconds, least and most."""
    connect_ms: int = 150
    """From ``ATA`` to ``VOICE CALL: BEGIN``, milliseconds."""
    pcm_ready_ms: int = 0
    """``AT+CPCMREG=1`` sooner after the begin gives ERROR, milliseconds (200 with VoLTE, 2000 on 3G)."""
    ring_every_ms: int = 3000
    """Between two ``RING``, milliseconds."""
    alert_ms: int = 300
    """An outgoing call rings there after so long, milliseconds."""
    pick_up_ms: int = 300
    """And is answered after so long more, milliseconds."""
    boot_ms: int = 1500
    """From ``AT+CRESET`` until the ports are back, milliseconds."""
    clip: bool = True
    """Tells ``+CLIP``."""
    reports: bool = True
    """Tells ``+CLCC`` unasked."""
    begins: bool = True
    """Tells ``VOICE CALL: BEGIN``."""
    ends: bool = True
    """Tells ``VOICE CALL: END`` and ``NO CARRIER``."""
    chopped: bool = False
    """Writes its lines in pieces, some milliseconds apart."""
    chatty: bool = False
    """Puts unasked codes into the middle of answers."""
    lossy: float = 0.0
    """Share of written AT lines that lose a byte, 0 to 1."""
    takes_uplink: bool = True
    """Plays what it is given; firmware LE20B06SIM7600G22 does not."""
    off_wants_one: bool = False
    """``AT+CPCMREG=0`` is refused, ``AT+CPCMREG=0,1`` is not."""
    one_cycle: bool = False
    """A second ``AT+CPCMREG=1`` succeeds and stays silent until a restart."""
    pin: str = ""
    """The SIM card's PIN; empty: it asks for none."""
    callee: str = "answers"
    """What becomes of an outgoing call: ``answers``, ``busy``, ``silent`` (nobody picks up)."""
