"""What happens within a SIP call: holds, refreshes, late offers, keys, transfers."""

import asyncio
import re

import pytest

from tests.telephony.sip_house import EchoDoor, SipPhone, header, house, media_port, tag


async def test_hold_resume_and_codec_change() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        first = await phone.call()
        version = re.search(r"o=allo \d+ (\d+) ", first)
        for direction, answered in (("sendonly", "recvonly"), ("inactive", "inactive"), ("sendrecv", "sendrecv")):
            phone.ask("INVITE", phone.sdp(direction))
            answer = await phone.next("SIP/2.0 200")
            phone.ack()
            assert f"a={answered}\r\n" in answer
            assert media_port(answer) == media_port(first)
        again = re.search(r"o=allo \d+ (\d+) ", answer)
        assert again is not None
        assert version is not None
        assert int(again[1]) > int(version[1])
        phone.ask("INVITE", phone.sdp(codecs="0 101"))
        answer = await phone.next("SIP/2.0 200")
        phone.ack()
        assert re.search(r"m=audio \d+ RTP/AVP 0 101", answer)
        phone.ask("INVITE", phone.sdp(codecs="9"))
        await phone.next("SIP/2.0 488")
        phone.send(phone.request("ACK", branch="same").encode())
        await phone.bye()
        await door.until(lambda: door.ends == ["caller"])


async def test_no_rtp_is_sent_while_the_caller_holds() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        loop = asyncio.get_running_loop()
        await phone.call()
        async with asyncio.timeout(5):
            await loop.sock_recv(phone.rtp, 2048)
        phone.ask("INVITE", phone.sdp("sendonly"))
        await phone.next("SIP/2.0 200")
        phone.ack()
        while True:
            try:
                phone.rtp.recv(2048)
            except BlockingIOError:
                break
        heard = door.frames
        await door.until(lambda: door.frames >= heard + 10)
        with pytest.raises(BlockingIOError):
            phone.rtp.recv(2048)
        phone.ask("INVITE", phone.sdp())
        await phone.next("SIP/2.0 200")
        phone.ack()
        async with asyncio.timeout(5):
            assert await loop.sock_recv(phone.rtp, 2048)
        await phone.bye()


async def test_update_refreshes_and_renegotiates() -> None:
    async with house() as (_, _, port), await SipPhone(port).open() as phone:
        await phone.call(extra="Supported: timer\r\nSession-Expires: 1800;refresher=uac\r\n")
        phone.ask("UPDATE", extra="Supported: timer\r\nSession-Expires: 1200;refresher=uac\r\n")
        answer = await phone.next("SIP/2.0 200")
        assert header(answer, "Session-Expires") == "1200;refresher=uac"
        phone.ask("UPDATE", phone.sdp("sendonly"))
        assert "a=recvonly" in await phone.next("SIP/2.0 200")
        phone.ask("INFO", "Signal=7\r\nDuration=160\r\n", kind="application/dtmf-relay")
        await phone.next("SIP/2.0 200")
        phone.ask("OPTIONS")
        await phone.next("SIP/2.0 200")
        phone.ask("MESSAGE")
        await phone.next("SIP/2.0 405")
        phone.ask("BYE", cseq="1")
        await phone.next("SIP/2.0 500")
        await phone.bye()


@pytest.mark.parametrize(
    ("extra", "expected", "required"),
    [
        ("Supported: timer\r\nAllow: UPDATE\r\nSession-Expires: 600\r\n", "600;refresher=uac", "timer"),
        ("Supported: timer\r\nAllow: UPDATE\r\nSession-Expires: 600;refresher=uas\r\n", "600;refresher=uas", "timer"),
        ("Supported: timer\r\n", "1800;refresher=uac", "timer"),
        ("Allow: INVITE, UPDATE\r\n", "1800;refresher=uas", ""),
        ("Allow: INVITE, ACK, BYE\r\n", "", ""),
    ],
)
async def test_session_timer_terms(extra: str, expected: str, required: str) -> None:
    async with house() as (_, _, port), await SipPhone(port).open() as phone:
        answer = await phone.call(extra=extra)
        assert header(answer, "Session-Expires") == expected
        assert header(answer, "Require") == required
        await phone.bye()


