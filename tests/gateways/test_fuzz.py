"""Whatever is asked, the answer is never a fault of ours, and every fault of theirs is a problem document."""

import asyncio
import string
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateways.queries import FiguresQuery, LogsQuery
from tests.gateways.conftest import Office, Open

NAMES = st.sampled_from([*LogsQuery.model_fields, *FiguresQuery.model_fields, "columns", "document", "of"])
VALUES = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.sampled_from(
        ["started", "-seconds", "completed,failed", "2026-01-01", "9999-12-31T23:59:59+14:00", '"', "NEAR(", "%"]
    ),
)
SEGMENTS = st.sampled_from(
    [
        "..",
        "backups",
        "wrong-answers",
        "search?q=a",
        "progress",
        "logs",
        "kb",
        "api",
        "live",
        "recording",
        "peaks",
        "%00",
        "a" * 300,
        "'",
        "logs-ui",
        "csv",
    ]
)


async def ask(office: Office, method: str, path: str, **more: Any) -> None:
    async with asyncio.timeout(5), office.web.request(method, path, **more) as reply:
        assert reply.status < 500 or reply.status == 501, (method, path, reply.status)
        if reply.status >= 400:
            assert reply.content_type == "application/problem+json"


async def test_no_query_breaks_the_log_or_the_texts(open_office: Open) -> None:
    office = await open_office(answering=True)
    await office.hold("100", "какая гарантия", "Два года.")
    asked = st.tuples(
        st.sampled_from(
            ["/logs", "/logs/csv", "/api/figures", "/logs/id-100-14/peaks", "/kb", "/api/kb/search", "/api/backups"]
        ),
        st.dictionaries(NAMES, VALUES, max_size=4),
    )
    for path, query in _drawn(asked, 250):
        await ask(office, "GET", path, params=query)
    for question in _drawn(st.text(min_size=1, max_size=60), 60):
        await ask(office, "GET", "/api/kb/search", params={"q": question})


async def test_no_path_or_body_breaks_the_server(open_office: Open) -> None:
    office = await open_office(answering=True)
    paths = st.lists(st.one_of(SEGMENTS, st.text(string.printable, min_size=1, max_size=8)), max_size=4)
    bodies = st.one_of(
        st.binary(max_size=40), st.sampled_from([b"{}", b'{"key": "\\ud800"}', b'{"text": null}', b"[" * 5000])
    )
    kinds = st.sampled_from(["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
    for method, parts, body, kind in _drawn(st.tuples(st.sampled_from(["GET", "POST"]), paths, bodies, kinds), 250):
        path = "/" + "/".join(quote(part, safe="%'") for part in parts)
        if path.rstrip("/") != "/api/live":  # it never ends
            await ask(office, method, path, data=body, headers={"Content-Type": kind} if kind else {})
    changing = ("/api/prompts", "/api/settings", "/kb/upload", "/api/kb/convert", "/api/wrong-answers")
    for path in ("/api/session", "/api/normalize", *changing, "/api/backups/1/restore"):
        for body, kind in _drawn(st.tuples(bodies, kinds), 40):
            await ask(office, "POST", path, data=body, headers={"Content-Type": kind} if kind else {})


def _drawn(what: st.SearchStrategy[Any], most: int) -> list[Any]:
    """Examples, the same in every run: the server lives on a loop that hypothesis can't start anew for each."""
    drawn: list[Any] = []

    @settings(max_examples=most, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(what)
    def collect(example: Any) -> None:
        drawn.append(example)

    collect()
    return drawn
