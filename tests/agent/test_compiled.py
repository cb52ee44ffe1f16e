"""What may be compiled stays fit for it, and is used only where it was made from just this source."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import compiled

ROOT = compiled.ROOT
PATHS = {name: ROOT / f"{name.replace('.', '/')}.py" for name in compiled.MODULES}
EVERYWHERE = [
    path for place in (*compiled.ROOMS, "kb", "gateways", "bench", "tests") for path in (ROOT / place).rglob("*.py")
]

IMPORTED = re.compile(
    rf"^\s*from (?:{'|'.join(map(re.escape, compiled.MODULES))}) import (\([^)]*\)|.*)$", re.MULTILINE
)
DERIVED = re.compile(r"^\s*class (\w+)\(([^)]*)\):", re.MULTILINE)


def unfit(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.TryStar):
            yield f"line {node.lineno}: except*"
        elif isinstance(node, ast.Name) and node.id in ("runtime_checkable", "__file__"):
            yield f"line {node.lineno}: {node.id}"
        elif isinstance(node, ast.AsyncFunctionDef) and any(isinstance(part, ast.Yield) for part in ast.walk(node)):
            yield f"line {node.lineno}: an asynchronous generator"


@pytest.mark.parametrize("name", compiled.MODULES)
def test_mypyc_takes_it(name: str) -> None:
    assert list(unfit(ast.parse(PATHS[name].read_text(encoding="utf-8")))) == []


def test_nothing_inherits_from_what_is_compiled() -> None:
    """Python refuses it, but only when the class is made: perhaps in mid-call."""
    found = []
    for path in EVERYWHERE:
        text = path.read_text(encoding="utf-8")
        theirs = set(re.findall(r"\b[A-Z]\w+", " ".join(IMPORTED.findall(text))))
        if theirs and path not in PATHS.values():
            bases = [(name, set(re.findall(r"\w+", of))) for name, of in DERIVED.findall(text)]
            found += [f"{path}: {name}" for name, of in bases if of & theirs]

    assert found == []


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small house with one module, and where its compiled form would lie."""
    for room in compiled.ROOMS:
        (tmp_path / room).mkdir()
    (tmp_path / "agent" / "turns.py").write_text("LONG = 1\n")
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    monkeypatch.setattr(compiled, "PLACE", tmp_path / "compiled")
    monkeypatch.setattr(compiled, "MODULES", ("agent.nowhere_yet",))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    return tmp_path / "compiled" / compiled.digest()


def test_without_it_the_source_runs(place: Path) -> None:
    assert not place.exists()
    assert not compiled.use()
    assert not compiled.in_use()


def test_what_was_made_from_this_source_is_found_first(place: Path) -> None:
    made = place / "agent" / f"nowhere_yet{compiled.SUFFIX}"
    made.parent.mkdir(parents=True)
    made.touch()

    assert compiled.use()
    assert compiled.in_use()
    spec = sys.meta_path[0].find_spec("agent.nowhere_yet", None)
    assert spec is not None
    assert spec.origin == str(made)
    assert sys.meta_path[0].find_spec("agent.turns", None) is None


def test_a_changed_line_anywhere_in_the_rooms_brings_the_source_back(place: Path, tmp_path: Path) -> None:
    place.mkdir(parents=True)
    (tmp_path / "audio" / "new.py").write_text("LOUD = 2\n")

    assert not compiled.use()


def test_it_is_not_mixed_with_source_that_runs_already(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.mkdir(parents=True)
    monkeypatch.setattr(compiled, "MODULES", ("agent.compiled",))

    assert not compiled.use()


def test_running_a_module_compiled_says_what_is_missing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compiled.main(["bench.core_cost"]) == 2
    assert "make compile" in capsys.readouterr().err
