"""The house tests itself: who imports whom, how big things are, and that the docs keep step."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).parent.parent
ROOMS = ("audio", "telephony", "agent", "kb", "gateways")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
CODE = MODULES + sorted((ROOT / "bench").rglob("*.py")) + sorted((ROOT / "tests").rglob("*.py"))

VENDORS = ("stt_", "tts_", "llm_", "tool_", "turn_")
"""A file of ``agent/backends`` that is named so speaks to one vendor, and no other such file imports it."""
SHARED_BY_VENDORS = tuple(
    f"agent.backends.{path.stem}"
    for path in (ROOT / "agent" / "backends").glob("*.py")
    if not path.stem.startswith(VENDORS)
)

NEEDS_EXTRAS = (
    "__main__",
    "tts_piper",
    "tts_yandex",
    "tts_wyoming",
    "xtts_child",
    "phone",
    "yandex_access",
    "stt_yandex",
    "stt_wyoming",
    "spans",
)
"""Modules that can't be imported where an extra is missing (or that would start something)."""

MODULE_LINES = 400
FUNCTION_LINES = 60

CORE = {
    "agent." + name
    for name in (
        "turns",
        "murmurs",
        "pauses",
        "dead_air",
        "far_end",
        "sentences",
        "dialogue",
        "playout",
        "prompts",
        "intents",
        "events",
        "trace",
    )
}
TASKS = {
    "agent." + name
    for name in ("answer", "speak", "call", "replies", "listening", "journal", "recording", "store", "feed", "chat")
}
ROOF = {
    "agent." + name
    for name in (
        "daemon",
        "commands.serve_command",
        "furnish",
        "live",
        "tables",
        "doctor.visit",
        "doctor.hearing_check",
        "commands.transcribe_command",
        "doctor.voice_check",
        "commands.voice_command",
        "voices.voice_table",
        "commands.clone_command",
        "commands.engine_bench",
        "doctor.reachability",
        "commands.replay_command",
        "desk.web_desk",
        "desk.gsm_desk",
        "desk.text_desk",
        "desk.base_texts",
        "desk.rebuilding",
        "desk.building_apart",
        "commands.chat_command",
        "commands.kb_command",
        "knowledge",
        "commands.modem_command",
        "commands.service_command",
        "commands.backup_command",
        "commands.privacy_command",
        "doctor.upkeep_check",
        "__main__",
        "commands.main",
    )
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module named by an import, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module in ROOMS:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def allowed(name: str) -> tuple[str, ...]:
    """Rooms and modules of ours that ``name`` may import."""
    shared = ("audio", "agent.ports", "agent.lasting", "agent.tool", "agent.errors")
    room = name.split(".", maxsplit=1)[0]
    if name in ROOF:
        return ROOMS
    if name.startswith("agent.backends"):
        return (*shared, "agent.settings", *SHARED_BY_VENDORS)
    return {
        "audio": ("audio",),
        "telephony": (*shared, "telephony", "agent.settings"),
        "kb": ("agent.ports", "agent.errors", "agent.settings", "kb"),
        "gateways": (*shared, "gateways"),
        "agent": ("audio", "agent"),
    }[room]


def within(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(room + ".") for room in rooms)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_follow_the_arrows(path: Path) -> None:
    name = name_of(path)
    ours = [module for module in imports(path) if module.split(".")[0] in ROOMS]

    assert [module for module in ours if not within(module, allowed(name))] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nobody_imports_the_roof_or_a_vendor(path: Path) -> None:
    name = name_of(path)
    if name in ROOF:
        pytest.skip("the composition root sees everything")
    roof = tuple(ROOF) if name.startswith("agent.backends") else (*ROOF, "agent.backends")

    assert [module for module in imports(path) if within(module, roof)] == []


@pytest.mark.parametrize("path", [path for path in MODULES if name_of(path) in CORE], ids=name_of)
def test_the_core_owns_no_io(path: Path) -> None:
    forbidden = ("asyncio", "socket", "time", "logging", "aiohttp", "aiosqlite", "openai", "vosk")

    assert [module for module in imports(path) if within(module, forbidden)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "audio").glob("*.py")), ids=name_of)
def test_the_basement_knows_only_samples(path: Path) -> None:
    assert [module for module in imports(path) if within(module, ("asyncio", "logging", "time", "socket"))] == []


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_size_budgets(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    long = [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
    ]

    assert long == []
    assert text.count("\n") <= MODULE_LINES


def imported_at_once(path: Path) -> Iterator[str]:
    """Every module that is imported while this one is: not inside functions, not for type checkers only."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def test_every_module_imports_alone() -> None:
    """Without circles of imports none depends on what was imported before it; and all of them can be."""
    known = {name_of(path): path for path in MODULES}
    needs = {name: {other for other in imported_at_once(path) if other in known} for name, path in known.items()}
    TopologicalSorter({name: others - {name} for name, others in needs.items()}).prepare()
    names = [name for name, path in known.items() if path.stem not in NEEDS_EXTRAS]
    program = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-c", program, *names], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0


def settings_keys() -> list[str]:
    keys = []
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys += [f"{section}.{key}" for key in kind.model_fields]
        else:
            keys.append(section)
    return keys


@pytest.mark.parametrize("key", settings_keys())
def test_every_setting_is_documented(key: str) -> None:
    documented = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

    assert f"`{key}`" in documented
    assert f"`{ENV_PREFIX}{key.replace('.', '__').upper()}`" in documented


def test_no_file_names_a_place_that_only_its_author_has() -> None:
    """Registry hosts and private paths don't belong into a repository, nor does our name as if a registry had us."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    hosts = ("pypi" + ".org", "python" + "hosted", "deb" + ".debian", "registry" + ".npmjs", "install 'allo" + "[")
    found = []
    for name in listed:
        path = ROOT / name
        if path.is_file() and path.suffix in (".py", ".md", ".txt", ".toml", ".sh", ".conf", ""):
            text = path.read_text(encoding="utf-8", errors="ignore")
            found += [f"{name}: {host}" for host in hosts if host in text]

    assert found == []
