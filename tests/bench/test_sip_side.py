"""The signalling of a load caller, over real sockets."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from bench import sip_text
from bench.rtp_wire import now_ns
from bench.sip_side import SipSide

HOST = "127.0.0.1"


@pytest.fixture
def far() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind((HOST, 0))
        sock.settimeout(5)
        yield sock


def test_only_the_goodbye_of_its_own_call_ends_a_call(far: socket.socket) -> None:
    with closing(SipSide(f"sip:allo@{HOST}:{far.getsockname()[1]}", HOST, "one", now_ns())) as side:
        side.tick(now_ns())
        asked = far.recv(4096)
        mine = sip_text.read(asked).headers["call-id"]
        bye = asked.replace(b"INVITE", b"BYE").partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

        side.take(bye.replace(mine.encode(), b"somebody-else"), now_ns())
        assert not side.over

        side.take(bye, now_ns())
        assert (side.over, side.ended_by) == (True, "far side")
