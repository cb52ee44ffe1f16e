"""A softphone that places one scripted test call, on pjsua2: a SIP stack that shares nothing with the SIP line.

pjsua2 (PJSIP, https://docs.pjsip.org) is licensed under the GPL and is therefore an extra (``phone``) that only
this test tool imports; the daemon never does. There is no sound card: pjmedia's null device is the clock, every
20 ms it asks for a frame to send and then hands over the frame heard, on a thread of its own; signalling runs
on the thread that calls ``place``.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agent.errors import StartError
from telephony.phone_address import own_address, target
from telephony.phone_report import CallReport, measure
from telephony.phone_script import FRAME, RATE, Script

try:
    import pjsua2 as pj
except ImportError:
    pj = None

_AudioMediaPort: Any = pj.AudioMediaPort if pj else object
_Call: Any = pj.Call if pj else object

POLL_MS = 10
"""Longest wait for a signalling event before the script is looked at again, milliseconds."""

CODECS = {"pcma": "PCMA/8000/1", "pcmu": "PCMU/8000/1", "g722": "G722/16000/1"}
"""Names accepted by ``Dialling.codec``; the other ones are offered after it, except G.722."""

_GOODBYE_S = 2.0
_FRAME_US = FRAME * 1_000_000 // RATE


@dataclass(frozen=True, slots=True)
class Dialling:
    """How a call is placed."""

    uri: str
    """SIP URI to ring."""
    answer_within_s: float = 20.0
    """Give up when nobody answered, seconds."""
    codec: str = "pcma"
    """Preferred codec: ``pcma``, ``pcmu`` or ``g722``."""
    user: str = "phone"
    """User part of the caller's own address."""
    verbose: bool = False
    """Print pjlib's log."""


@dataclass(slots=True)
class _Signalling:
    """What the SIP side has seen so far; times of ``time.monotonic``, seconds."""

    invited: float = 0.0
    answered: float | None = None
    media: float | None = None
    left: bool = False
    refusal: str = ""
    fault: BaseException | None = None


def installed() -> bool:
    """Whether this Python has pjsua2."""
    return pj is not None


def place(dialling: Dialling, script: Script) -> CallReport:
    """Ring, hold the conversation of ``script``, hang up; blocks for the length of the call.

    Raises ``StartError`` when pjsua2 is missing or the address is no SIP URI.
    """
    _check(dialling)
    with _endpoint(dialling) as (endpoint, account):
        seen = _Signalling()
        handset = _Handset(script, seen)
        call = _Leg(account, handset, seen)
        try:
            by_us = _dial(endpoint, call, dialling, script, seen)
        finally:
            del call, handset  # their C++ halves must go before the endpoint does
    if seen.fault is not None:
        raise seen.fault
    return _report(dialling.uri, script, seen, by_us)


def _dial(endpoint: Any, call: Any, dialling: Dialling, script: Script, seen: _Signalling) -> bool:
    seen.invited = time.monotonic()
    try:
        call.makeCall(dialling.uri, pj.CallOpParam(True))
    except pj.Error as error:  # raised by `place` once the call, which its traceback holds, is gone
        seen.fault = StartError(f"{dialling.uri}: the call can't be placed: {error.reason}")
        return True
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C hangs up
        _converse(endpoint, call, script, seen, dialling.answer_within_s)
    by_us = not seen.left
    if by_us:
        call.hangup(pj.CallOpParam())
    give_up = time.monotonic() + _GOODBYE_S
    while not seen.left and time.monotonic() < give_up:
        endpoint.libHandleEvents(POLL_MS)
    return by_us


def _converse(endpoint: Any, call: Any, script: Script, seen: _Signalling, answer_within_s: float) -> None:
    """Pump signalling until one side wants to leave."""
    while not seen.left and not script.done and seen.fault is None:
        endpoint.libHandleEvents(POLL_MS)
        keys = script.due_keys()
        if keys and not seen.left:
            call.dialDtmf(keys)
        if seen.answered is None and time.monotonic() - seen.invited > answer_within_s:
            seen.refusal = f"no answer within {answer_within_s:g} s"
            return


def _report(uri: str, script: Script, seen: _Signalling, by_us: bool) -> CallReport:
    if seen.answered is None:
        return CallReport(uri, ended_by=seen.refusal or "not answered")
    first_ms, turns = measure(bytes(script.sent), bytes(script.heard), script.cues)
    connecting_ms = 0.0 if seen.media is None else (seen.media - seen.answered) * 1000
    return CallReport(
        uri=uri,
        ended_by="phone" if by_us else "far side",
        answer_ms=round((seen.answered - seen.invited) * 1000, 1),
        greeting_ms=None if first_ms is None else round(connecting_ms + first_ms, 1),
        duration_s=round(script.position / RATE, 2),
        turns=turns,
    )


