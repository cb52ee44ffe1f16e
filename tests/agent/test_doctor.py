import asyncio
import base64
import io
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rich.console import Console

from agent.doctor import reachability
from agent.doctor.finding import Finding, bad, fine, poor
from agent.doctor.visit import check, show
from agent.knowledge import build_once
from agent.settings import Settings
from bench.ports import free_port

ROOT = Path(__file__).parent.parent.parent
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def settings(tmp_path: Path, **sections: Any) -> Settings:
    """A house in which everything is right, but for what the test changes."""
    kb, prompts = tmp_path / "kb", ROOT / "prompts"
    kb.mkdir(exist_ok=True)
    for base in ("general", "tech"):
        (kb / f"{base}.md").write_text("# Часы\n\nС девяти до шести.\n<<->>\n# Адрес\n\nМосква.\n", encoding="utf-8")
    tree: dict[str, Any] = {
        "sip": {"host": "127.0.0.1", "port": free_port(), "rtp_ports": (20000, 20999)},
        "web": {"port": free_port()},
        "storage": {"dir": tmp_path / "var"},
        "kb": {"dir": kb},
        "prompts": {"dir": prompts},
    }
    for name, section in sections.items():
        tree[name] = {**tree.get(name, {}), **section} if isinstance(section, dict) else section
    return Settings.model_validate(tree)


async def found(house: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in await check(house)}


@asynccontextmanager
async def site(respond: Respond) -> AsyncIterator[str]:
    server = web.Application()
    server.router.add_route("*", "/{path:.*}", respond)
    runner = web.AppRunner(server)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def ari(version: str = "22.10.1", driver: bool = True, app: bool = False, password: str = "pass") -> Respond:
    """What Asterisk answers, as recorded from 22.10.1."""

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(f"allo:{password}".encode()).decode():
            return web.json_response({"message": "Authentication required"}, status=401)
        if request.path == "/ari/asterisk/info":
            return web.json_response({"system": {"version": version, "entity_id": "x"}})
        if request.path == "/ari/asterisk/modules/chan_websocket.so" and driver:
            return web.json_response({"name": "chan_websocket.so", "status": "Running"})
        if request.path == "/ari/applications/allo" and app:
            return web.json_response({"name": "allo", "channel_ids": []})
        return web.json_response({"message": "not found"}, status=404)

    return respond


# ---------------------------------------------------------------- the machine


async def test_a_house_in_order_has_no_fault(tmp_path: Path) -> None:
    findings = await check(settings(tmp_path))
    assert [finding for finding in findings if finding.state == "fault"] == []
    by_name = {finding.check: finding for finding in findings}
    assert by_name["recogniser"].state == "warning"  # the demo model
    assert "allo models pull" in by_name["recogniser"].advice
    assert by_name["voice"].result.startswith("espeak-ng ru")
    assert by_name["knowledge general"].result.endswith("2 sections")
    assert show(findings, console=Console(file=io.StringIO())) == 0


async def test_what_is_missing_is_named(tmp_path: Path) -> None:
    house = settings(
        tmp_path,
        stt={"model": "nobody"},
        tts={"voice": "klingon9"},
        kb={"dir": tmp_path / "nowhere"},
        prompts={"dir": tmp_path / "nothing"},
    )
    by_name = await found(house)
    for name, words in (
        ("recogniser", "'nobody'"),
        ("voice", "klingon9"),
        ("knowledge general", "nowhere/general.md"),
        ("knowledge tech", "nowhere/tech.md"),
        ("prompts", "nothing"),
    ):
        assert by_name[name].state == "fault"
        assert words in by_name[name].result
    assert show(by_name.values(), console=Console(file=io.StringIO())) == 1


async def test_a_broken_model_and_unreadable_texts_are_faults(tmp_path: Path) -> None:
    house = settings(tmp_path, stt={"model": str(tmp_path / "empty")})
    (tmp_path / "empty").mkdir()
    (tmp_path / "kb" / "general.md").write_bytes("Часы".encode("cp1251"))
    (tmp_path / "kb" / "tech.md").write_text(" \n<<->>\n")
    by_name = await found(house)
    assert "not a whole Vosk model" in by_name["recogniser"].result
    assert "not UTF-8" in by_name["knowledge general"].result
    assert "no text" in by_name["knowledge tech"].result


