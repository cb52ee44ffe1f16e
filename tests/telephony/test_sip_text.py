"""The pure parts of the SIP line: text, framing, SDP, timers."""

import asyncio
import re
from collections.abc import Callable

import pytest
from aiosipua.message import SipResponse
from hypothesis import given
from hypothesis import strategies as st

from telephony.rtp_leg import G722, PCMA, PCMU, RtpFormat
from telephony.sip_framing import MAX_HEADERS, SipFraming
from telephony.sip_sdp import NoCommonMedia, Session, choose
from telephony.sip_text import Request, host_port, number_of, read, reply_port, response, split_address, stamp, user_of
from telephony.sip_timer import SessionTerms, SessionTimer, terms_for
from telephony.sip_transfer import refer_to, sipfrag_status

INVITE = (
    b"INVITE sip:100@192.0.2.1 SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bKx;rport\r\n"
    b"Via: SIP/2.0/TCP proxy.example.org;branch=z9hG4bKy\r\n"
    b"Record-Route: <sip:p1.example.org;lr>\r\nRecord-Route: <sip:p2.example.org;lr>\r\n"
    b'f: "Quoted, <odd>; \\"name\\"" <sip:+7495%31@10.0.0.9;user=phone>;tag=abc\r\n'
    b"t: <sip:100@192.0.2.1>\r\ni: call-1\r\nCSeq: 7 INVITE\r\nm: <sip:me@10.0.0.9:5070>\r\n"
    b"Max-Forwards: 70\r\nl: 0\r\n\r\n"
)


def _read(data: bytes = INVITE) -> Request:
    message = read(data)
    assert isinstance(message, Request)
    return message


# ---------------------------------------------------------------- text


def test_a_request_is_read_once_and_for_all() -> None:
    request = _read()
    assert (request.method, request.call_id, request.from_tag, request.to_tag, request.cseq) == (
        "INVITE",
        "call-1",
        "abc",
        "",
        7,
    )
    assert number_of(request.header("from")) == "+74951"


def test_an_answer_goes_back_the_way_the_request_came() -> None:
    request = _read()
    stamp(request, ("198.51.100.4", 1025))
    assert reply_port(request, 1025) == 1025
    answer = bytes(response(request, 200, tag="ours", body="v=0\r\n")).decode()
    assert "Via: SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bKx;rport=1025;received=198.51.100.4\r\n" in answer
    assert answer.index("z9hG4bKx") < answer.index("z9hG4bKy")
    assert "To: <sip:100@192.0.2.1>;tag=ours\r\n" in answer
    assert answer.index("p1.example.org") < answer.index("p2.example.org")
    assert "Content-Length: 5\r\n" in answer
    assert reply_port(_read(INVITE.replace(b";rport", b"")), 1025) == 5070


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b" SIP/2.0\r\nv:", b" SIP/7.0\r\nv:", "not SIP/2.0"),
        (b"CSeq: 7 INVITE", b"CSeq: 7 BYE", "another method"),
        (b"CSeq: 7 INVITE", b"CSeq: 4294967296 INVITE", "CSeq"),
        (b"CSeq: 7 INVITE", b"CSeq: -7 INVITE", "CSeq"),
        (b"i: call-1\r\n", b"", "no call-id"),
        (b"i: call-1", b"i: call-1\r\nCall-ID: call-2", "more than one"),
        (b"INVITE sip", b"INV\xffTE sip", "token"),
        (b"UDP 10.0.0.9:5070;", b"UDP ;", "Via"),
    ],
)
def test_faults_are_named(old: bytes, new: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read(INVITE.replace(old, new))


@given(st.binary(max_size=300), st.integers(0, len(INVITE)), st.integers(0, 60))
def test_no_bytes_raise_anything_but_value_error(junk: bytes, place: int, removed: int) -> None:
    for data in (junk, INVITE[:place] + junk + INVITE[place + removed :], b"SIP/2.0 " + junk):
        try:
            message = read(data)
        except ValueError:
            continue
        if isinstance(message, Request):
            assert message.cseq >= 0
            assert b"\r\n\r\n" in bytes(response(message, 400))


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:100@192.0.2.1:5060;user=phone", "100"),
        ("tel:+7-495-123;ext=5", "+7-495-123"),
        ("sips:%23100@host", "#100"),
        ("sip:alice:secret@host", "alice"),
        ("sip:host.example.org", ""),
        ("sip:a%00%0Ab@host", "ab"),
        ("", ""),
    ],
)
def test_users(uri: str, user: str) -> None:
    assert user_of(uri) == user


