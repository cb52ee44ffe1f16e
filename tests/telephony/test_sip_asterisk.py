"""The SIP line as a plain SIP phone of a real PBX: Asterisk dials us, sends keys, takes the caller back by REFER."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from agent.ports import Dtmf, HungUp, Line
from audio.frame import AudioFrame
from audio.level import tone
from tests.asterisk.pbx import Pbx, need
from tests.telephony.sip_house import EchoDoor, house

PJSIP = """
[agent]
type = endpoint
context = test-operator
disallow = all
allow = {codec}
aors = agent
transport = allo-{transport}
timers = always
direct_media = no
[agent]
type = aor
contact = sip:100@127.0.0.1:{port}{suffix}
"""

DIALPLAN = """
[test-sip]
exten => agent,1,Dial(PJSIP/agent)
exten => keys,1,Answer()
 same => n,Wait(0.3)
 same => n,SendDTMF(12*#,150,100)
 same => n,Milliwatt(m)
"""


class ListeningDoor(EchoDoor):
    """Plays a tone of 300 Hz and keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = b""

    async def _serve(self, line: Line) -> None:
        events = await line.answer()
        line.mouth.play(tone(300, 20_000, line.caller.rate))
        async for event in events:
            if isinstance(event, AudioFrame):
                self.heard += event.pcm
                self.frames += 1
            elif isinstance(event, Dtmf):
                self.keys.append(event.digit)
            elif isinstance(event, HungUp):
                self.ends.append(event.cause)
            await self._note()

    def hears(self, hz: float) -> bool:
        """Whether the last half second is a tone of this frequency."""
        rate = self.lines[-1].caller.rate
        samples = np.frombuffer(self.heard[-rate:], dtype="<i2").astype(np.float64)
        if len(samples) < rate // 2 or samples.std() < 500:
            return False
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return bool(abs(float(spectrum.argmax()) * rate / len(samples) - hz) < 6)


def _started(suite: str, transport: str, codec: str, port: int) -> Pbx:
    pbx = Pbx(suite)
    suffix = ";transport=tcp" if transport == "tcp" else ""
    endpoint = PJSIP.format(codec=codec, transport=transport, port=port, suffix=suffix)
    etc: Path = pbx.home / "etc"
    (etc / "pjsip_allo_local.conf").write_text(endpoint, encoding="utf-8")
    with (etc / "extensions_allo_local.conf").open("a", encoding="utf-8") as file:
        file.write(DIALPLAN)
    pbx.start()
    return pbx


@pytest.mark.asterisk
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("suite", "transport", "codec"), [("sid", "tcp", "g722,alaw"), ("bullseye", "udp", "ulaw")])
async def test_asterisk_dials_us_and_takes_the_caller_back(suite: str, transport: str, codec: str) -> None:
    need(suite)
    door = ListeningDoor()
    async with house(door, operator="answer") as (source, _, port):
        pbx = await asyncio.to_thread(_started, suite, transport, codec, port)
        try:
            await asyncio.to_thread(pbx.cli, "channel originate Local/agent@test-sip/n extension keys@test-sip")
            await door.until(lambda: door.keys == ["1", "2", "*", "#"] and door.hears(1004), 20)
            assert door.lines[0].caller.rate == (16000 if "g722" in codec else 8000)
            assert await door.lines[0].transfer("") is True
            await door.until(lambda: door.ends == ["transfer"])
            await asyncio.to_thread(pbx.cli, "channel originate PJSIP/agent application Echo")
            await door.until(lambda: len(door.lines) == 2 and door.hears(300), 20)
            await asyncio.to_thread(pbx.cli, "channel request hangup all")
            await door.until(lambda: door.ends == ["transfer", "caller"])
            assert source.calls == 0
        finally:
            await asyncio.to_thread(pbx.close)
