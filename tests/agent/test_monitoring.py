"""Dashboard and alerts, judged by those who will read them: Grafana's own model, Prometheus's own parser."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from tests.prometheus import MISSING, program

BOARD = Path(__file__).parents[2] / "docs/monitoring/grafana.json"


def unknown(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    """Places of ``ours`` that are not the same in ``theirs``."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from unknown(value, theirs[key], f"{at}/{key}") if key in theirs else [f"{at}/{key}"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from unknown(one, other, f"{at}/{number}")
    elif ours != theirs:
        yield at


def test_grafana_knows_every_word_of_the_dashboard() -> None:
    """Its published model drops what it does not know."""
    written = json.loads(BOARD.read_text(encoding="utf-8"))
    board = Dashboard.from_json(written)
    assert board.panels is not None
    assert len(board.panels) == len(written["panels"]) > 20
    assert all(isinstance(panel, Panel) for panel in board.panels)
    assert list(unknown(written, json.loads(JSONEncoder().encode(board)))) == []
    spoilt = {**written, "pannels": [], "panels": [{**written["panels"][0], "tittle": "x"}]}
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(spoilt)))
    assert sorted(unknown(spoilt, read)) == ["/panels/0/tittle", "/pannels"]


def expressions() -> list[str]:
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


@pytest.mark.skipif(not program("promtool"), reason=MISSING)
def test_prometheus_can_parse_every_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expr.replace("$__rate_interval", "1m")}
        for number, expr in enumerate(expressions())
    ]
    file = tmp_path / "panels.yml"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(
        [program("promtool"), "check", "rules", str(file)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_nothing_of_grafana_but_the_interval_is_left_in_an_expression() -> None:
    """Any other variable would have to be defined in the dashboard."""
    assert {name for expr in expressions() for name in re.findall(r"\$\w+", expr)} == {"$__rate_interval"}


UNITS = frozenset(["short", "s", "bytes", "percentunit", "dBm", "bool_yes_no", "bool_on_off"])
"""Ids of Grafana's ``valueFormats/categories.ts``; one that it does not know is printed behind the number as it is."""


def test_panels_have_units_of_grafana_and_lie_side_by_side() -> None:
    """And each says in Russian what it shows."""
    panels = json.loads(BOARD.read_text(encoding="utf-8"))["panels"]
    units = [panel["fieldConfig"]["defaults"]["unit"] for panel in panels]
    overrides = [override for panel in panels for override in panel["fieldConfig"]["overrides"]]
    units += [each["value"] for one in overrides for each in one["properties"] if each["id"] == "unit"]
    assert set(units) == UNITS
    names = {target["legendFormat"] for panel in panels for target in panel["targets"]}
    assert {one["matcher"]["options"] for one in overrides} <= names
    assert [panel["title"] for panel in panels if not re.search("[а-я]{4}", panel["description"])] == []
    taken = [(x, y) for panel in panels for x, y in squares(panel["gridPos"])]
    assert len(taken) == len(set(taken)), "panels lie on each other"
    assert {x for x, _ in taken} == set(range(24))
    assert len(taken) == 24 * (max(y for _, y in taken) + 1), "there is a hole"
    for panel in panels:
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs)), panel["title"]
    assert len({panel["id"] for panel in panels}) == len(panels)


def squares(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        yield from ((x, y) for y in range(place["y"], place["y"] + place["h"]))
