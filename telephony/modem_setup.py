"""A modem's first minute: who it is, the SIM card, what it is told."""

from dataclasses import dataclass

from agent.settings import Modem
from telephony.modem_model import ModemModel
from telephony.modem_wire import AtPort, ModemError

PIN_S = 9.0
"""SIMCom's longest answer to ``AT+CPIN``, seconds."""


@dataclass(frozen=True, slots=True)
class ModemFacts:
    """What a modem said of itself."""

    firmware: str
    rate: int
    """Sample rate of its audio from now on, Hz."""
    warning: str
    """A known fault of this firmware, and what to do; empty: none known."""


class PinOnce:
    """Remembers that the PIN was refused: the third wrong one locks the card."""

    def __init__(self, settings: Modem) -> None:
        self._pin = settings.pin.get_secret_value()
        self._refused = False

    async def unlock(self, at: AtPort) -> None:
        """Give the SIM card what it asks for; raises ``ModemError`` that says what a person must do."""
        state = await at.ask("AT+CPIN?", PIN_S)
        if state.value("+CPIN") == "READY":
            return
        if state.value("+CPIN") != "SIM PIN":
            said = state.value("+CPIN") or "no card"
            raise ModemError(f"SIM: {said}: put a working card in (a PUK is typed in on a phone)")
        if not self._pin:
            raise ModemError("SIM: it asks for its PIN: set [modem] pin, or take the PIN off on a phone")
        if not (self._pin.isascii() and self._pin.isdecimal() and 4 <= len(self._pin) <= 8):
            raise ModemError("SIM: [modem] pin must be 4 to 8 digits")
        if self._refused:
            raise ModemError("SIM: the PIN was wrong and isn't tried again; correct [modem] pin and start anew")
        answer = await at.ask(f'AT+CPIN="{self._pin}"', PIN_S)
        if not answer.ok:
            self._refused = bool(answer.final)
            raise ModemError("SIM: the PIN was refused; correct [modem] pin and start anew")


async def set_up(at: AtPort, model: ModemModel, wanted_rate: int, card: PinOnce) -> ModemFacts:
    """Bring a modem to where it can be rung; raises ``ModemError``."""
    for command in model.init[:1]:
        if not (await at.ask(command)).ok and not (await at.ask(command)).ok:
            raise ModemError("the port answers, but not as a modem does; is it the AT port?")
    await card.unlock(at)
    for command in model.init[1:]:
        await at.ask(command)
    said = await at.ask("AT+CGMR")
    firmware = (said.value("+CGMR") or " ".join(said.lines))[:64]
    rate = await _choose_rate(at, model, wanted_rate)
    warning = next((text for name, text in model.bad_firmware.items() if name in firmware), "")
    return ModemFacts(firmware, rate, warning)


async def _choose_rate(at: AtPort, model: ModemModel, wanted: int) -> int:
    for rate in (wanted, 8000):
        command = model.rate_command.get(rate, "")
        if rate in model.rates and (not command or (await at.ask(command)).ok):
            return rate
    return 8000
