"""What is kept of a modem while it is pulled out and back: its messages, the call-backs, its counts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agent.errors import RecordError
from telephony.modem_callbacks import CallBacks
from telephony.modem_mail import ModemMail
from telephony.modem_network import ModemTally

Way = Literal["text", "call"]


@dataclass(frozen=True, slots=True)
class ModemBooks:
    """Made once for each line."""

    mail: ModemMail
    call_backs: CallBacks | None = None

    @property
    def tally(self) -> ModemTally:
        """The line's counts."""
        return self.mail.tally

    def ways(self, number: str) -> frozenset[Way]:
        """What can be done for this number besides talking; nothing where it is withheld."""
        if not number:
            return frozenset()
        may_call = self.call_backs is not None and self.call_backs.may(number)
        return frozenset(("text", "call") if may_call else ("text",))

    async def call_back(self, number: str, due: datetime, why: str) -> None:
        """Have it called later, saying ``why`` after the greeting; raises ``RecordError``."""
        if self.call_backs is None or not self.call_backs.may(number):
            raise RecordError("this number may not be called back; see [modem] call_back")
        await self.call_backs.ask(number, due, why)