class _Handset(_AudioMediaPort):  # type: ignore[misc]
    """Microphone and earpiece: pjmedia's clock thread calls both methods, 50 times a second each."""

    def __init__(self, script: Script, seen: _Signalling) -> None:
        super().__init__()
        self._script, self._seen = script, seen
        self._following = b""
        audio = pj.MediaFormatAudio()
        audio.init(pj.PJMEDIA_FORMAT_PCM, RATE, 1, _FRAME_US, 16)
        self.createPort("handset", audio)

    def onFrameRequested(self, frame: Any) -> None:  # noqa: N802 - pjsua2's name
        """Fill the frame to send."""
        if self._seen.media is None:
            self._seen.media = time.monotonic()
            self._following = self._script.first()
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
        frame.buf = pj.ByteVector(self._following)
        frame.size = len(self._following)

    def onFrameReceived(self, frame: Any) -> None:  # noqa: N802 - pjsua2's name
        """Take the frame heard."""
        if self._seen.media is None or self._seen.fault is not None:
            return
        heard = bytes(frame.buf) if frame.type == pj.PJMEDIA_FRAME_TYPE_AUDIO else b""
        try:
            self._following = self._script.step(heard)
        except Exception as error:  # C code calls this; `place` raises it again
            self._seen.fault = error


class _Leg(_Call):  # type: ignore[misc]
    """The call; its methods run on the thread that pumps events."""

    def __init__(self, account: Any, handset: Any, seen: _Signalling) -> None:
        super().__init__(account)
        self._account, self._handset, self._seen = account, handset, seen
        self._onward: Any = None

    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802 - pjsua2's name
        """Go where the far side sends us (REFER): a call without a conversation, as long as the first one is up."""
        self._onward = prm.newCall = _Call(self._account)
        prm.statusCode = pj.PJSIP_SC_ACCEPTED

    def onCallState(self, prm: Any) -> None:  # noqa: N802 - pjsua2's name
        """Note when it was answered and when it ended."""
        now, info, seen = time.monotonic(), self.getInfo(), self._seen
        ended = info.state == pj.PJSIP_INV_STATE_DISCONNECTED
        if info.lastStatusCode == 200 and seen.answered is None and not ended:
            seen.answered = now
        if ended:
            seen.left = True
            seen.refusal = seen.refusal or f"{info.lastStatusCode} {info.lastReason}"

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802 - pjsua2's name
        """Connect the handset as soon as there is audio."""
        if self.getInfo().state != pj.PJSIP_INV_STATE_DISCONNECTED and self.hasMedia():
            line = self.getAudioMedia(-1)
            line.startTransmit(self._handset)
            self._handset.startTransmit(line)


@contextlib.contextmanager
def _endpoint(dialling: Dialling) -> Iterator[tuple[Any, Any]]:
    """One SIP endpoint on free ports of the address that leads to the far side, closed afterwards."""
    endpoint = pj.Endpoint()
    with _hushed(not dialling.verbose):
        endpoint.libCreate()
    try:
        endpoint.libInit(_configuration(dialling.verbose))
        host = own_address(dialling.uri)
        transport = pj.TransportConfig()
        transport.boundAddress = host
        kind = pj.PJSIP_TRANSPORT_TCP if ";transport=tcp" in dialling.uri.lower() else pj.PJSIP_TRANSPORT_UDP
        used = endpoint.transportCreate(kind, transport)
        endpoint.libStart()
        endpoint.audDevManager().setNullDev()
        _prefer(endpoint, dialling.codec)
        account = pj.Account()
        account.create(_account(dialling, host, used))
        yield endpoint, account
        account.shutdown()
    finally:
        endpoint.libDestroy()


def _configuration(verbose: bool) -> Any:
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0  # callbacks come on the thread that pumps events
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = 4  # the wheel's limit; a transfer needs a second one
    config.uaConfig.userAgent = "Allo test phone"
    config.logConfig.level = config.logConfig.consoleLevel = 4 if verbose else 0
    media = config.medConfig
    media.clockRate = media.sndClockRate = RATE
    media.audioFramePtime = media.ptime = _FRAME_US // 1000
    media.noVad = True  # a caller whose microphone is open sends all the time
    media.ecTailLen = 0
    media.jbInit, media.jbMinPre, media.jbMaxPre = 0, 0, 4  # frames; what it delays, the figures contain
    media.sndAutoCloseTime = -1
    return config


def _account(dialling: Dialling, host: str, transport: int) -> Any:
    account = pj.AccountConfig()
    account.idUri = f"sip:{dialling.user}@{host}"
    account.sipConfig.transportId = transport
    account.mediaConfig.transportConfig.boundAddress = host
    return account


def _prefer(endpoint: Any, codec: str) -> None:
    for known in endpoint.codecEnum2():
        endpoint.codecSetPriority(known.codecId, 0)
    for name in ("pcma", "pcmu"):
        endpoint.codecSetPriority(CODECS[name], 128)
    endpoint.codecSetPriority(CODECS[codec], 255)


def _check(dialling: Dialling) -> None:
    if not installed():
        why = "it has wheels for x86-64 Linux, macOS and Windows and for Python up to 3.12"
        raise StartError(f"The test phone needs pjsua2: `.venv/bin/python -m pip install -e '.[phone]'` ({why}).")
    if dialling.codec not in CODECS:
        raise StartError(f"codec {dialling.codec!r}: the phone speaks {', '.join(CODECS)}")
    host, _port = target(dialling.uri)
    if not host:
        raise StartError(f"{dialling.uri!r} is no SIP address; write sip:USER@HOST or sip:USER@HOST:PORT")


@contextlib.contextmanager
def _hushed(hush: bool) -> Iterator[None]:
    """PJLIB writes to standard output before its log level can be set."""
    if not hush:
        yield
        return
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
