"""The page's modules as a browser gets them: those of the first page in one file, all under an address with a version.

Five modules and their requests cost a new browser more than their bytes, and asking each time whether they are still
the same costs a known one as much again. So ``main.js`` and all that it imports by ``import … from`` travel together
as ``first.js``, and the files lie under a path that changes with their content: a browser keeps them without asking.
The sources stay modules, one thing each, in the plain forms that ``wrapped`` reads:

    import { a, b } from "/logs-ui/dom.js";        import * as calls from "/logs-ui/calls.js";
    export const a = …    export function b() …    export async function c() …    export class D …
"""

import hashlib
import re
from collections.abc import Mapping

ROOT = "/logs-ui/"
"""Where the page's files lie, and how the sources name each other."""
MAIN, FIRST = "main.js", "first.js"
IMPORT = re.compile(r'^import (\{[^}]*\}|\* as \w+) from "/logs-ui/(\w+\.js)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
PRELOAD = re.compile(r'^<link rel="modulepreload"[^>]*>\n', re.MULTILINE)


def bundled(sources: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The version of ``sources`` (name -> text), and the texts that are served under it, with ``first.js``."""
    version = hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()[:12]
    together = needed(sources, MAIN)
    texts = {name: _outside(text, together) for name, text in sources.items() if name not in together}
    texts[FIRST] = "\n".join(wrapped(name, sources[name]) for name in together)
    texts["index.html"] = PRELOAD.sub("", texts["index.html"]).replace(ROOT + MAIN, ROOT + FIRST)
    return version, {name: text.replace(ROOT, f"{ROOT}{version}/") for name, text in texts.items()}


def needed(sources: Mapping[str, str], name: str) -> list[str]:
    """A module and all that it imports, each after what it needs itself."""
    found: dict[str, None] = {}

    def visit(one: str) -> None:
        for _, other in IMPORT.findall(sources[one]):
            if other not in found:
                visit(other)
        found[one] = None

    visit(name)
    return list(found)


def wrapped(name: str, text: str) -> str:
    """A module as a constant that holds what it exports; raises ``ValueError`` for a form that is not read here."""
    exports = EXPORT.findall(text)
    body = EXPORT.sub("", IMPORT.sub(lambda found: f"const {_names(found[1])} = {_constant(found[2])};", text))
    strange = re.search(r"^(?:import|export)\b(?!\().*", body, re.MULTILINE)
    if strange:
        raise ValueError(f"{name}: {strange[0]}: write it as the head of gateways/bundle.py shows")
    return f"export const {_constant(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exports)} }};\n}})();"


def _outside(text: str, together: list[str]) -> str:
    """A module that is loaded later takes what it imports from the first file."""

    def taken(found: re.Match[str]) -> str:
        if found[2] not in together:
            return found[0]
        held = _constant(found[2])
        return f'import {{ {held} }} from "{ROOT}{FIRST}"; const {_names(found[1])} = {held};'

    return IMPORT.sub(taken, text)


def _names(what: str) -> str:
    """``{ a as b }`` -> ``{ a: b }``, ``* as a`` -> ``a``."""
    return what.replace("* as ", "").replace(" as ", ": ")


def _constant(name: str) -> str:
    return name.replace(".", "_")
