"""What the simulated SIM7600 answers, and what becomes of its calls (SIM7500/7600 AT manual V2.00).

``faults`` of the modem, step -> what goes wrong there once. Steps: a command as it is written up to its first digit or
quote, with the digit (``ATA``, ``AT+CPCMREG=1``), ``RING``, ``FRAME`` (the tenth frame of audio). Faults: ``error``,
``mute`` (no answer), ``slow`` (1.5 s), ``garbage`` before the answer, ``drop`` (the caller leaves in that moment),
``unplug``, ``reboot``, ``echo-lost``.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telephony.simulated.sim7600 import Sim7600

ACTIVE, DIALLING, ALERTING, INCOMING, WAITING = 0, 2, 3, 4, 5
LATE_MS = 1500.0
FIXED = {
    "ATI": ["Manufacturer: SIMCOM INCORPORATED", "Model: SIMCOM_SIM7600G-H", "Revision: LE20B05SIM7600M22"],
    "AT+CGMM": ["SIMCOM_SIM7600G-H"],
    "AT+CGMR": ["+CGMR: LE20B05SIM7600M22"],
    "AT+CGSN": ["867584030000000"],
    "AT+CLCC=?": ["+CLCC: (0-1)"],
    "AT+COPS?": ['+COPS: 0,0,"TEST NET",7'],
}
ACCEPTED = re.compile(
    r"AT(E[01]|V1|[+](CMEE|CLIP|CLCC|CREG|CEREG|CSCLK|CVHU|DDET|CNMI|CMGF|CSCS|CPMS|CCWA|CPCMBANDWIDTH|CMICGAIN|COUTGAIN|CLVL|VTS)=.*)?"
)


@dataclass(slots=True)
class Ring:
    """A call that came, as the network saw it."""

    number: str
    answered: bool = False
    ended: str = ""
    """``left`` (the caller, or the network), ``hung up`` (by us), ``modem gone``; empty: it goes on."""


class Answers:
    """The modem's mind; everything here runs on its thread."""

    def __init__(self, sim: "Sim7600") -> None:
        self._sim = sim
        self.rings = 0
        """How often it rang."""
        self.asked: list[str] = []
        """Every command so far."""
        self.stored: dict[int, str] = {}
        """Received messages, place -> PDU."""
        self.sent: list[str] = []
        """PDUs that were sent."""
        self.calls: dict[int, tuple[int, int, str]] = {}
        """Call -> direction (1 incoming), state, number."""
        self.registered, self.sim_in = 1, True
        self.wide = False
        self.history: list[Ring] = []
        """Calls that came, for whoever checks the driver's record against the network's."""
        self.unreachable = 0
        """Calls that never rang: no network, or no modem."""
        self._cycles = 0
        self.power_off()

    def power_off(self) -> None:
        """All that a restart forgets."""
        self._line = b""
        self._echo = True
        self._audio = False
        self._message = 0
        self.began_at_ms = 0.0
        self._close_rings("modem gone")
        self.calls.clear()
        self.unlocked = not self._sim.profile.pin

    def power_on(self) -> None:
        """Boot messages."""
        self._cycles = 0
        for text in ("RDY", "+CPIN: READY" if self.unlocked else "+CPIN: SIM PIN", "SMS DONE", "PB DONE"):
            self.unasked(text)

    # ------------------------------------------------------------ commands

    def hear(self, data: bytes) -> None:
        """Bytes from the port."""
        self._line += data
        while match := re.search(rb"[\r\x1a]" if not self._message else rb"[\x1a\x1b]", self._line):
            line, self._line = self._line[: match.start()], self._line[match.end() :]
            if match[0] == b"\x1b":  # given up (27.005, 3.5.1)
                self._message = 0
                self._answer([], "OK")
            else:
                self._obey(line.strip().decode("latin-1"))

    def _obey(self, text: str) -> None:
        if self._message:
            self.sent.append(text)
            self._message = 0
            self._answer([f"+CMGS: {len(self.sent)}"], "OK", 50)
            return
        if not text:
            return
        self.asked.append(text)
        if self._echo:
            self._sim.write(text.encode("latin-1") + b"\r")
        self._go_wrong_or(text)

    def _go_wrong_or(self, text: str) -> None:
        step = re.split(r"(?<=[=])(\d)|[\"?]", text)
        fault = self._sim.faults.pop(step[0] + (step[1] or "" if len(step) > 1 else ""), "")
        if fault == "mute":
            return
        if fault == "error":
            self._answer([], "ERROR")
        elif fault in ("unplug", "reboot"):
            (self._sim.reboot if fault == "reboot" else self._sim.gone)()
        else:
            if fault == "garbage":
                self._sim.write(bytes(self._sim.chance.randrange(256) for _ in range(40)) + b"\r\n")
            if fault == "drop":
                self.far_end_left()
            self._do(text, LATE_MS if fault == "slow" else 0)

    def _do(self, text: str, late_ms: float) -> None:
        lines, final = self._result(text)
        if final:
            self._answer(lines, final, late_ms)

    def _answer(self, lines: list[str], final: str, ms: float = 0) -> None:
        ms = ms or self._sim.chance.uniform(*self._sim.profile.answer_ms)
        for line in lines:
            self._sim.write(f"\r\n{line}\r\n".encode(), ms)
        if self._sim.profile.chatty and self._sim.chance.random() < 0.4:
            self._sim.write(b"\r\n+CSQ: 17,99\r\n\r\n+CREG: 1\r\n", ms)
        self._sim.write(f"\r\n{final}\r\n".encode(), ms)

    def _result(self, text: str) -> tuple[list[str], str]:
        """Information lines and the final code; an empty code: the answer comes later."""
        if text in FIXED:
            return FIXED[text], "OK"
        for pattern, method in _METHODS:
            if match := re.fullmatch(pattern, text):
                lines, final = getattr(self, method)(*match.groups())
                return lines, final
        if ACCEPTED.fullmatch(text):
            self._echo = {"ATE0": False, "ATE1": True}.get(text, self._echo)
            return [], "OK"
        return [], "ERROR"

    def _pin_state(self) -> tuple[list[str], str]:
        if not self.sim_in:
            return [], "+CME ERROR: SIM not inserted"
        return ["+CPIN: READY" if self.unlocked else "+CPIN: SIM PIN"], "OK"

    def _pin(self, pin: str) -> tuple[list[str], str]:
        self.unlocked = pin == self._sim.profile.pin
        return [], "OK" if self.unlocked else "+CME ERROR: incorrect password"

    def _signal(self) -> tuple[list[str], str]:
        return [f"+CSQ: {21 if self.registered else 99},99"], "OK"

    def _registration(self, kind: str) -> tuple[list[str], str]:
        return [f"+{kind}: 1,{self.registered if self.unlocked and self.sim_in else 0}"], "OK"

    def _list_calls(self) -> tuple[list[str], str]:
        return [self._entry(index) for index in sorted(self.calls)], "OK"

    def _entry(self, index: int) -> str:
        direction, state, number = self.calls[index]
        return f'+CLCC: {index},{direction},{state},0,0,"{number}",145'

    def _pcm(self, on: str, one: str | None) -> tuple[list[str], str]:
        if on == "?":
            return [f"+CPCMREG: {int(self._audio)}"], "OK"
        active = any(state == ACTIVE for _, state, _ in self.calls.values())
        if on == "1" and (not active or self._sim.modem_ms() - self.began_at_ms < self._sim.profile.pcm_ready_ms):
            return [], "ERROR"
        if on == "0" and self._sim.profile.off_wants_one and not one:
            return [], "ERROR"
        self._audio = on == "1"
        self._cycles += self._audio
        self._sim.muted = self._audio and self._sim.profile.one_cycle and self._cycles > 1
        self._sim.audio(self._audio)
        return [], "OK"

    def _rate(self, wide: str) -> tuple[list[str], str]:
        self.wide = wide == "1"
        return [], "OK"

    def _reset(self) -> tuple[list[str], str]:
        self._sim.later(30, self._sim.reboot)
        return [], "OK"

    # ------------------------------------------------------------ messages

    def message(self, pdu: str) -> None:
        """A message has come and is stored."""
        place = next(free for free in range(1, 100) if free not in self.stored)
        self.stored[place] = pdu
        self.unasked(f'+CMTI: "SM",{place}')

    def _send(self, length: str) -> tuple[list[str], str]:
        self._sim.later(5, lambda: self._prompt(int(length)))
        return [], ""

    def _prompt(self, length: int) -> None:
        self._message = length
        self._sim.write(b"\r\n> ")

    def _read(self, place: str) -> tuple[list[str], str]:
        pdu = self.stored.get(int(place))
        return ([f"+CMGR: 0,,{len(pdu) // 2 - 8}", pdu], "OK") if pdu else ([], "+CMS ERROR: Invalid memory index")

    def _list(self) -> tuple[list[str], str]:
        pairs = [[f"+CMGL: {place},1,,{len(pdu) // 2 - 8}", pdu] for place, pdu in self.stored.items()]
        return [line for pair in pairs for line in pair], "OK"

    def _delete(self, place: str) -> tuple[list[str], str]:
        self.stored.pop(int(place), None)
        return [], "OK"

    def _ussd(self, code: str) -> tuple[list[str], str]:
        text = "Баланс: 123.45 р." if code == "*100#" else "Unknown"
        self._sim.later(80, lambda: self.unasked(f'+CUSD: 0,"{text.encode("utf-16-be").hex().upper()}",72'))
        return [], "OK"

    # ------------------------------------------------------------ calls

    def unasked(self, text: str) -> None:
        """A code by itself."""
        if self._sim.at.plugged:
            self._sim.write(f"\r\n{text}\r\n".encode())

    def incoming(self, number: str) -> None:
        """A call comes; a second one waits."""
        if not self.registered or not self._sim.at.plugged:
            self.unreachable += 1
            return
        self.history.append(Ring(number))
        index = next(free for free in range(1, 8) if free not in self.calls)
        self.calls[index] = (1, INCOMING if index == 1 else WAITING, number)
        self._report(index)
        if index == 1:
            self._ring(index)
        else:
            self.unasked(f'+CCWA: "{number}",145,1')

    def _ring(self, index: int) -> None:
        direction, state, number = self.calls.get(index, (0, 0, ""))
        if not direction or state != INCOMING:
            return
        self.rings += 1
        self.unasked("RING")
        if self._sim.profile.clip:
            self.unasked(f'+CLIP: "{number}",145,,,,0')
        if self._sim.faults.pop("RING", ""):
            self.far_end_left()
        self._sim.later(self._sim.profile.ring_every_ms, lambda: self._ring(index))

    def _pick_up(self) -> tuple[list[str], str]:
        if 1 not in self.calls or self.calls[1][1] != INCOMING:
            return [], "NO CARRIER"
        self._sim.later(self._sim.profile.connect_ms, lambda: self._begin(1))
        return [], "OK"

    def _begin(self, index: int) -> None:
        if index in self.calls:
            direction, _, number = self.calls[index]
            self.calls[index] = (direction, ACTIVE, number)
            for ring in self._open_rings(number) if direction else ():
                ring.answered = True
            self.began_at_ms = self._sim.modem_ms()
            self._report(index)
            if self._sim.profile.begins:
                self.unasked("VOICE CALL: BEGIN")

    def _dial(self, number: str) -> tuple[list[str], str]:
        if not self.registered or self.calls:
            return [], "NO CARRIER"
        self.calls[1] = (0, DIALLING, number)
        self._report(1)
        self._sim.later(self._sim.profile.alert_ms, self._alert)
        return [], "OK"

    def _alert(self) -> None:
        if 1 not in self.calls:
            return
        self.calls[1] = (0, ALERTING, self.calls[1][2])
        self._report(1)
        if self._sim.profile.callee == "answers":
            self._sim.later(self._sim.profile.pick_up_ms, lambda: self._begin(1))
        elif self._sim.profile.callee == "busy":
            self._sim.later(self._sim.profile.pick_up_ms, lambda: self._end("BUSY"))

    def _hang(self) -> tuple[list[str], str]:
        if not self.calls:
            return [], "ERROR"
        self._sim.later(20, lambda: self._end("", "hung up"))
        return [], "OK"

    def _refuse_waiting(self, _how: str) -> tuple[list[str], str]:
        for index in [index for index, (_, state, _) in self.calls.items() if state == WAITING]:
            for ring in self._open_rings(self.calls.pop(index)[2]):
                ring.ended = "hung up"
        return [], "OK"

    def far_end_left(self) -> None:
        """The caller hangs up, or the network drops the call."""
        self._end("NO CARRIER")

    def _open_rings(self, number: str = "") -> list[Ring]:
        """Calls that go on: at most the last two."""
        return [ring for ring in self.history[-2:] if not ring.ended and number in ("", ring.number)]

    def _close_rings(self, ended: str) -> None:
        for ring in self._open_rings():
            ring.ended = ended

    def _end(self, code: str, ended: str = "left") -> None:
        missed = any(state == INCOMING for _, state, _ in self.calls.values())
        if not self.calls:
            return
        self._close_rings(ended)
        for index, (direction, _, number) in self.calls.items():
            if self._sim.profile.reports:
                self.unasked(f'+CLCC: {index},{direction},6,0,0,"{number}",145')
        self.calls.clear()
        self._audio = False
        self._sim.audio(False)
        if missed:
            self.unasked("MISSED_CALL: 10:02AM 79161234567")
        elif self._sim.profile.ends:
            self.unasked("VOICE CALL: END: 000012")
            self.unasked(code or "NO CARRIER")

    def _report(self, index: int) -> None:
        if self._sim.profile.reports:
            self.unasked(self._entry(index))

    def audio_passed(self, frames: int) -> None:
        """So much audio was given in all."""
        if frames % 10 == 0 and (fault := self._sim.faults.pop("FRAME", "")):
            {"unplug": self._sim.gone, "reboot": self._sim.reboot}.get(fault, self.far_end_left)()


_METHODS = (
    (r"AT\+CPIN\?", "_pin_state"),
    (r'AT\+CPIN="?(\d+)"?', "_pin"),
    (r"AT\+CSQ", "_signal"),
    (r"AT\+(CREG|CEREG)\?", "_registration"),
    (r"AT\+CLCC", "_list_calls"),
    (r"AT\+CPCMREG=?(\d|\?)(,1)?", "_pcm"),
    (r"AT\+CPCMFRM=(\d)", "_rate"),
    (r"AT\+CRESET", "_reset"),
    (r"AT\+CMGS=(\d+)", "_send"),
    (r"AT\+CMGR=(\d+)", "_read"),
    (r"AT\+CMGL=4", "_list"),
    (r"AT\+CMGD=(\d+)", "_delete"),
    (r'AT\+CUSD=1,"([^"]+)",15', "_ussd"),
    (r"ATA", "_pick_up"),
    (r"ATD([+*#\d]+);", "_dial"),
    (r"AT\+CHUP|ATH", "_hang"),
    (r"AT\+CHLD=(\d)", "_refuse_waiting"),
)
