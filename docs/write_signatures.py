"""Writes src/convsmith/__init__.pyi: the verbs with their flat signatures, for type checkers and editors.

``python docs/write_signatures.py``; a test compares the file with what this writes.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from pathlib import Path
from typing import Any

from convsmith.options import EMPTY, Option
from convsmith.signatures import options_of
from convsmith.verbs import CLASSES, PYTHON

FILE = Path(__file__).resolve().parents[1] / "src" / "convsmith" / "__init__.pyi"
HEAD = '"""Made by docs/write_signatures.py from the groups of options; change those instead."""\n'


def written() -> str:
    """The file's text."""
    lines = {(_relative(module), f"{name} as {name}") for name, module in CLASSES.items()}
    functions, others = [], []
    for name, verb in PYTHON.items():
        function = verb.function
        if hasattr(function, "__options__"):
            functions.append(_function(name, function))
            lines |= _types(function)
        else:
            module, _, own = verb.target.partition(":")
            lines.add((_relative(module), f"{own} as {own}"))
            if own != name:
                others.append(f"{name} = {own}\n")
    imports = "".join(f"from {module} import {what}\n" for module, what in sorted(lines, key=_order))
    named = "".join(others)
    return f"{HEAD}\nimport builtins\n\n{imports}\n__version__: str\n{named}\n" + "\n".join(functions)


def _order(line: tuple[str, str]) -> tuple[str, bool, str]:
    return line[0].lower(), not line[1][0].isupper(), line[1].lower()


def _relative(module: str) -> str:
    return module.removeprefix("convsmith")


def _function(name: str, function: Any) -> str:
    parameters = [_parameter(one) for one in options_of(function)]
    star = next(n for n, one in enumerate(options_of(function)) if one.kind is inspect.Parameter.KEYWORD_ONLY)
    parameters.insert(star, "*")
    arguments = "".join(f"    {one},\n" for one in parameters)
    doc = "\n".join(f"    {line}".rstrip() for line in function.__doc__.splitlines()).strip()
    back = inspect.signature(function).return_annotation
    return f'def {name}(\n{arguments}) -> {back}:\n    """{doc}"""\n'


def _parameter(one: Option) -> str:
    default = "" if one.default is EMPTY else f" = {_literal(one.default)}"
    note = re.sub(r"\blist\b", "builtins.list", one.note)  # convsmith.list is a verb
    return f"{one.name}: {note}{default}"


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _types(function: Any) -> set[tuple[str, str]]:
    """Where the types of a signature come from: what the files that name them import."""
    found = set()
    scopes = [(one.note, one.scope["__name__"]) for one in options_of(function)]
    scopes.append((inspect.signature(function).return_annotation, function.__module__))
    for note, module in scopes:
        for name in set(re.findall(r"[A-Za-z_]\w*", note)) - set(dir(builtins)):
            home = _home(name, module)
            found.add(
                (_relative(home), f"{name} as {name}") if home.startswith("convsmith") else (home, name)
            )
    return found


def _home(name: str, module: str) -> str:
    """The module that a name is imported from in another."""
    for where in (module, "convsmith.jobs.options.common"):
        path = Path(str(sys.modules[where].__file__))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and name in {one.name for one in node.names}:
                package = where.rsplit(".", node.level)[0] if node.level else ""
                return ".".join(part for part in (package, node.module or "") if part)
    raise LookupError(f"{module} does not import {name}")


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
