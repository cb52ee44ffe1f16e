"""Who may see and change what."""

import pytest

from gateways.guard import FAILURES_MOST
from tests.gateways.conftest import Office, Open

KEY = "a long secret"
GUARDED = ("/logs", "/logs/csv", "/api/live", "/api/figures", "/kb", "/api/prompts", "/api/settings")


@pytest.mark.parametrize("path", GUARDED)
async def test_callers_data_needs_the_key(open_office: Open, path: str) -> None:
    office = await open_office(key=KEY)

    assert (await office.web.get(path)).status == 401
    assert (await office.web.get(path, headers={"X-API-Key": "wrong"})).status == 401
    assert (await office.web.get(path, headers={"X-API-Key": KEY})).status == 200


async def test_a_browser_gives_the_key_once(open_office: Open) -> None:
    office = await open_office(key=KEY)
    assert (await (await office.web.get("/api/session")).json())["key_needed"] is True

    entered = await office.web.post("/api/session", json={"key": KEY})
    cookie = entered.headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert (await office.web.get("/logs")).status == 200
    await office.web.delete("/api/session")
    assert (await office.web.get("/logs")).status == 401


@pytest.mark.parametrize("key", ["\ud800", "x" * 400, "ключ", ""])
async def test_an_odd_key_is_a_wrong_key(open_office: Open, key: str) -> None:
    office = await open_office(key=KEY)

    assert (await office.web.post("/api/session", json={"key": key})).status in (401, 422)


async def test_wrong_keys_lock_an_address_out(open_office: Open) -> None:
    office = await open_office(key=KEY)
    for _ in range(FAILURES_MOST):
        assert (await office.web.get("/logs", headers={"X-API-Key": "guess"})).status == 401

    reply = await office.web.get("/logs", headers={"X-API-Key": KEY})

    assert reply.status == 429
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"X-Forwarded-For": "203.0.113.5"}, {"Forwarded": "for=203.0.113.5"}],
    ids=["a stranger's name", "a proxy", "a proxy of RFC 7239"],
)
async def test_without_a_key_only_this_machine_is_served(office: Office, headers: dict[str, str]) -> None:
    assert (await office.web.get("/logs", headers=headers)).status == 403
    assert (await office.web.get("/logs")).status == 200


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_another_sites_page_changes_nothing(open_office: Open, headers: dict[str, str]) -> None:
    office = await open_office(key=KEY)
    call_id = await office.hold("100", "да", "Нет.")

    reply = await office.web.delete(f"/logs/{call_id}", headers={"X-API-Key": KEY, **headers})

    assert reply.status == 403
    assert (await office.web.get(f"/logs/{call_id}", headers={"X-API-Key": KEY})).status == 200


async def test_every_answer_is_sealed(office: Office) -> None:
    for path in ("/", "/logs", "/logs-ui/", "/logs/csv", "/nothing"):
        headers = (await office.web.get(path)).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