async def test_a_broken_document_is_named_and_what_becomes_of_a_start(tmp_path: Path) -> None:
    house = settings(tmp_path)
    general = tmp_path / "kb" / "general.md"
    text = general.read_text(encoding="utf-8")
    general.unlink()
    (tmp_path / "kb" / "general").mkdir()
    (tmp_path / "kb" / "general" / "list.md").write_text(text, encoding="utf-8")
    assert (await found(house))["knowledge general"].state == "ok"
    scan = tmp_path / "kb" / "general" / "scan.md"
    scan.write_bytes("Часы".encode("cp1251"))
    told = (await found(house))["knowledge general"]
    assert (told.state, str(scan) in told.result) == ("fault", True)
    assert "does not start" in told.advice
    scan.unlink()
    await build_once(house, lambda stage, done, of: None)
    scan.write_bytes("Часы".encode("cp1251"))
    told = (await found(house))["knowledge general"]
    assert (told.state, str(scan) in told.result) == ("fault", True)
    assert "older index answers" in told.advice
    assert "`allo kb build`" in told.advice


async def test_a_storage_folder_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    finding = (await found(settings(tmp_path, storage={"dir": tmp_path / "file" / "var"})))["disk"]
    assert finding.state == "fault"
    assert "[storage] dir" in finding.advice


# ---------------------------------------------------------------- ports


async def test_ports_in_use_are_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        house = settings(tmp_path, sip={"port": udp.getsockname()[1]}, web={"port": tcp.getsockname()[1]})
        by_name = await found(house)
    assert by_name["SIP port, UDP"].state == "fault"
    assert f"127.0.0.1:{house.sip.port} is in use" in by_name["SIP port, UDP"].result
    assert by_name["web port"].state == "fault"
    assert "[web] port" in by_name["web port"].advice


async def test_ports_of_the_allo_that_runs_are_as_they_should_be(tmp_path: Path) -> None:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"ready": True, "version": "0.1.0", "lines": {"sip": "up", "asterisk": "no answer"}})

    async with site(health) as url, site(ari(app=True)) as pbx:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            own = {"sip": {"port": udp.getsockname()[1]}, "web": {"port": int(url.rpartition(":")[2])}}
            by_name = await found(settings(tmp_path, **own, asterisk={"url": pbx, "password": "pass"}))
    assert {by_name[name].state for name in ("SIP port, UDP", "SIP port, TCP", "web port")} == {"ok"}
    assert by_name["web port"].result.endswith("is in use: the Allo that runs")
    assert by_name["Stasis application allo"].state == "ok"
    assert by_name["running"].result == "page up, sip up, asterisk no answer"


async def test_a_foreign_address_and_a_narrow_rtp_range_are_faults(tmp_path: Path) -> None:
    house = settings(tmp_path, sip={"host": "192.0.2.1", "rtp_ports": (20000, 20009)})
    by_name = await found(house)
    assert "change [sip] host" in by_name["SIP port, TCP"].advice
    assert "room for 5 calls" in by_name["RTP ports"].result
    assert by_name["RTP ports"].state == "fault"


async def test_without_a_sip_line_its_ports_do_not_matter(tmp_path: Path) -> None:
    assert not any("SIP" in name or "RTP" in name for name in await found(settings(tmp_path, sip={"enabled": False})))


# ---------------------------------------------------------------- Asterisk


async def test_a_good_asterisk_tells_version_and_media(tmp_path: Path) -> None:
    async with site(ari()) as url:
        by_name = await found(settings(tmp_path, asterisk={"url": url, "password": "pass"}))
    assert by_name["Asterisk"].result.endswith("Asterisk 22.10.1")
    assert by_name["Asterisk media"].result == "WebSocket (chan_websocket)"
    assert by_name["Stasis application allo"].state == "ok"


