"""The SIP line against a phone that writes its own messages."""

import asyncio
import re

import pytest

from agent.errors import StartError
from agent.ports import Refusal
from agent.settings import Sip
from telephony.sip_line import SipSource
from tests.telephony.sip_house import EchoDoor, SipPhone, header, house, media_port, tag


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_call_is_answered_heard_and_ended(transport: str) -> None:
    async with house() as (source, door, port), await SipPhone(port).open(transport) as phone:
        answer = await phone.call()
        assert re.search(r"m=audio \d+ RTP/AVP 8 101", answer)
        assert header(answer, "Contact").startswith(f"<sip:allo@127.0.0.1:{port}")
        caller = door.lines[0].caller
        assert (caller.number, caller.called, caller.rate, caller.line) == ("+74951234567", "100", 8000, "sip")
        assert re.fullmatch(r"[0-9a-f]{32}", caller.call_id)
        await door.until(lambda: door.frames >= 10)
        await phone.bye()
        await door.until(lambda: door.ends == ["caller"])
        assert source.calls == 0


async def test_a_repeated_invite_is_one_call_and_gets_the_same_answer() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        phone.invited = phone.request("INVITE", phone.sdp())
        for _ in range(3):
            phone.send(phone.invited.encode())
        first = await phone.next("SIP/2.0 200")
        phone.send(phone.invited.encode())
        assert await phone.next("SIP/2.0 200") == first
        phone.to_tag = tag(first)
        phone.ack()
        await phone.bye()
        await door.until(lambda: door.ends == ["caller"])
        assert len(door.lines) == 1


async def test_a_repeated_bye_is_answered_again() -> None:
    async with house() as (_, _, port), await SipPhone(port).open() as phone:
        await phone.call()
        text = phone.ask("BYE")
        await phone.next("SIP/2.0 200")
        phone.send(text.encode())
        assert await phone.next(r"SIP/2.0 \d+") is not None
        assert phone.log[-1] == "SIP/2.0 200 OK"


async def test_the_200_is_sent_until_the_ack() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        phone.send(phone.request("INVITE", phone.sdp()).encode())
        answer = await phone.next("SIP/2.0 200")
        assert await phone.next("SIP/2.0 200") == answer
        phone.to_tag = tag(answer)
        phone.ack()
        await phone.bye()
        await door.until(lambda: door.ends == ["caller"])


async def test_cancel_before_the_answer() -> None:
    door = EchoDoor(answers=False)
    async with house(door) as (source, _, port), await SipPhone(port).open() as phone:
        phone.send(phone.request("INVITE", phone.sdp()).encode())
        await phone.next("SIP/2.0 180")
        phone.send(phone.request("CANCEL", branch="same").encode())
        await phone.next("SIP/2.0 200")
        refused = await phone.next("SIP/2.0 487")
        phone.send(phone.request("ACK", branch="same", to_tag=tag(refused)).encode())
        assert source.calls == 0
        door._run(door._serve(door.lines[0]))
        await door.until(lambda: door.ends == ["gone"])


async def test_hanging_up_before_the_answer_refuses() -> None:
    door = EchoDoor(answers=False)
    async with house(door) as (source, _, port), await SipPhone(port).open() as phone:
        phone.send(phone.request("INVITE", phone.sdp()).encode())
        await door.until(lambda: len(door.lines) == 1)
        await door.lines[0].hangup()
        refused = await phone.next("SIP/2.0 480")
        phone.send(phone.request("ACK", branch="same", to_tag=tag(refused)).encode())
        assert source.calls == 0


@pytest.mark.parametrize(("reason", "status"), [("busy", "486"), ("stopping", "503")])
async def test_refusals_name_when_to_try_again(reason: str, status: str) -> None:
    door = EchoDoor()
    door.refusal = Refusal(reason, 17)  # type: ignore[arg-type]
    async with house(door) as (source, _, port), await SipPhone(port).open() as phone:
        phone.send(phone.request("INVITE", phone.sdp()).encode())
        refused = await phone.next(f"SIP/2.0 {status}")
        assert header(refused, "Retry-After") == "17"
        phone.send(phone.request("ACK", branch="same", to_tag=tag(refused)).encode())
        phone.send(phone.request("OPTIONS").encode())
        await phone.next("SIP/2.0 503" if reason == "stopping" else "SIP/2.0 200")
        assert (source.calls, door.lines) == (0, [])


async def test_a_forbidden_network_hears_403(caplog: pytest.LogCaptureFixture) -> None:
    async with house(allow=["192.0.2.0/24"]) as (_, door, port), await SipPhone(port).open() as phone:
        for _ in range(3):
            phone.send(phone.request("INVITE", phone.sdp()).encode())
            await phone.next("SIP/2.0 403")
        assert door.lines == []
    assert len([one for one in caplog.records if "sip.allow" in one.message]) == 1


