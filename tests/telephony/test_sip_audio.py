"""Audio and keys through the whole SIP line, on real sockets and the real clock."""

import asyncio
import re

import pytest
from aiortp.packet import RtpPacket

from audio.level import dbfs
from tests.telephony.rtp_phone import Phone
from tests.telephony.sip_house import SipPhone, house, media_port


async def _stream(phone: SipPhone, voice: Phone, port: int, heard: list[RtpPacket], until: asyncio.Event) -> None:
    """Answer each packet of the line with one of ours: its pace is ours."""
    loop = asyncio.get_running_loop()
    while not until.is_set():
        packet = RtpPacket.parse(await loop.sock_recv(phone.rtp, 2048))
        heard.append(packet)
        phone.rtp.sendto(voice.packet(), ("127.0.0.1", port))


@pytest.mark.parametrize(("codecs", "payload_type"), [("8 101", 8), ("0 101", 0), ("9 8 101", 9)])
async def test_an_echo_comes_back(codecs: str, payload_type: int) -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        answer = await phone.call(phone.sdp(codecs=codecs))
        assert re.search(rf"m=audio \d+ RTP/AVP {payload_type} 101", answer)
        voice, heard, done = Phone(payload_type), list[RtpPacket](), asyncio.Event()
        voice.socket.close()
        stream = asyncio.create_task(_stream(phone, voice, media_port(answer), heard, done))
        await door.until(lambda: door.frames >= 60)
        done.set()
        await stream
        await phone.bye()
        assert door.lines[0].caller.rate == (16000 if payload_type == 9 else 8000)
        assert {packet.payload_type for packet in heard} == {payload_type}
        assert {packet.ssrc for packet in heard} == {heard[0].ssrc}
        loud = [packet for packet in heard if dbfs(voice.codec.decode(packet.payload)) > -20]
        assert len(loud) >= 40


async def test_keys_travel_by_rtp() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        answer = await phone.call()
        voice = Phone()
        voice.socket.close()
        for number, digit in enumerate((1, 2, 10)):
            for end in (False, False, True, True, True):
                packet = voice.key(digit, 800, end, 1600 * number)
                phone.rtp.sendto(packet, ("127.0.0.1", media_port(answer)))
        await door.until(lambda: door.keys == ["1", "2", "*"])
        phone.rtp.sendto(voice.key(9, 800, True, 16000), ("127.0.0.1", media_port(answer)))
        phone.reply(await phone.next("BYE"), "200 OK")
        await door.until(lambda: door.ends == ["agent"])