@pytest.mark.parametrize(
    ("version", "driver", "media", "state", "words"),
    [
        ("16.28.0~dfsg", False, "auto", "ok", "RTP"),
        ("22.8.0", True, "auto", "ok", "RTP"),
        ("GIT-master-abc", True, "auto", "ok", "RTP"),
        ("22.9.0", True, "auto", "ok", "WebSocket"),
        ("23.2.0", True, "auto", "ok", "RTP"),
        ("24.0.0", True, "auto", "ok", "WebSocket"),
        ("22.10.1", True, "rtp", "ok", "RTP"),
        ("16.28.0", False, "websocket", "fault", "not loaded"),
        ("22.8.0", True, "websocket", "warning", "noise"),
    ],
)
async def test_media_follows_what_this_asterisk_has(
    tmp_path: Path, version: str, driver: bool, media: str, state: str, words: str
) -> None:
    async with site(ari(version, driver)) as url:
        section = settings(tmp_path, asterisk={"url": url + "/", "password": "pass", "media": media}).asterisk
        by_name = {finding.check: finding for finding in await reachability.asterisk(section)}
    assert by_name["Asterisk media"].state == state
    assert words in by_name["Asterisk media"].result


async def test_an_application_in_use_is_a_warning(tmp_path: Path) -> None:
    async with site(ari(app=True)) as url:
        section = settings(tmp_path, asterisk={"url": url, "password": "pass"}).asterisk
        by_name = {finding.check: finding for finding in await reachability.asterisk(section)}
    assert by_name["Stasis application allo"].state == "warning"


async def test_an_asterisk_that_refuses_or_is_not_there(tmp_path: Path) -> None:
    async def page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>router</html>", content_type="text/html")

    async def absent(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    for respond, words, advice in (
        (ari(password="other"), "'allo' is refused (401)", "ari.conf"),
        (page, "not what ARI says", "[asterisk] url"),
        (absent, "404", "ari.conf"),
    ):
        async with site(respond) as url:
            (finding,) = await reachability.asterisk(
                settings(tmp_path, asterisk={"url": url, "password": "pass"}).asterisk
            )
        assert finding.state == "fault"
        assert words in finding.result
        assert advice in finding.advice
        assert "pass" not in finding.result
    section = settings(tmp_path, asterisk={"url": f"http://127.0.0.1:{free_port()}"}).asterisk
    (finding,) = await reachability.asterisk(section)
    assert "no connection" in finding.result


async def test_nobody_waits_long_for_a_silent_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachability, "LIMIT_S", 0.2)
    held = asyncio.Event()

    async def silent(_request: web.Request) -> web.StreamResponse:
        await held.wait()
        return web.Response()

    async with site(silent) as url:
        (finding,) = await reachability.asterisk(settings(tmp_path, asterisk={"url": url}).asterisk)
        held.set()
    assert "no answer within 0.2 s" in finding.result


# ---------------------------------------------------------------- the language model


async def test_the_language_model_is_asked_for_its_models(tmp_path: Path) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer sk-secret":
            return web.json_response({"error": "no"}, status=401)
        if request.path != "/v1/models":
            return web.json_response({}, status=404)
        return web.json_response({"data": [{"id": "qwen"}]})

    async def ask(url: str, key: str, model: str) -> Finding:
        llm = settings(tmp_path, llm={"base_url": url, "api_key": key, "model": model}).llm
        (finding,) = await reachability.language_model(llm)
        assert "sk-secret" not in str(finding)
        return finding

    async with site(respond) as url:
        assert (await ask(f"{url}/v1", "sk-secret", "qwen")).state == "ok"
        assert "no model 'other'" in (await ask(f"{url}/v1", "sk-secret", "other")).result
        assert "key is refused" in (await ask(f"{url}/v1", "sk-wrong", "qwen")).result
        assert "/v1" in (await ask(url, "sk-secret", "qwen")).advice
    assert "no connection" in (await ask(f"http://127.0.0.1:{free_port()}/v1", "", "qwen")).result


async def test_no_language_model_is_fine(tmp_path: Path) -> None:
    (finding,) = await reachability.language_model(settings(tmp_path).llm)
    assert (finding.state, "knowledge base" in finding.result) == ("ok", True)


# ---------------------------------------------------------------- shown


def test_the_table_and_the_json_tell_the_same() -> None:
    findings = [fine("a", "well"), poor("b", "so [so]", "try"), bad("c", "[broken]", "mend")]
    table, machine = io.StringIO(), io.StringIO()
    assert show(findings, console=Console(file=table, width=100)) == 1
    for word in ("ok", "warning", "fault", "so [so]", "[broken]", "mend"):
        assert word in table.getvalue()
    assert show(findings[:2], as_json=True, console=Console(file=machine, width=40)) == 0
    assert json.loads(machine.getvalue()) == [finding.as_dict() for finding in findings[:2]]
