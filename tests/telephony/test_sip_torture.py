"""Garbage and torture, after the kinds of message that RFC 4475 and RFC 5118 name; the texts are our own."""

import asyncio
import random
import time
from ipaddress import ip_network

import pytest

from telephony.sip_text import Request
from telephony.sip_wire import Peer, SipWire
from tests.telephony.sip_house import EchoDoor, SipPhone, house

HEAD = (
    "Via: SIP/2.0/{transport} 127.0.0.1:{port};branch=z9hG4bK{name};rport\r\nMax-Forwards: 70\r\n"
    "From: <sip:a@127.0.0.1>;tag=f{name}\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: torture-{name}\r\n"
    "Contact: <sip:a@127.0.0.1:{port}>\r\n"
)
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"


def _message(first: str, head: str = HEAD, tail: str = "CSeq: 1 {method}\r\n", body: str = "", length: str = "") -> str:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    tail = tail.replace("{method}", first.split(" ", 1)[0])
    return f"{first}\r\n{head}{tail}{kind}Content-Length: {length or len(body)}\r\n\r\n{body}"


INVITE = "INVITE sip:100@127.0.0.1 SIP/2.0"

TORTURE: dict[str, tuple[str, str]] = {
    # name: (message, expected status over UDP; "" when no answer may come, "*" when any will do)
    "odd-spaces": (
        _message(
            "OPTIONS sip:100@127.0.0.1 SIP/2.0", HEAD.replace("Via:", "Via  :\t").replace("To: ", "To :\r\n  \t ")
        ),
        "200",
    ),
    "odd-method-token": (_message("!interesting-Method0123456789_*+`.%indeed'~ sip:100@127.0.0.1 SIP/2.0"), "405"),
    "escapes-and-null": (_message("OPTIONS sip:%00%41@127.0.0.1;x=%7F SIP/2.0"), "200"),
    "long-values": (_message("OPTIONS sip:100@127.0.0.1 SIP/2.0", HEAD + "Subject: " + "very " * 3000 + "\r\n"), "200"),
    "two-in-one-datagram": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0") * 2, "200"),
    "unquoted-name": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD.replace("<sip:a", "A, B <sip:a", 1)), "*"),
    "unbalanced-quote": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD.replace("<sip:a", '"A <sip:a', 1)), "*"),
    "uri-without-end": (_message(INVITE, HEAD.replace("To: <sip:100@127.0.0.1>", "To: <sip:100@127.0.0.1")), "*"),
    "no-uri": (_message("OPTIONS SIP/2.0"), ""),
    "spaces-in-uri": (_message("OPTIONS sip:100@127.0.0.1; lr SIP/2.0"), "*"),
    "spaces-after-version": (_message("OPTIONS sip:100@127.0.0.1 SIP/2.0   "), "*"),
    "other-version": (_message("OPTIONS sip:100@127.0.0.1 SIP/7.0"), ""),
    "no-version": (_message("OPTIONS sip:100@127.0.0.1"), ""),
    "unknown-scheme": (_message("INVITE nobodyKnows:this SIP/2.0", body=SDP), "416"),
    "unknown-extension": (_message(INVITE, HEAD + "Require: nothingSupports, thisEither\r\n", body=SDP), "420"),
    "wrong-content": (
        _message(INVITE, HEAD + "Content-Type: application/unknown\r\n", body=SDP).replace("application/sdp", "a/b"),
        "415",
    ),
    "length-negative": (_message("OPTIONS sip:100@127.0.0.1 SIP/2.0", length="-999"), "*"),
    "length-too-long": (_message(INVITE, body=SDP, length="9999"), "*"),
    "length-words": (_message(INVITE, body=SDP, length="lots"), "*"),
    "cseq-mismatch": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", tail="CSeq: 8 INVITE\r\n"), ""),
    "cseq-overflow": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", tail="CSeq: 36893488147419103232 OPTIONS\r\n"), ""),
    "several-of-one": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD + "Call-ID: b\r\nFrom: <sip:x@y>\r\n"), ""),
    "nothing-but-via": ("OPTIONS sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\n\r\n", ""),
    "headers-without-colon": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD + "nonsense\r\n: empty\r\n"), "*"),
    "branch-without-cookie": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD.replace("z9hG4bK", "")), "200"),
    "empty-branch": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD.replace("z9hG4bK{name}", "")), "200"),
    "foreign-via": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD.replace("127.0.0.1:{port}", "[::1")), "*"),
    "via-port-word": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD.replace(";rport", "")), "*"),
    "stray-answer": ("SIP/2.0 200 OK\r\n" + HEAD + "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n", ""),
    "huge-status": ("SIP/2.0 4294967301 better not\r\n" + HEAD + "CSeq: 1 INVITE\r\n\r\n", ""),
    "status-without-reason": ("SIP/2.0 100 \r\n" + HEAD + "CSeq: 1 INVITE\r\n\r\n", ""),
    "broadcast-answer": ("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 255.255.255.255\r\nCSeq: 1 INVITE\r\n\r\n", ""),
    "no-hops-left": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD.replace("70", "0")), "*"),
    "bad-sdp": (_message(INVITE, body=SDP.replace("4000", "four")), "400"),
    "sdp-of-nothing": (_message(INVITE, body="v=0\r\n"), "488"),
    "sdp-with-name": (_message(INVITE, body=SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 a..b%%")), "180"),
    "utf8-everywhere": (
        _message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD.replace("<sip:a", '"Имя😀" <sip:a', 1)),
        "200",
    ),
    "many-vias": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD + "Via: " + "x," * 9000 + "\r\n"), "*"),
    "many-folds": (_message("OPTIONS sip:1@127.0.0.1 SIP/2.0", HEAD + "Subject: a" + "\r\n b" * 7000 + "\r\n"), "*"),
    "blank-info": (_message("INFO sip:1@127.0.0.1 SIP/2.0", body="\n" * 20_000), "481"),
    "http": ("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", ""),
    "only-blank": (" \r\n\r\n", ""),
}


