"""ARI events and requests as values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony import ari
from telephony import ari_requests as ask

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
TEXT = st.text(max_size=12)
CHANNELS = st.builds(
    ari.Channel,
    id=TEXT,
    name=TEXT,
    state=TEXT,
    number=TEXT,
    exten=TEXT,
    variables=st.dictionaries(TEXT, TEXT, max_size=3),
)
EVENTS = st.one_of(
    st.builds(ari.StasisStart, CHANNELS, st.lists(TEXT, max_size=3).map(tuple)),
    st.builds(ari.StasisEnd, CHANNELS),
    st.builds(ari.ChannelStateChange, CHANNELS),
    st.builds(ari.ChannelHangupRequest, CHANNELS, st.integers(0, 127)),
    st.builds(ari.ChannelDestroyed, CHANNELS, st.integers(0, 127)),
    st.builds(ari.ChannelDtmfReceived, CHANNELS, TEXT),
    st.builds(ari.BridgeDestroyed, st.builds(ari.Bridge, TEXT, st.lists(TEXT, max_size=3).map(tuple))),
    st.builds(ari.ApplicationReplaced, TEXT),
    st.builds(ari.UnknownEvent, TEXT.map(lambda text: f"x-{text}")),
)
TYPES = st.sampled_from(
    ["StasisStart", "StasisEnd", "ChannelDtmfReceived", "BridgeDestroyed", "ApplicationReplaced", "Dial"]
)
PARSERS = (
    ari.parse_channel,
    ari.parse_channels,
    ari.parse_bridges,
    ari.parse_application,
    ari.parse_version,
    ari.parse_variable,
)

REAL = """{"type":"StasisStart","timestamp":"2026-11-21T08:09:49.000+0000","args":["4951112233"],
"channel":{"id":"1795248625.0",
"name":"PJSIP/trunk-00000000","state":"Ring","protocol_id":"x","caller":{"name":"","number":"79161234567"},"connected":
{"name":"","number":""},"accountcode":"","dialplan":{"context":"allo-inbound","exten":"4951112233","priority":1,"app_name":
"Stasis","app_data":"allo,4951112233"},"creationtime":"2026-11-21T08:09:49.000+0000","language":"ru"},"application":"allo"}"""


@given(EVENTS)
def test_events_go_both_ways(event: ari.Event) -> None:
    assert ari.parse_event(ari.serialize_event(event)) == event


@given(JSON, TYPES, st.sampled_from(["channel", "bridge", "application", "args"]), st.sampled_from(PARSERS))
def test_any_json_is_a_value_or_a_value_error(value: object, kind: str, key: str, parser: object) -> None:
    for text in (json.dumps(value), json.dumps({"type": kind, key: value}), json.dumps({"system": value, "id": value})):
        for parse in (ari.parse_event, parser):
            try:
                assert parse(text) is not None  # type: ignore[operator]
            except ValueError as fault:
                assert str(fault)  # noqa: PT017 - either outcome is right, another exception is not


@given(st.text(max_size=40))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    try:
        assert ari.parse_event(text)
    except ValueError as fault:
        assert str(fault)  # noqa: PT017


def test_an_event_of_a_real_asterisk() -> None:
    channel = ari.Channel("1795248625.0", "PJSIP/trunk-00000000", "Ring", "79161234567", "4951112233")
    assert ari.parse_event(REAL) == ari.StasisStart(channel, ("4951112233",))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "event: an object is missing"),
        ("{}", "event.type: a text is missing"),
        ('{"type":"StasisStart"}', "channel: an object is missing"),
        ('{"type":"StasisStart","channel":{"id":7}}', "channel.id: a text is missing"),
        ('{"type":"StasisStart","channel":{"id":"a"},"args":[1]}', "StasisStart.args: not a list of texts"),
        ('{"type":"ChannelDtmfReceived","channel":{"id":"a"}}', "ChannelDtmfReceived.digit: a text is missing"),
    ],
)
def test_bad_input_names_the_fault(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        ari.parse_event(text)


@pytest.mark.parametrize(
    ("said", "version"),
    [("22.10.1~dfsg-1", (22, 10, 1)), ("16.28.0", (16, 28, 0)), ("20.9", (20, 9)), ("GIT-master-abc", ()), ("", ())],
)
def test_versions(said: str, version: tuple[int, ...]) -> None:
    assert ari.parse_version(json.dumps({"system": {"version": said}})) == version


def test_our_ids_are_recognised_and_no_others() -> None:
    ids = ask.Ids("allo")
    assert ids.made(ids.media())
    assert ids.made(ids.bridge())
    assert ids.media() != ids.media()
    others = [
        "1795248625.0",
        "allo-media-",
        "allo-bridge-x",
        f"{ids.media()}0",
        ask.Ids("allo-2").media(),
        ask.Ids("a.lo").media(),
    ]
    assert not any(ids.made(other) for other in others)
    assert not ask.Ids("a.lo").made(ids.media())


def test_requests_quote_what_they_are_given() -> None:
    assert ask.hangup("a/b c").path == "/channels/a%2Fb%20c"
    assert ask.go_on("1").query == ()
    assert ask.go_on("1", "sales", "200").query == (("context", "sales"), ("extension", "200"), ("priority", "1"))
    assert dict(ask.media_by_rtp("m", "allo", "::1", 4000, "alaw").query)["external_host"] == "[::1]:4000"
    assert dict(ask.create_bridge("b").query)["type"] == "mixing,dtmf_events,proxy_media"
