"""What the far side may ask within a dialog, one function to a method (RFC 3261, 3311, 3515, 4028, 6086)."""

import re
from collections.abc import Callable

from telephony.sip_call import SipCall
from telephony.sip_dialog import ALLOW
from telephony.sip_text import Request
from telephony.sip_transactions import ServerTransaction

_INFO_KEY = re.compile(r"^[ \t]*Signal[ \t]*=[ \t]*([0-9A-D*#])[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


def receive(call: SipCall, transaction: ServerTransaction) -> None:
    """Take a request within the call's dialog and answer it."""
    request = transaction.request
    taker = _TAKERS.get(request.method)
    if not call.dialog.advance(request, transaction.peer):
        _answer(call, transaction, 500)
    elif taker is None:
        _answer(call, transaction, 405, {"Allow": ALLOW})
    elif call.over and request.method != "BYE":
        _answer(call, transaction, 481)
    else:
        taker(call, transaction)


def _answer(
    call: SipCall, transaction: ServerTransaction, status: int, headers: dict[str, str] | None = None, body: str = ""
) -> None:
    transaction.respond(call.dialog.answer(transaction.request, status, headers, body))


def _bye(call: SipCall, transaction: ServerTransaction) -> None:
    _answer(call, transaction, 200)
    call.caller_left()


def _invite(call: SipCall, transaction: ServerTransaction) -> None:
    """Hold, resume, another address or codec, or a session refresh; a refused one changes nothing."""
    if not call.established:
        _answer(call, transaction, 500, {"Retry-After": "2"})
        return
    try:
        body = call.media.describe(transaction.request.sdp)
    except ValueError:
        _answer(call, transaction, 488)
        return
    call.accept(transaction, body)


def _update(call: SipCall, transaction: ServerTransaction) -> None:
    """A session refresh, or a new description without the three-way handshake of an INVITE."""
    request = transaction.request
    try:
        body = call.media.describe(request.sdp) if request.sdp is not None else ""
    except ValueError:
        _answer(call, transaction, 488)
        return
    if request.header("session-expires") or request.header("x"):
        call.agree(request)
    else:
        call.timer.restart()
    _answer(call, transaction, 200, call.timer.headers(), body)


def _notify(call: SipCall, transaction: ServerTransaction) -> None:
    """How a transfer goes."""
    request = transaction.request
    event = (request.header("event") or request.header("o")).partition(";")[0].strip().lower()
    if event != "refer":
        _answer(call, transaction, 489)
        return
    _answer(call, transaction, 200)
    if call.transfer_in_progress is not None:
        call.transfer_in_progress.notified(request)


def _info(call: SipCall, transaction: ServerTransaction) -> None:
    """Keys, from phones that agreed on no telephone-events."""
    key = _key(transaction.request)
    if key and not call.media.leg.takes_keys:
        call.media.inbox.put_dtmf(key)
    _answer(call, transaction, 200)


def _key(request: Request) -> str:
    if request.header("content-type").partition(";")[0].strip().lower() != "application/dtmf-relay":
        return ""
    found = _INFO_KEY.search(request.message.text)
    return found[1].upper() if found else ""


def _options(call: SipCall, transaction: ServerTransaction) -> None:
    _answer(call, transaction, 200, {"Accept": "application/sdp"})


_TAKERS: dict[str, Callable[[SipCall, ServerTransaction], None]] = {
    "BYE": _bye,
    "INVITE": _invite,
    "UPDATE": _update,
    "NOTIFY": _notify,
    "INFO": _info,
    "OPTIONS": _options,
}
