"""Who may see and change what."""

import hmac
import time
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateways import guard
from gateways.admin import new_app
from gateways.guard import COOKIE, FAILURES_MOST
from tests.gateways.conftest import KEPT, Office, Open

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
async def test_with_a_key_that_nobody_chose_only_this_machine_is_served(
    office: Office, headers: dict[str, str]
) -> None:
    assert (await office.web.get("/logs", headers=headers)).status == 403
    assert (await office.web.post("/api/session", json={"key": KEPT}, headers=headers)).status == 403
    assert (await office.web.get("/logs", headers={"X-API-Key": ""})).status == 401
    assert (await office.web.get("/logs")).status == 200


async def test_a_desk_without_any_key_serves_nobody(office: Office) -> None:
    async with TestClient(TestServer(new_app(replace(office.desk, key="")))) as web:
        for key in ("", KEPT):
            assert (await web.get("/logs", headers={"X-API-Key": key})).status == 401
        forged = f"9999999999.x.{hmac.new(b'', b'9999999999.x', 'sha256').hexdigest()}"
        assert (await web.get("/logs", cookies={COOKIE: forged})).status == 401


async def test_a_cookie_outlives_a_restart_and_not_a_change_of_the_key(open_office: Open) -> None:
    office = await open_office(key=KEY)
    entered = await office.web.post("/api/session", json={"key": KEY})
    cookie = {COOKIE: entered.cookies[COOKIE].value}
    for key, status in ((KEY, 200), ("another", 401)):
        async with TestClient(TestServer(new_app(replace(office.desk, key=key)))) as web:
            assert (await web.get("/logs", cookies=cookie)).status == status


async def test_a_cookie_can_not_be_made_longer(open_office: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    office = await open_office(key=KEY)
    entered = await office.web.post("/api/session", json={"key": KEY})
    until, rest = entered.cookies[COOKIE].value.split(".", maxsplit=1)
    office.web.session.cookie_jar.clear()
    later = int(until) + 5
    for forged in (f"{later}.{rest}", f"{until}.{rest}x", "..", f"{'9' * 5000}.{rest}", "²." + rest):
        assert (await office.web.get("/logs", headers={"Cookie": f"{COOKIE}={forged}"})).status == 401, forged
    good = {"Cookie": f"{COOKIE}={until}.{rest}"}
    assert (await office.web.get("/logs", headers=good)).status == 200
    monkeypatch.setattr(time, "time", lambda: float(later))
    assert (await office.web.get("/logs", headers=good)).status == 401


async def test_too_many_changes_are_slowed_down(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "CHANGES_MOST", 3)
    monkeypatch.setattr(guard, "CHANGES_PER_S", 0.0)
    replies = [await office.web.post("/api/normalize", json={"text": "да"}) for _ in range(5)]

    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert replies[-1].headers["Retry-After"] == "2"
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


async def test_the_key_may_come_as_a_bearer_token(open_office: Open) -> None:
    office = await open_office(key=KEY)

    assert (await office.web.get("/logs", headers={"Authorization": f"Bearer {KEY}"})).status == 200
    assert (await office.web.get("/logs", headers={"Authorization": "Bearer guess"})).status == 401
    assert (await office.web.get("/logs", headers={"Authorization": f"Basic {KEY}"})).status == 401


async def test_figures_are_for_programs_of_this_machine_and_for_who_has_the_key(open_office: Open) -> None:
    office = await open_office(key=KEY)
    elsewhere = {"X-Forwarded-For": "192.0.2.1"}

    assert (await office.web.get("/metrics")).status == 503, "this house counts nothing, but it may be asked"
    assert (await office.web.get("/metrics", headers=elsewhere)).status == 401
    assert (await office.web.get("/metrics", headers={**elsewhere, "Authorization": f"Bearer {KEY}"})).status == 503