def test_addresses() -> None:
    assert split_address('"a <b>" <sip:x@y;lr>;tag=1') == ("sip:x@y;lr", {"tag": "1"})
    assert split_address("sip:x@y;tag=1") == ("sip:x@y", {"tag": "1"})
    assert split_address('"never closed <sip:x@y>;tag=2')[1] == {"tag": "2"}
    assert number_of("<sip:anonymous@anonymous.invalid>;tag=1") == ""
    assert host_port("::1", 5060) == "[::1]:5060"


# ---------------------------------------------------------------- framing


@given(st.lists(st.integers(1, 400), max_size=12), st.integers(1, 5))
def test_a_stream_is_cut_the_same_however_it_arrives(cuts: list[int], copies: int) -> None:
    body = b"v=0\r\n\r\nnot the end\r\n"
    message = INVITE.replace(b"l: 0", b"l: %d" % len(body)) + body
    stream = b"\r\n\r\n" + message * copies + b"\r\n\r\n"
    framing, messages, place = SipFraming(), [], 0
    for cut in [*cuts, len(stream)]:
        messages += framing.feed(stream[place : place + cut])
        place += cut
    assert messages == [message] * copies
    assert framing.pending == 0
    assert 0 < framing.pings <= 2


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (MAX_HEADERS + 1),
        INVITE.replace(b"l: 0", b"l: -1"),
        INVITE.replace(b"l: 0", b"l: many"),
        INVITE.replace(b"l: 0", b"l: 99999999"),
        INVITE.replace(b"l: 0", b"l: 40000"),
        INVITE.replace(b"l: 0", b"l: 0\r\nContent-Length: 5"),
    ],
)
def test_a_stream_that_cannot_be_followed_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"long|Content-Length"):
        SipFraming().feed(data)


# ---------------------------------------------------------------- SDP


def _offer(*lines: str) -> str:
    return "\r\n".join(("v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0", *lines)) + "\r\n"


def test_the_callers_first_usable_codec_wins() -> None:
    offer = _offer(
        "m=audio 4000 RTP/AVP 111 9 8 0 96",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:96 telephone-event/8000",
    )
    _, media = choose(offer)
    assert media.format == RtpFormat(G722, 96)
    assert media.remote == ("192.0.2.9", 4000)
    assert choose(offer, rate=8000)[1].format == RtpFormat(PCMA, 96)
    assert choose(_offer("m=audio 4000 RTP/AVP 0"))[1].format == RtpFormat(PCMU, None)


@pytest.mark.parametrize(
    ("lines", "direction", "held"),
    [
        (("m=audio 4000 RTP/AVP 8",), "sendrecv", False),
        (("a=sendonly", "m=audio 4000 RTP/AVP 8"), "recvonly", True),
        (("a=sendonly", "m=audio 4000 RTP/AVP 8", "a=recvonly"), "sendonly", False),
        (("m=audio 4000 RTP/AVP 8", "a=inactive"), "inactive", True),
        (("m=audio 4000 RTP/AVP 8", "c=IN IP4 0.0.0.0"), "sendrecv", True),
    ],
)
def test_directions_and_holds(lines: tuple[str, ...], direction: str, held: bool) -> None:
    _, media = choose(_offer(*lines))
    assert (media.direction, media.held) == (direction, held)


