"""The doctor's look at the network: our own ports, Asterisk's ARI, the language model."""

import base64
import errno
import re
import socket
from typing import Any
from urllib.parse import quote

import aiohttp

from agent.doctor.finding import Finding, bad, fine, poor
from agent.settings import Asterisk, Llm, Settings
from telephony.chan_websocket import usable

LIMIT_S = 3.0
"""Longest wait for an answer of another machine, seconds."""

TAKEN = " is in use"
"""What is said of a port that somebody has."""
CONNECTED = " is connected as this application already"
OPENAI = "https://api.openai.com/v1"

Answer = tuple[int, Any]
"""HTTP status and the JSON that came, None where it was none."""

# ---------------------------------------------------------------- our own ports


async def running(settings: Settings) -> dict[str, str]:
    """The lines, each with its state, of the Allo that answers at the address of these settings; empty: none does."""
    host = "127.0.0.1" if settings.web.host in {"0.0.0.0", "::"} else settings.web.host  # noqa: S104 - asked, not bound
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LIMIT_S)) as http:
        answer = await _get(http, f"http://{f'[{host}]' if ':' in host else host}:{settings.web.port}/health")
    said = answer[1] if not isinstance(answer, str) and isinstance(answer[1], dict) else {}
    lines = said.get("lines") if {"ready", "version"} <= set(said) else None
    return {"page": "up", **lines} if isinstance(lines, dict) else {}


def known(found: list[Finding], lines: dict[str, str]) -> list[Finding]:
    """What is taken is as it should be where the Allo that runs has it; ``lines``: see ``running``."""
    whose = {"web port": "page", "SIP port, UDP": "sip", "SIP port, TCP": "sip"}
    told = []
    for one in found:
        line = "asterisk" if one.check.startswith("Stasis application") else whose.get(one.check, "")
        ours = line in lines and one.result.endswith((TAKEN, CONNECTED))
        told.append(fine(one.check, f"{one.result}: the Allo that runs") if ours else one)
    state = ", ".join(f"{line} {state}" for line, state in lines.items())
    return [*told, fine("running", state)] if lines else told


async def ports(settings: Settings) -> list[Finding]:
    """Can we listen where the settings say?"""
    found = []
    if settings.sip.enabled:
        host, port = settings.sip.host, settings.sip.port
        found.append(_port("SIP port, UDP", host, port, socket.SOCK_DGRAM, "[sip] port"))
        found.append(_port("SIP port, TCP", host, port, socket.SOCK_STREAM, "[sip] port"))
        first, last = settings.sip.rtp_ports
        room = max(0, last - first + 1) // 2
        if room < settings.calls.max:
            what = f"{first}-{last}: room for {room} calls, but [calls] max is {settings.calls.max}"
            found.append(bad("RTP ports", what, "widen [sip] rtp_ports or lower [calls] max"))
        else:
            found.append(fine("RTP ports", f"{first}-{last}: room for {room} calls"))
    found.append(_port("web port", settings.web.host, settings.web.port, socket.SOCK_STREAM, "[web] port"))
    return found


def _port(check: str, host: str, port: int, kind: socket.SocketKind, setting: str) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection's port is free
        try:
            probe.bind((host, port))
        except OSError as error:
            return _taken(check, f"{host}:{port}", error, setting)
    return fine(check, f"{host}:{port} is free")


def _taken(check: str, where: str, error: OSError, setting: str) -> Finding:
    if error.errno == errno.EADDRINUSE:
        return bad(check, f"{where}{TAKEN}", f"stop the other program (is Allo running already?) or change {setting}")
    if error.errno == errno.EACCES:
        return bad(check, f"{where}: not allowed", f"ports below 1024 need root: change {setting}")
    host = setting.replace("port", "host")
    return bad(check, f"{where}: {error.strerror or error}", f"this machine has no such address: change {host}")


# ---------------------------------------------------------------- Asterisk


async def asterisk(section: Asterisk) -> list[Finding]:
    """ARI: reachable, credentials, version, media, and whether the application is free."""
    if not section.url:
        return [fine("Asterisk", "no [asterisk] url: no Asterisk line")]
    secret = f"{section.username}:{section.password.get_secret_value()}".encode()
    headers = {"Authorization": f"Basic {base64.b64encode(secret).decode()}"}
    base = section.url.rstrip("/").removesuffix("/ari") + "/ari"
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=LIMIT_S)) as http:
        info = await _get(http, f"{base}/asterisk/info")
        fault = _ari_fault(info, section)
        if fault is not None or isinstance(info, str):
            return [fault] if fault else []
        driver = await _get(http, f"{base}/asterisk/modules/chan_websocket.so")
        app = await _get(http, f"{base}/applications/{quote(section.app, safe='')}")
    version = _version(info[1])
    return [
        fine("Asterisk", f"{section.url}: Asterisk {version}"),
        _media(section, version, driver),
        _app(section, app),
    ]


