"""What a modem knows of its network, and what it has done so far: for ``/health``, the API and metrics."""

from dataclasses import dataclass
from typing import Literal

from telephony.at import parse_registration, parse_signal
from telephony.modem_wire import AtPort

HOME, ROAMING = 1, 5
REGISTRATION = {
    0: "not registered",
    1: "registered",
    2: "searching a network",
    3: "refused by the network",
    5: "roaming",
}


@dataclass(frozen=True, slots=True)
class ModemFigures:
    """One modem as numbers."""

    on_air: bool
    """The network knows the card, and the modem can be rung."""
    registration: int | None
    """As ``+CREG`` tells it: 1 home, 5 roaming, 2 searching, 3 denied, 0 not; ``None``: not known."""
    signal_dbm: int | None
    """Strength of the signal, dBm; ``None``: not known."""
    in_call: bool
    openings: int
    """How often its ports were opened and it was set up."""
    calls_in: int
    """Callers given to the house."""
    calls_out: int
    """Calls that we made and that were answered."""
    calls_lost: int
    """Calls that the modem, the card or the network lost."""
    gone_before: int
    """Callers who had left, or were lost, before the house heard of them or could answer."""
    frames_missing: int
    """Blocks of 20 ms that the modem did not give in time, all calls together."""
    messages_in: int
    """Messages taken off the card."""
    messages_out: int
    """Messages that the network took."""
    messages_failed: int
    """Messages that it did not take."""


@dataclass(slots=True)
class ModemTally:
    """Counts that outlive a modem that is pulled out; see ``ModemFigures``."""

    openings: int = 0
    """Times."""
    calls_in: int = 0
    """Calls."""
    calls_out: int = 0
    """Calls."""
    calls_lost: int = 0
    """Calls."""
    gone_before: int = 0
    """Calls."""
    frames_missing: int = 0
    """Blocks of 20 ms."""
    messages_in: int = 0
    """Messages."""
    messages_out: int = 0
    """Messages."""
    messages_failed: int = 0
    """Messages."""

    def figures(self, network: "ModemNetwork | None", in_call: bool) -> ModemFigures:
        """With the state of now; ``network`` is ``None`` while there is no modem."""
        return ModemFigures(
            on_air=network is not None and network.on_air,
            registration=network.registration if network else None,
            signal_dbm=network.signal if network else None,
            in_call=in_call,
            openings=self.openings,
            calls_in=self.calls_in,
            calls_out=self.calls_out,
            calls_lost=self.calls_lost,
            gone_before=self.gone_before,
            frames_missing=self.frames_missing,
            messages_in=self.messages_in,
            messages_out=self.messages_out,
            messages_failed=self.messages_failed,
        )


class ModemNetwork:
    """Registration, signal and card, as asked for and as told unasked."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.registration: int | None = None
        self.signal: int | None = None
        self.card_out = False

    @property
    def on_air(self) -> bool:
        """Whether the network knows the card."""
        return self.registration in (HOME, ROAMING) and not self.card_out

    def words(self, warning: str) -> str:
        """For ``/health``; ``warning`` is what is known of the firmware."""
        if self.card_out:
            return "the SIM card is out; put it back"
        parts = [REGISTRATION.get(self.registration or 0, "not registered")]
        parts += [f"signal {self.signal} dBm"] if self.signal is not None else []
        parts += [warning] if warning else []
        return f"{'up' if self.on_air else 'no network'}; {', '.join(parts)}"

    async def ask(self, at: AtPort) -> None:
        """Ask the modem; raises ``ModemError``."""
        self.signal = parse_signal((await at.ask("AT+CSQ")).value("+CSQ"))
        for kind in ("+CREG", "+CEREG"):  # LTE alone may be known to the second only
            answer = await at.ask(f"AT{kind}?")
            if answer.ok:
                self.registration = parse_registration(answer.value(kind))
            if self.on_air:
                return

    def told(self, name: str, text: str) -> Literal["", "card out", "card back"]:
        """A code came unasked; what became of the card."""
        if name in ("+CREG", "+CEREG") and (state := parse_registration(text)) is not None:
            if name == "+CREG" or state in (HOME, ROAMING):
                self.registration = state
        elif name == "+SIMCARD" or (name == "+CPIN" and "NOT" in text):
            self.card_out = "NOT" in text
            return "card out" if self.card_out else "card back"
        return ""