def test_the_answer_mirrors_the_offer_and_keeps_its_version_in_step() -> None:
    offer, media = choose(
        _offer("m=video 5000 RTP/AVP 97", "m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000")
    )
    session = Session("192.0.2.1", 20000)
    first = session.answer(offer, media)
    assert re.findall(r"m=(.*)", first.replace("\r", "")) == ["video 0 RTP/AVP 97", "audio 20000 RTP/AVP 8 101"]
    assert session.answer(offer, media) == first
    second = session.offer(8000)
    versions = [re.search(r"o=allo (\d+) (\d+)", text) for text in (first, second)]
    assert versions[0]
    assert versions[1]
    assert versions[0][1] == versions[1][1]
    assert int(versions[1][2]) == int(versions[0][2]) + 1
    assert "m=audio 20000 RTP/AVP 9 101" in session.offer(16000)


@pytest.mark.parametrize(
    "lines",
    [
        ("m=audio 0 RTP/AVP 8",),
        ("m=audio 4000 RTP/SAVP 8",),
        ("m=audio 4000 RTP/AVP 18",),
        ("m=audio 4000 RTP/AVP 8", "a=rtpmap:8 L16/8000"),
        (),
    ],
)
def test_nothing_in_common(lines: tuple[str, ...]) -> None:
    with pytest.raises(NoCommonMedia):
        choose(_offer(*lines))


@given(st.text(max_size=300), st.integers(0, 120), st.text(max_size=8))
def test_no_sdp_raises_anything_but_value_error(junk: str, place: int, small: str) -> None:
    sound = _offer("m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000")
    for text in (junk, sound[:place] + small + sound[place:]):
        try:
            sdp, media = choose(text)
        except ValueError:
            continue
        assert Session("192.0.2.1", 20000).answer(sdp, media)


# ---------------------------------------------------------------- session timers and transfers


async def test_the_side_that_does_not_refresh_watches() -> None:
    expired = asyncio.Event()
    timer = SessionTimer(lambda _headers, _on_final: None, expired.set)
    timer.agree(SessionTerms(0, we_refresh=False, required=True))
    async with asyncio.timeout(2):
        await expired.wait()
    timer.stop()


@pytest.mark.parametrize(("status", "goes_on"), [(200, True), (491, True), (405, False), (481, None), (None, None)])
async def test_a_refresh_goes_on_stops_or_ends_the_session(status: int | None, goes_on: bool | None) -> None:
    asked: list[Callable[[SipResponse | None], None]] = []
    sent, expired = asyncio.Event(), asyncio.Event()

    def update(headers: dict[str, str], on_final: Callable[[SipResponse | None], None]) -> None:
        assert headers["Session-Expires"] == "0;refresher=uac"
        asked.append(on_final)
        sent.set()

    timer = SessionTimer(update, expired.set)
    timer.agree(SessionTerms(0, we_refresh=True, required=False))
    async with asyncio.timeout(2):
        await sent.wait()
        sent.clear()
        asked[0](None if status is None else SipResponse(status_code=status))
        if goes_on:
            await sent.wait()
        elif goes_on is None:
            await expired.wait()
        else:
            assert timer._handle is None
    timer.stop()


def test_terms_follow_the_request() -> None:
    request = _read(INVITE.replace(b"l: 0", b"k: timer\r\nx: 600;refresher=uac\r\nl: 0"))
    assert terms_for(request, 1800) == SessionTerms(600, we_refresh=False, required=True)
    assert terms_for(_read(), 1800) is None


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("sip:op@pbx.example.org", "sip:op@pbx.example.org"),
        ("tel:+7495", "tel:+7495"),
        ("100", "sip:100@192.0.2.1"),
        ("*9#", "sip:*9%23@192.0.2.1"),
        ("", None),
        ("sip:x@y>\r\nEvil: 1", None),
        ("two words", None),
    ],
)
def test_transfer_targets(target: str, uri: str | None) -> None:
    assert refer_to(target, "192.0.2.1") == uri


def test_sipfrag() -> None:
    assert sipfrag_status("SIP/2.0 200 OK\r\n") == 200
    assert sipfrag_status("") == 0
    assert sipfrag_status("HTTP/1.1 200 OK") == 0
