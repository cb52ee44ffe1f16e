"""Health, the description of the API, the texts."""

import asyncio
from pathlib import Path

import pytest

from agent.figures.machine import machine
from gateways.admin import serve_admin
from gateways.pages import STATIC
from tests.gateways.conftest import Office

PROBLEM = "application/problem+json"


async def test_root_is_health_for_programs_and_the_page_for_browsers(office: Office) -> None:
    health = await office.web.get("/", headers={"Accept": "*/*"})
    page = await office.web.get("/", headers={"Accept": "text/html,application/xhtml+xml"})

    assert (await health.json())["status"] == "ok"
    assert page.content_type == "text/html"


async def test_every_route_is_described_and_every_description_is_served(office: Office) -> None:
    described = await (await office.web.get("/api/openapi.json")).json()
    app = office.web.app
    assert app is not None
    served = {
        (route.method, resource.canonical)
        for resource in app.router.resources()
        for route in resource
        if route.method != "HEAD"
    }

    assert described["openapi"].startswith("3.1")
    assert {(m.upper(), path) for path, methods in described["paths"].items() for m in methods} == served
    for path in (
        "/health",
        "/logs",
        "/logs/csv",
        "/kb",
        "/kb2",
        "/kb/upload",
        "/kb2/upload",
        "/api/prompts",
        "/api/kb/search",
    ):
        assert path in described["paths"]


@pytest.mark.parametrize(("path", "base"), [("/kb", "Доставка"), ("/kb2", "мм/мин")])
async def test_both_bases_can_be_read(office: Office, path: str, base: str) -> None:
    reply = await office.web.get(path)

    assert reply.content_type == "text/markdown"
    assert base in await reply.text()


async def test_a_text_is_normalised(office: Office) -> None:
    reply = await office.web.post("/api/normalize", json={"text": "скорость 5 миллиметров в секунду"})

    assert (await reply.json())["normalized"] == "скорость 5 мм/с"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 422), (b'{"text": 1}', 422), (b'{"text": "' + b"a" * 1_010_000, 413)],
    ids=["cut short", "a list", "a number", "too long"],
)
async def test_bad_bodies_are_explained(office: Office, body: bytes, status: int) -> None:
    reply = await office.web.post("/api/normalize", data=body, headers={"Content-Type": "application/json"})

    assert reply.status == status
    assert reply.content_type == "application/problem+json"


async def test_the_pages_files_are_packed_and_known_again(office: Office) -> None:
    for path in STATIC.iterdir():
        reply = await office.web.get(f"/logs-ui/{path.name}")
        assert (reply.status, await reply.read()) == (200, path.read_bytes())
        again = await office.web.get(f"/logs-ui/{path.name}", headers={"If-None-Match": reply.headers["ETag"]})
        assert again.status == 304


@pytest.mark.parametrize("path", ["/stt", "/process_call", "/kb/upload", "/api/kb/convert"])
async def test_a_form_that_can_not_be_read_is_no_fault_of_ours(office: Office, path: str) -> None:
    for body in (b"--x\r\n[[], True]--x--", b"--x\r\n--x--\r\n", b"--x\r\nA: \0\r\n\r\n--x--"):
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        async with office.web.post(path, data=body, headers=kind) as reply:
            assert (reply.status, reply.content_type) in ((400, PROBLEM), (422, PROBLEM))


async def test_what_is_no_http_leaves_no_trace_in_the_log(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    server = await serve_admin("127.0.0.1", 0, office.desk)
    try:
        reader, writer = await asyncio.open_connection(*server.addresses[0])
        writer.write(b"GET / HTTP/1.1\r\nX: \0\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.0 400")
        writer.close()
        await writer.wait_closed()
    finally:
        await server.cleanup()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_disk_and_versions_are_for_those_who_have_the_key(office: Office) -> None:
    health = await (await office.web.get("/api/health")).json()

    assert health["ready"] is True
    assert health["disk"]["folder"] == str(office.folder)
    assert 0 < health["disk"]["free_mb"] <= health["disk"]["of_mb"]
    assert {"python", "sqlite", "vosk", "aiohttp"} <= set(health["versions"])
    assert (await office.web.get("/api/health", headers={"X-API-Key": ""})).status == 401


def test_a_disk_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert machine(tmp_path / "gone")["disk"] == {
        "folder": str(tmp_path / "gone"),
        "fault": "No such file or directory",
    }
