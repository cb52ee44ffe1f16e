"""What the first page needs travels as one file, and all files under an address that changes with them."""

import re

import pytest

from gateways.bundle import FIRST, bundled, needed, wrapped
from gateways.pages import STATIC, load_files
from tests.gateways.conftest import Office

SOURCES = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.*")}


def test_a_module_comes_after_what_it_needs() -> None:
    together = needed(SOURCES, "main.js")

    assert together[-1] == "main.js"
    assert {"words.js", "dom.js", "api.js", "calls.js"} < set(together)
    assert together.index("words.js") < together.index("dom.js") < together.index("calls.js")


def test_exports_are_what_the_wrapped_module_returns() -> None:
    text = 'import { a as b } from "/logs-ui/x.js";\nimport * as y from "/logs-ui/y.js";\nexport const c = b;\n'

    assert wrapped("z.js", f"{text}export async function d() {{}}\n") == (
        "export const z_js = (() => {\nconst { a: b } = x_js;\nconst y = y_js;\nconst c = b;\n"
        "async function d() {}\n\nreturn { c, d };\n})();"
    )


@pytest.mark.parametrize("line", ["export default 1;", 'import x from "/logs-ui/x.js";', 'import "/logs-ui/x.js";'])
def test_a_form_that_is_not_read_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"z.js: {line}")):
        wrapped("z.js", line)


def test_every_file_names_the_others_under_the_version() -> None:
    version, texts = bundled(SOURCES)

    assert texts["index.html"].count(f"/logs-ui/{version}/") == 3
    assert "modulepreload" not in texts["index.html"]
    for name, text in texts.items():
        assert not re.search(rf"/logs-ui/(?!{version}/)\w+\.", text), name
    assert bundled({**SOURCES, "icon.svg": ""})[0] != version
    assert f"/logs-ui/{version}/{FIRST}" in texts["live.js"]


def test_the_page_weighs_less_than_it_may() -> None:
    assert sum(len(file.packed) for file in load_files().kept.values()) <= 250_000


async def test_files_under_the_version_are_kept_and_those_of_another_are_not_there(office: Office) -> None:
    index = await (await office.web.get("/logs-ui/")).text()
    found = re.search(rf"/logs-ui/(\w+)/{FIRST}", index)
    assert found is not None

    first = await office.web.get(found[0])
    assert (first.status, first.content_type) == (200, "text/javascript")
    assert "immutable" in first.headers["Cache-Control"]
    assert (await office.web.get("/logs-ui/")).headers["Cache-Control"] == "no-cache"
    other = await office.web.get(f"/logs-ui/000000000000/{FIRST}")
    assert (other.status, "reload it" in await other.text()) == (404, True)
    assert (await office.web.get(f"/logs-ui/{found[1]}/none.js")).status == 404