async def test_a_late_offer_is_answered_in_the_ack() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        phone.send(phone.request("INVITE").encode())
        offer = await phone.next("SIP/2.0 200")
        assert re.search(r"m=audio \d+ RTP/AVP 8 0 101", offer)
        phone.to_tag = tag(offer)
        phone.ack(phone.sdp(codecs="0 101"))
        async with asyncio.timeout(5):
            packet = await asyncio.get_running_loop().sock_recv(phone.rtp, 2048)
        assert packet[1] & 0x7F == 0
        await phone.bye()
        await door.until(lambda: door.ends == ["caller"])


async def test_a_late_offer_without_an_answer_ends_the_call() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        phone.send(phone.request("INVITE").encode())
        phone.to_tag = tag(await phone.next("SIP/2.0 200"))
        phone.ack()
        phone.reply(await phone.next("BYE"), "200 OK")
        await door.until(lambda: door.ends == ["lost"])


async def test_keys_by_info_where_no_events_were_agreed() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        await phone.call(phone.sdp(codecs="8"))
        phone.ask("INFO", "Signal=7\r\nDuration=160\r\n", kind="application/dtmf-relay")
        await phone.next("SIP/2.0 200")
        await door.until(lambda: door.keys == ["7"])
        phone.ask("INFO", "Signal= 9\r\n", kind="application/dtmf-relay")
        phone.reply(await phone.next("BYE"), "200 OK")
        await door.until(lambda: door.ends == ["agent"])


async def _transferring(phone: SipPhone, door: EchoDoor) -> str:
    await phone.call(phone.sdp(codecs="8"))
    phone.ask("INFO", "Signal=0\r\n", kind="application/dtmf-relay")
    refer = await phone.next("REFER")
    assert header(refer, "Refer-To") == "<sip:operator@127.0.0.1:5999>"
    return refer


def _notify(phone: SipPhone, fragment: str, state: str = "active;expires=60") -> None:
    phone.ask("NOTIFY", fragment, f"Event: refer\r\nSubscription-State: {state}\r\n", kind="message/sipfrag")


async def test_a_transfer_that_succeeds_ends_in_bye() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        phone.reply(await _transferring(phone, door), "202 Accepted")
        _notify(phone, "SIP/2.0 100 Trying\r\n")
        _notify(phone, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
        phone.reply(await phone.next("BYE"), "200 OK")
        await door.until(lambda: door.ends == ["transfer"] and door.moved == [True])


@pytest.mark.parametrize("fails", ["refused", "target"])
async def test_a_transfer_that_fails_leaves_the_call_alone(fails: str) -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        refer = await _transferring(phone, door)
        if fails == "refused":
            phone.reply(refer, "603 Decline")
        else:
            phone.reply(refer, "202 Accepted")
            _notify(phone, "SIP/2.0 486 Busy Here\r\n", "terminated;reason=noresource")
        await door.until(lambda: door.moved == [False])
        heard = door.frames
        await door.until(lambda: door.frames >= heard + 10)
        await phone.bye()
        await door.until(lambda: door.ends == ["caller"])


async def test_a_bye_after_an_accepted_refer_is_a_transfer() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        phone.reply(await _transferring(phone, door), "202 Accepted")
        _notify(phone, "SIP/2.0 100 Trying\r\n")
        await phone.bye()
        await door.until(lambda: door.ends == ["transfer"] and door.moved == [True])


async def test_without_an_operator_nothing_is_referred() -> None:
    async with house(operator="") as (_, door, port), await SipPhone(port).open() as phone:
        await phone.call(phone.sdp(codecs="8"))
        phone.ask("INFO", "Signal=0\r\n", kind="application/dtmf-relay")
        await door.until(lambda: door.moved == [False])
        assert not any(line.startswith("REFER") for line in phone.log)
        await phone.bye()