def _ari_fault(info: Answer | str, section: Asterisk) -> Finding | None:
    where = section.url
    if isinstance(info, str):
        what, advice = info, "is Asterisk running, with enabled=yes in http.conf, and is this its port?"
    elif info[0] in {401, 403}:
        what = f"user {section.username!r} is refused ({info[0]})"
        advice = "set [asterisk] username and password as they stand in ari.conf"
    elif info[0] == 404:
        what, advice = "no ARI there (404)", "set enabled=yes in ari.conf; is there a prefix in http.conf?"
    elif info[0] != 200 or not isinstance(info[1], dict):
        what, advice = f"answers {info[0]}, not what ARI says", "is [asterisk] url the address of an Asterisk?"
    else:
        return None
    return bad("Asterisk", f"{where}: {what}", advice)


def _version(body: dict[str, Any]) -> str:
    system = body.get("system")
    version = system.get("version") if isinstance(system, dict) else None
    return version if isinstance(version, str) else "of unknown version"


def _media(section: Asterisk, version: str, driver: Answer | str) -> Finding:
    """Which way the audio will go, and whether that was asked for."""
    loaded = not isinstance(driver, str) and driver[0] == 200
    numbers = re.match(r"(\d+)\.(\d+)", version)
    good = loaded and usable((int(numbers[1]), int(numbers[2])) if numbers else ())
    name = "Asterisk media"
    if section.media == "websocket" and not loaded:
        return bad(
            name, "[asterisk] media is websocket, but chan_websocket.so is not loaded", "use media = 'auto' or 'rtp'"
        )
    if section.media == "websocket" and not good:
        return poor(
            name,
            f"chan_websocket of Asterisk {version} makes noise in silence",
            "use media = 'auto' or upgrade to 22.9",
        )
    if section.media == "rtp" or not good:
        return fine(name, f"RTP to {section.rtp_host}")
    return fine(name, "WebSocket (chan_websocket)")


def _app(section: Asterisk, app: Answer | str) -> Finding:
    name = f"Stasis application {section.app}"
    if not isinstance(app, str) and app[0] == 200:
        advice = "one application, one daemon: a second one takes over its calls; choose another [asterisk] app"
        return poor(name, f"somebody{CONNECTED}", advice)
    return fine(name, "free")


# ---------------------------------------------------------------- the language model


async def language_model(section: Llm) -> list[Finding]:
    """Is one configured, and does it answer ``GET /models``?"""
    name = "language model"
    if not section.configured:
        return [fine(name, "none: answers come from the knowledge base alone")]
    base = (section.base_url or OPENAI).rstrip("/")
    key = section.api_key.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=LIMIT_S)) as http:
        answer = await _get(http, f"{base}/models")
    return [_model(name, base, section.model, answer)]


def _model(name: str, base: str, model: str, answer: Answer | str) -> Finding:
    spare = "until then the knowledge base answers by itself"
    if isinstance(answer, str):
        return poor(name, f"{base}: {answer}", f"check [llm] base_url and the network; {spare}")
    status, body = answer
    if status in {401, 403}:
        return poor(name, f"{base}: the key is refused ({status})", f"set [llm] api_key or OPENAI_API_KEY; {spare}")
    if status != 200:
        return poor(
            name, f"{base}: GET /models answers {status}", f"check [llm] base_url (it often ends in /v1); {spare}"
        )
    entries = body.get("data") if isinstance(body, dict) else None
    names = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    if names and model not in names:
        return poor(name, f"{base} has no model {model!r}", f"set [llm] model to one that it has; {spare}")
    return fine(name, f"{base}: {model}")


# ---------------------------------------------------------------- asking


async def _get(http: aiohttp.ClientSession, url: str) -> Answer | str:
    """Status and JSON, or in a few words why there is no answer."""
    try:
        async with http.get(url, allow_redirects=False) as response:
            try:
                return response.status, await response.json(content_type=None)
            except (ValueError, UnicodeDecodeError):
                return response.status, None
    except TimeoutError:
        return f"no answer within {LIMIT_S:g} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "os_error", None)
        return f"no connection: {getattr(reason, 'strerror', None) or reason or type(error).__name__}"
