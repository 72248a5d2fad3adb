"""The house: imports point down, rooms on one floor do not import each other, no file stands in a circle.

What is imported inside functions, for types alone, or by name (``"convsmith.nas.workers.worker"``)
counts as well as what stands at the top of a file.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1] / "src" / "convsmith"
FLOORS = [
    {
        "endings",
        "errors",
        "installed",
        "limits",
        "notebooks",
        "options",
        "own_code",
        "printable",
        "registry",
        "signatures",
        "strict_json",
        "units",
    },
    {"kinds"},
    {"graph"},
    {"device", "ledger", "runs", "data", "zoo"},
    {"engine", "reports"},
    {"nas", "insight", "formats", "pretrained"},
    {"jobs", "web"},
    {"serving"},
    {"verbs"},
    {"cli", "testing"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Neighbours on one floor that may be known, in one direction: what is sized is named by its name in the zoo,
# or by its run; what its int8 file takes is known from the program for a device.
NEIGHBOURS = {("ledger", "device"), ("ledger", "runs"), ("ledger", "zoo")}
# What looks up: the one figure of a ledger that is measured, on request.
UPWARD = {("ledger/ledger.py", "convsmith.engine.layer_times")}
HEAVY = {"torch", "keras", "sklearn", "onnx", "onnxruntime", "PIL", "numpy", "optuna", "rich"}
NAMED = re.compile(r"convsmith(\.\w+)+(:\w+)?")
# Groups of entry points that are no modules (convsmith.kinds is one).
GROUPS = {f"convsmith.{name}" for name in ("algorithms", "explanations", "networks", "readers", "spaces")}


@dataclass(frozen=True)
class Import:
    """One import of a file.

    Args:
        module: absolute dotted name.
        at_once: whether it is imported when the file is.
        by_name: whether it stands in a text.
    """

    module: str
    at_once: bool = False
    by_name: bool = False


def name_of(path: Path) -> str:
    """The module's dotted name."""
    parts = ("convsmith", *path.relative_to(HOUSE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(HOUSE.rglob("*.py"))}


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def place(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


class Reader(ast.NodeVisitor):
    """The imports of one file, in one walk."""

    def __init__(self, package: tuple[str, ...]) -> None:
        self.package = package
        self.found: list[Import] = []
        self.put_together = False
        self._later = 0

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [Import(alias.name, not self._later) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = ".".join(self.package[: len(self.package) - node.level + 1]) if node.level else ""
        module = ".".join(part for part in (base, node.module or "") if part)
        for alias in node.names:
            whole = f"{module}.{alias.name}"
            inside = whole in FILES or module == "convsmith"
            self.found.append(Import(whole if inside else module, not self._later))

    def _inside(self, node: ast.AST) -> None:
        self._later += 1
        self.generic_visit(node)
        self._later -= 1

    visit_FunctionDef = visit_AsyncFunctionDef = _inside

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            self._inside(node)
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        # A registry names the package that it is filled from: what registers knows the registry, not it them.
        if not (isinstance(node.func, ast.Subscript | ast.Name) and "Registry" in ast.unparse(node.func)):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and NAMED.fullmatch(node.value) and node.value not in GROUPS:
            self.found.append(Import(node.value.partition(":")[0], by_name=True))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        first = node.values[0] if node.values else None
        text = first.value if isinstance(first, ast.Constant) else ""
        self.put_together |= isinstance(text, str) and text.startswith("convsmith.")
        self.generic_visit(node)


@cache
def read(path: Path) -> Reader:
    reader = Reader(("convsmith", *path.relative_to(HOUSE).parent.parts))
    reader.visit(ast.parse(path.read_text(encoding="utf-8")))
    return reader


def imports(path: Path) -> list[Import]:
    return read(path).found


def file_of(module: str) -> str:
    """The module, or the module that a name in it belongs to."""
    while module and module not in FILES:
        module = module.rpartition(".")[0]
    return module


def circles(known: dict[str, set[str]]) -> list[list[str]]:
    """Sets of files that all lead to each other (Tarjan 1972), each in order.

    Args:
        known: file -> the files that it imports.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def walk(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in known.get(name, ()):
            if other not in number:
                walk(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], number[other])
        if low[name] == number[name]:
            at = stack.index(name)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for name in known:
        if name not in number:
            walk(name)
    return found


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in FILES.values()} - {"__init__", "__main__"}
    assert rooms <= set(FLOOR), rooms - set(FLOOR)


@pytest.mark.parametrize("room", sorted(FLOOR))
def test_imports_point_down(room: str) -> None:
    wrong = []
    for path in FILES.values():
        for one in imports(path) if room_of(path) == room else ():
            parts = one.module.split(".")
            if parts[0] != "convsmith" or len(parts) < 2 or parts[1] not in FLOOR or parts[1] == room:
                continue
            below = FLOOR[parts[1]] < FLOOR[room] or FLOOR[room] == 0 == FLOOR[parts[1]]
            if not below and (room, parts[1]) not in NEIGHBOURS and (place(path), one.module) not in UPWARD:
                wrong.append(f"{place(path)} imports {one.module}" + " by name" * one.by_name)
    assert not wrong, wrong


def test_every_exception_is_needed() -> None:
    """Each neighbour and each look upward that is allowed is there."""
    pairs = {(room_of(path), one.module.split(".")[1]) for path in FILES.values() for one in imports(path)
             if one.module.startswith("convsmith.")}  # fmt: skip
    assert pairs >= NEIGHBOURS
    assert {(place(path), one.module) for path in FILES.values() for one in imports(path)} >= UPWARD
    for left, right in NEIGHBOURS:
        assert (right, left) not in pairs


def test_modules_named_in_texts_exist_and_are_whole() -> None:
    """A name in a text is a module here, and is not put together from pieces."""
    for path in FILES.values():
        for one in imports(path):
            if one.by_name:
                assert file_of(one.module) == one.module, f"{place(path)}: there is no {one.module}"
        assert not read(path).put_together, place(path)


def test_no_file_stands_in_a_circle() -> None:
    """At the top of files, in functions, for types and by name; the house's own table of verbs aside."""
    known: dict[str, set[str]] = {
        name: {file_of(one.module) for one in imports(path)} - {name, "", "convsmith"}
        for name, path in FILES.items()
        if name not in ("convsmith", "convsmith.__main__")
    }  # fmt: skip
    assert circles(known) == []


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": set()}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize(
    ("code", "module"),
    [
        ("from ..engine.keras import calls", "convsmith.engine.keras.calls"),
        ("def f():\n    from ..engine.keras.calls import fit", "convsmith.engine.keras.calls"),
        ("if TYPE_CHECKING:\n    import convsmith.engine.keras.calls", "convsmith.engine.keras.calls"),
        ("importlib.import_module('convsmith.engine.keras.calls').fit", "convsmith.engine.keras.calls"),
        ("x = {'trainer': 'convsmith.jobs.train:train'}", "convsmith.jobs.train"),
        ("[sys.executable, '-m', 'convsmith.nas.workers.worker']", "convsmith.nas.workers.worker"),
    ],
)
def test_an_import_is_seen(code: str, module: str) -> None:
    reader = Reader(("convsmith", "data"))
    reader.visit(ast.parse(code))
    seen = {one.module: one.at_once for one in reader.found}
    assert seen.get(module) is code.startswith("from")


@pytest.mark.parametrize("room", [*sorted(FLOOR), "__init__", "__main__"])
def test_heavy_packages_are_imported_where_they_are_used(room: str) -> None:
    for path in FILES.values():
        if room_of(path) != room:
            continue
        at_once = {one.module.split(".")[0] for one in imports(path) if one.at_once}
        if room == "kinds" and path.name.startswith("_") and path.name != "__init__.py":
            allowed = {"torch", "numpy"}  # loaded only where a layer is lowered or exported
        elif FLOOR.get(room, 0) <= 2 or room in ("ledger", "zoo", "cli", "jobs"):
            allowed = set()
        else:
            allowed = HEAVY - {"keras", "sklearn", "optuna"}
            if room not in ("engine", "nas", "insight", "formats", "testing"):
                allowed -= {"torch"}
        assert at_once & HEAVY <= allowed, f"{place(path)}: {sorted(at_once & HEAVY - allowed)}"


def test_importing_convsmith_loads_neither_torch_nor_keras_nor_numpy() -> None:
    code = "import convsmith, sys; print(sorted({'torch', 'keras', 'numpy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_drawing_is_of_the_house_as_it_is() -> None:
    home = HOUSE.parents[1] / "docs"
    done = subprocess.run(
        [sys.executable, "-c", "import draw_floors; print(end=draw_floors.drawn())"],
        cwd=home, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == (home / "floors.svg").read_text(encoding="utf-8"), "run python docs/draw_floors.py"
