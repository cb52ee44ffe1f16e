"""SIP addresses as the test phone needs them."""

import socket

from agent.errors import StartError


def target(uri: str) -> tuple[str, int]:
    """Host and port of a SIP URI (RFC 3261, 19.1.1); an empty host when it is none."""
    scheme, _, rest = uri.strip("<>").partition(":")
    if scheme.lower() not in {"sip", "sips"}:
        return "", 0
    hostport = rest.split(";")[0].split("?")[0].rpartition("@")[2]
    if hostport.startswith("["):
        host, _, port = hostport[1:].partition("]")
        port = port.lstrip(":")
    else:
        host, _, port = hostport.partition(":")
    return host, int(port) if port.isdecimal() else 5060


def own_address(uri: str) -> str:
    """Our address on the route to the far side: loopback calls must not leave over another interface."""
    host, port = target(uri)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise StartError(f"{uri}: {host} can't be reached: {error.strerror or error}") from None