def _nothing_failed(caplog: pytest.LogCaptureFixture) -> None:
    assert not [one for one in caplog.records if one.levelname == "ERROR" or "could not be handled" in one.message]


def _fill(name: str, phone: SipPhone) -> bytes:
    text = TORTURE[name][0]
    for key, value in (("{transport}", phone.transport), ("{port}", str(phone.local[1])), ("{name}", name)):
        text = text.replace(key, value)
    return text.encode()


@pytest.mark.parametrize("name", TORTURE)
async def test_torture_over_udp(name: str, caplog: pytest.LogCaptureFixture) -> None:
    door = EchoDoor(answers=False)
    async with house(door) as (source, _, port), await SipPhone(port).open() as phone:
        started = time.perf_counter()
        phone.send(_fill(name, phone))
        phone.send(phone.request("OPTIONS").encode())
        while True:
            answer = await phone.next(r"SIP/2.0 \d+")
            if phone.call_id in answer:
                break
        assert time.perf_counter() - started < 1.0
        expected = TORTURE[name][1]
        statuses = [line.split()[1] for line in phone.log[:-1]]
        if expected != "*":
            assert statuses == ([expected] if expected else [])
        for line in door.lines:
            await line.hangup()
        assert source.calls == 0
    _nothing_failed(caplog)


@pytest.mark.parametrize("name", TORTURE)
async def test_torture_over_tcp_ends_at_most_its_own_connection(name: str, caplog: pytest.LogCaptureFixture) -> None:
    door = EchoDoor(answers=False)
    async with (
        house(door) as (_, _, port),
        await SipPhone(port).open("TCP") as victim,
        await SipPhone(port).open("TCP") as phone,
    ):
        victim.send(_fill(name, victim))
        phone.send(phone.request("OPTIONS").encode())
        await phone.next("SIP/2.0 200")
        for line in door.lines:
            await line.hangup()
    _nothing_failed(caplog)


