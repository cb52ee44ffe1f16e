"""Answers hold what the API's description says of them."""

from typing import Any

import pytest

from gateways import replies
from tests.gateways.conftest import Office, Open

PATHS: dict[str, type[replies.Reply]] = {
    "/health": replies.OpenState,
    "/api/health": replies.WholeState,
    "/api/session": replies.Session,
    "/logs": replies.Calls,
    "/logs/{call}": replies.WholeCall,
    "/logs/{call}/peaks": replies.Peaks,
    "/api/figures": replies.Sums,
    "/api/modems": replies.GsmState,
    "/api/prompts": replies.Prompts,
    "/api/settings": replies.Tuned,
    "/api/backups": replies.BackupRows,
    "/api/kb": replies.Object,
    "/api/kb/progress": replies.Object,
    "/api/kb/search?q=гарантия": replies.Found,
    "/api/wrong-answers": replies.Reports,
}


async def test_answers_are_as_described(open_office: Open) -> None:
    office = await open_office(answering=True)
    call = await office.hold("79161234567", "какая гарантия", "Два года. Да.")
    described = await (await office.web.get("/api/openapi.json")).json()

    for path, model in PATHS.items():
        reply = await office.web.get(path.format(call=call))
        assert reply.status == 200, path
        model.model_validate(await reply.json(), strict=True)
        place = path.split("?")[0].format(call="{call_id}")
        told = described["paths"][place]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert told == {"$ref": f"#/components/schemas/{model.__name__}"}


async def test_every_answer_in_json_has_a_schema_that_is_there(office: Office) -> None:
    described: dict[str, Any] = await (await office.web.get("/api/openapi.json")).json()
    schemas = described["components"]["schemas"]
    bare = []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for status, reply in operation["responses"].items():
                shape = reply["content"].get("application/json", {"schema": None})
                if not shape and status != "101":
                    bare.append(f"{method} {path}")
    assert bare == ["get /api/openapi.json", "get /openapi.json"], "described by the standard itself"
    assert {"Calls", "CallRow", "WholeCall", "Turn", "GsmState", "Problem"} <= set(schemas)


@pytest.mark.parametrize("path", ["/logs", "/nothing", "/api/prompts"])
async def test_a_wrong_method_or_path_is_a_problem_too(office: Office, path: str) -> None:
    reply = await office.web.put(path)

    assert (reply.status in (404, 405), reply.content_type) == (True, "application/problem+json")
