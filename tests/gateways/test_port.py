import socket

import pytest

from agent.errors import StartError
from gateways.port import listen


def test_a_port_is_ours_before_anybody_is_answered() -> None:
    (ours,) = listen("127.0.0.1", 0)
    with ours:
        port = ours.getsockname()[1]
        with pytest.raises(StartError, match=rf"web: 127.0.0.1:{port}: .* set \[web\] port"):
            listen("127.0.0.1", port)
        with socket.create_connection(("127.0.0.1", port), 1):
            ours.settimeout(1)
            ours.accept()[0].close()
    listen("127.0.0.1", port)[0].close()


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(StartError, match="web: no such host:80"):
        listen("no such host", 80)
