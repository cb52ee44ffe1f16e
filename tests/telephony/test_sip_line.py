"""The SIP line against a phone that writes its own messages."""

import asyncio
import re
import socket

import pytest

from agent.errors import StartError
from agent.ports import Refusal
from agent.settings import Sip
from telephony.sip_line import SipSource
from tests.telephony.sip_house import EchoDoor, SipPhone, header, house, tag


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
        with pytest.raises(StartError, match=rf"127\.0\.0\.1:{port} is in use .*\[sip\] port"):
            await other.run(EchoDoor(), lambda: None)
        assert other.state == "not listening"


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_in_use_is_named_on_the_daemons_own_loop_too(kind: socket.SocketKind) -> None:
    """uvloop has its own words for what the kernel says."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        with (
            asyncio.Runner(loop_factory=pytest.importorskip("uvloop").new_event_loop) as runner,
            pytest.raises(StartError, match=rf"127\.0\.0\.1:{port} is in use .*\[sip\] port"),
        ):
            runner.run(SipSource(Sip(host="127.0.0.1", port=port)).run(EchoDoor(), lambda: None))


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