async def test_mutated_messages_break_nothing(caplog: pytest.LogCaptureFixture) -> None:
    rng = random.Random(5118)
    door = EchoDoor(answers=False)
    async with house(door) as (_, _, port), await SipPhone(port).open() as phone:
        for number in range(1500):
            method = rng.choice(["INVITE", "OPTIONS", "BYE", "CANCEL", "ACK", "UPDATE", "REFER", "NOTIFY"])
            phone.call_id = f"mutant-{number}"
            data = bytearray(phone.request(method, phone.sdp(), "Require: timer\r\nSession-Expires: 90\r\n").encode())
            for _ in range(rng.randrange(1, 6)):
                place = rng.randrange(len(data))
                kind = rng.randrange(4)
                if kind == 0:
                    del data[place : place + rng.randrange(30)]
                elif kind == 1:
                    data[place:place] = rng.randbytes(rng.randrange(12))
                elif kind == 2:
                    data[place] = rng.randrange(256)
                else:
                    data[place:place] = data[rng.randrange(len(data)) :][: rng.randrange(80)]
            phone.send(bytes(data))
            await asyncio.sleep(0)  # the loop reads one datagram a turn; a full socket buffer would test nothing
        phone.call_id = "sound"
        phone.send(phone.request("OPTIONS").encode())
        while "Call-ID: sound" not in await phone.next("SIP/2.0 200"):
            pass
        for line in door.lines:
            await line.hangup()
    _nothing_failed(caplog)


@pytest.mark.timeout(60)
async def test_ten_thousand_garbage_datagrams_during_a_call(caplog: pytest.LogCaptureFixture) -> None:
    rng = random.Random(10_000)
    async with house() as (_, door, port), await SipPhone(port).open() as phone:
        answer = await phone.call()
        rtp = int(answer.split("m=audio ")[1].split()[0])
        before = door.frames
        await door.until(lambda: door.frames > before)
        for _ in range(10_000):
            junk = rng.randbytes(rng.randrange(1, 400))
            phone.send(junk)
            phone.rtp.sendto(junk, ("127.0.0.1", rtp))
            await asyncio.sleep(0)
        after = door.frames
        await door.until(lambda: door.frames >= after + 20)
        await phone.bye()
        await door.until(lambda: door.ends == ["caller"])
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) <= 2
    assert len(caplog.records) < 12


async def test_a_tcp_client_that_never_finishes_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.sip_wire.PATIENCE_S", 0.2)
    monkeypatch.setattr("telephony.sip_wire.SWEEP_S", 0.05)
    async with house() as (source, _, port), await SipPhone(port).open("TCP") as phone:
        phone.send(b"INVITE sip:100@127.0.0.1 SIP/2.0\r\n")
        async with asyncio.timeout(5):
            assert await phone._inbox.get() == ""
        assert source._wire.connections == 0


async def test_too_many_tcp_connections_push_out_the_idlest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.sip_wire.MAX_CONNECTIONS", 3)
    async with house() as (source, _, port):
        phones = [await SipPhone(port).open("TCP") for _ in range(4)]
        async with asyncio.timeout(5):
            assert await phones[0]._inbox.get() == ""
        phones[3].send(phones[3].request("OPTIONS").encode())
        await phones[3].next("SIP/2.0 200")
        assert source._wire.connections == 3
        for phone in phones:
            phone.close()


async def test_a_tcp_keep_alive_is_answered() -> None:
    async with house() as (_, _, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\r\n\r\n")
        async with asyncio.timeout(5):
            assert await reader.readexactly(2) == b"\r\n"
        writer.close()
        await writer.wait_closed()


async def test_a_fault_of_ours_is_told_by_its_place_and_without_numbers(caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: Request, peer: Peer) -> None:
        raise KeyError("+74951234567")

    wire = SipWire((ip_network("127.0.0.0/8"),), fail, lambda _response: None)
    peer = Peer("UDP", "127.0.0.1", 5060, ("127.0.0.1", 5060), lambda _data, _target: None)
    text = _message("OPTIONS sip:1@127.0.0.1 SIP/2.0")
    for key, value in (("{transport}", "UDP"), ("{port}", "5060"), ("{name}", "fault")):
        text = text.replace(key, value)

    assert wire.take(text.encode(), peer)

    assert "could not be handled: KeyError at test_sip_torture.py:" in caplog.text
    assert "4951234567" not in caplog.text