@pytest.mark.parametrize(
    ("body", "extra", "change", "status"),
    [
        ("m=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n", "", {}, "488"),
        ("m=audio 4000 RTP/SAVP 8\r\n", "", {}, "488"),
        ("m=video 4000 RTP/AVP 96\r\n", "", {}, "488"),
        ("v=x\r\n", "", {}, "400"),
        ("<xml/>", "", {"kind": "application/xml"}, "415"),
        ("sdp", "Require: 100rel\r\n", {}, "420"),
        ("sdp", "Session-Expires: 30\r\nSupported: timer\r\n", {}, "422"),
        ("sdp", "", {"uri": "http://example.org/"}, "416"),
    ],
)
async def test_what_cannot_be_taken_is_refused_politely(
    body: str, extra: str, change: dict[str, str], status: str
) -> None:
    async with house() as (source, door, port), await SipPhone(port).open() as phone:
        body = phone.sdp() if body == "sdp" else "v=0\r\nc=IN IP4 127.0.0.1\r\n" + body if body[0] == "m" else body
        phone.send(phone.request("INVITE", body, extra, **change).encode())
        refused = await phone.next(r"SIP/2.0 [4-6]\d\d")
        assert refused.split()[1] == status
        phone.send(phone.request("ACK", branch="same", to_tag=tag(refused)).encode())
        assert (source.calls, door.lines) == (0, [])


async def test_requests_outside_any_dialog() -> None:
    async with house() as (_, _, port), await SipPhone(port).open() as phone:
        for method, status in (("OPTIONS", "200"), ("REGISTER", "405"), ("SUBSCRIBE", "405"), ("BYE", "481")):
            phone.ask(method)
            assert (await phone.next(r"SIP/2.0 \d+")).split()[1] == status
        phone.ask("BYE", to_tag="nobody")
        assert (await phone.next(r"SIP/2.0 \d+")).split()[1] == "481"
        phone.ask("CANCEL")
        assert (await phone.next(r"SIP/2.0 \d+")).split()[1] == "481"


async def test_a_stranger_cannot_end_a_call() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone, await SipPhone(port).open() as thief:
        await phone.call()
        thief.call_id, thief.to_tag, thief.cseq = phone.call_id, phone.to_tag, 50
        thief.ask("BYE")
        assert (await thief.next(r"SIP/2.0 \d+")).split()[1] == "481"
        await phone.bye()
        await door.until(lambda: door.ends == ["caller"])


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


async def test_our_bye_is_sent_until_it_is_answered() -> None:
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        await phone.call()
        await door.lines[0].hangup()
        first = await phone.next("BYE")
        assert await phone.next("BYE") == first
        phone.reply(first, "200 OK")
        await door.until(lambda: door.ends == ["agent"])
        await door.lines[0].hangup()


async def test_hanging_up_before_the_ack_waits_for_it() -> None:
    async with house() as (source, door, port), await SipPhone(port).open() as phone:
        phone.send(phone.request("INVITE", phone.sdp()).encode())
        answer = await phone.next("SIP/2.0 200")
        await door.lines[0].hangup()
        await door.until(lambda: door.ends == ["agent"])
        assert await phone.next("SIP/2.0 200") == answer
        assert not any(line.startswith("BYE") for line in phone.log)
        phone.to_tag = tag(answer)
        phone.ack()
        phone.reply(await phone.next("BYE"), "200 OK")
        assert source.calls == 0


async def test_stopping_hangs_up() -> None:
    door = EchoDoor()
    async with await SipPhone(0).open() as phone:
        async with house(door) as (source, _, port):
            phone.server = ("127.0.0.1", port)
            await phone.call()
            assert source.state == "up"
            polite = asyncio.create_task(_farewell(phone))
        await polite
        assert source.state == "not listening"
    assert door.ends == ["agent"]


async def _farewell(phone: SipPhone) -> None:
    phone.reply(await phone.next("BYE"), "200 OK")


async def test_a_port_in_use_is_named() -> None:
    async with house() as (_, _, port):
        other = SipSource(Sip(host="127.0.0.1", port=port))
        with pytest.raises(StartError, match=rf"127\.0\.0\.1:{port} is in use .* sip\.port"):
            await other.run(EchoDoor(), lambda: None)
        assert other.state == "not listening"


@pytest.mark.timeout(60)
async def test_sixty_calls_leave_nothing_behind() -> None:
    async with house() as (source, door, port):
        before = len(asyncio.all_tasks())
        for number in range(60):
            async with await SipPhone(port).open("TCP" if number % 3 == 0 else "UDP") as phone:
                await phone.call()
                if number % 2:
                    await phone.bye()
                else:
                    await door.lines[-1].hangup()
                    phone.reply(await phone.next("BYE"), "200 OK")
            ended = number + 1
            await door.until(lambda ended=ended: len(door.ends) == ended)  # type: ignore[misc]
        assert source.calls == 0
        assert source._transactions.pending == 0
        assert source._origins == {}
        assert source._invites == {}
        await door.until(lambda: not door.tasks or len(asyncio.all_tasks()) <= before + 2)
        assert sorted(set(door.ends)) == ["agent", "caller"]
