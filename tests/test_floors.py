"""The house: imports point down, rooms on one floor do not import each other, light floors stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1] / "src" / "convsmith"
FLOORS = [
    {"endings", "errors", "printable", "registry", "strict_json", "units"},
    {"kinds"},
    {"graph"},
    {"ledger", "runs", "data", "zoo"},
    {"engine", "reports"},
    {"nas", "insight", "formats", "pretrained"},
    {"jobs", "web"},
    {"cli", "testing"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# runs/files.py writes whole files for everybody: the one room that others on its floor may import.
SHARED_ROOMS = {("data", "runs")}
HEAVY = {"torch", "keras", "sklearn", "matplotlib", "onnx", "onnxruntime", "PIL", "numpy", "optuna", "rich"}
FILES = sorted(HOUSE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """(absolute dotted module, whether it is imported when the file is) for every import of a file."""
    tree = ast.parse(path.read_text())
    package = ("convsmith", *path.relative_to(HOUSE).parent.parts)
    checking = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    later = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        at_once = id(node) not in later | checking
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            if module == "convsmith":
                yield from ((f"convsmith.{alias.name}", at_once) for alias in node.names)
            else:
                yield module, at_once


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in FILES} - {"__init__", "__main__"}
    assert rooms <= set(FLOOR), rooms - set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    for module, _ in imports(path):
        parts = module.split(".")
        if parts[0] == "convsmith" and len(parts) > 1 and parts[1] in FLOOR and parts[1] != room:
            below = FLOOR[parts[1]] < FLOOR[room]
            both_free = FLOOR[room] == 0 and FLOOR[parts[1]] == 0
            assert below or both_free or (room, parts[1]) in SHARED_ROOMS, f"{room} imports {parts[1]}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_heavy_packages_are_imported_where_they_are_used(path: Path) -> None:
    room, at_once = room_of(path), {module.split(".")[0] for module, now in imports(path) if now}
    if room == "kinds" and path.name.startswith("_") and path.name != "__init__.py":
        assert at_once & HEAVY <= {"torch", "numpy"}  # loaded only where a layer is lowered or exported
    elif FLOOR.get(room, 0) <= 2 or room in ("ledger", "zoo", "cli", "jobs"):
        assert not at_once & HEAVY
    else:
        assert not at_once & {"keras", "sklearn", "matplotlib", "optuna"}
        assert room in ("engine", "nas", "insight", "formats", "testing") or "torch" not in at_once


def test_importing_convsmith_loads_neither_torch_nor_keras_nor_numpy() -> None:
    code = "import convsmith, sys; print(sorted({'torch', 'keras', 'numpy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
