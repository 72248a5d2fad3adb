"""docs/run-folder.md names every file of a run, who writes it, who reads it, and what must stand in it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from convsmith.runs.shapes import SHAPES

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "src" / "convsmith"
PAGE = ROOT / "docs" / "run-folder.md"
ENDINGS = (".json", ".jsonl", ".npz", ".safetensors", ".onnx", ".html", ".md", ".py")
WRITING = {"write_json", "write", "append", "append_line", "write_whole", "save"}
ROOMS = ("jobs", "nas", "runs", "reports", "insight", "ledger", "pretrained")


def table() -> dict[str, dict[str, str]]:
    """File (a pattern) -> its cells by heading."""
    rows: dict[str, dict[str, str]] = {}
    heads: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells or set(cells[0]) <= set("-: "):
            heads = heads if cells else []
        elif not heads:
            heads = cells
        else:
            rows[cells[0].strip("`")] = dict(zip(heads, cells, strict=True))
    return rows


def modules(cell: str) -> set[str]:
    """The modules of a cell: ``jobs/clock``, ``reports/{facts,card}``."""
    found = set()
    for text in re.findall(r"`([^`]+)`", cell):
        folder, brace, names = text.partition("{")
        found |= {folder + name for name in names.rstrip("}").split(",")} if brace else {text}
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def constants(path: Path) -> dict[str, str]:
    """The texts that a module gives names to at its top."""
    found = {}
    for node in tree(path).body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=True))
                for name, value in pairs:
                    if isinstance(name, ast.Name) and isinstance(value, ast.Constant):
                        found[name.id] = str(value.value)
    return found


def known(path: Path) -> dict[str, str]:
    """Its own constants and those that it takes from other modules."""
    found = dict(constants(path))
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            home = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            file = home.with_suffix(".py") if home.with_suffix(".py").is_file() else home / "__init__.py"
            if file.is_file():
                theirs = constants(file)
                found |= {
                    one.asname or one.name: theirs[one.name] for one in node.names if one.name in theirs
                }
    return found


def texts(node: ast.AST, names: dict[str, str]) -> Iterator[str]:
    """What is written out in a piece of code, or named by a constant."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load) and inner.id in names:
            yield names[inner.id]


def in_code() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """A file's own name -> the modules that name it, and those that write it."""
    name_it: dict[str, set[str]] = defaultdict(set)
    write_it: dict[str, set[str]] = defaultdict(set)
    for path in (path for room in ROOMS for path in sorted((HOUSE / room).rglob("*.py"))):
        module, names = path.relative_to(HOUSE).with_suffix("").as_posix(), known(path)
        if module == "runs/shapes":
            continue
        for node in ast.walk(tree(path)):
            called = getattr(
                getattr(node, "func", None), "attr", getattr(getattr(node, "func", None), "id", "")
            )
            for text in texts(node, names) if isinstance(node, ast.expr) else ():
                if text.endswith(ENDINGS) and re.fullmatch(r"[\w./-]+", text):
                    name_it[text.rpartition("/")[2]].add(module)
            if isinstance(node, ast.Call):
                targets = [*node.args[:1], *(one.value for one in node.keywords if one.arg == "checkpoint")]
                for text in (text for one in targets for text in texts(one, names)):
                    if text.endswith(ENDINGS) and (called in WRITING or len(targets) > len(node.args[:1])):
                        write_it[text.rpartition("/")[2]].add(module)
    return name_it, write_it


OTHERS = {"latency.json", "card.md", "page.html", "about-convsmith.json"}
"""A command's default output, templates, and an entry of .keras files."""
TABLE = table()


def own_names() -> dict[str, list[dict[str, str]]]:
    """A file's own name -> its rows; ``finals/*/result.json`` and ``result.json`` share one."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for name, row in TABLE.items():
        found[name.rpartition("/")[2]].append(row)
    return found


def test_every_file_that_the_code_names_is_in_the_table() -> None:
    named, written = in_code()
    rows = own_names()
    for name in sorted(set(named) - OTHERS):
        if name.startswith(".") and name.count(".") == 1:  # an ending alone
            continue
        assert name in rows, f"{name}, which {sorted(named[name])} name, is not in {PAGE.name}"
        writers = set().union(*(modules(row["written by"]) for row in rows[name]))
        readers = set().union(*(modules(row["read by"]) for row in rows[name]))
        assert written[name] <= writers, f"{name} is written by {sorted(written[name] - writers)} too"
        assert writers <= named[name], f"{name} is not written by {sorted(writers - named[name])}"
        rooms = {module.partition("/")[0] for module in named[name] - writers}
        assert rooms <= readers, f"{name} is read in {sorted(rooms - readers)} too"


def test_the_table_names_modules_that_are_there() -> None:
    for name, row in TABLE.items():
        assert row["what"], name
        assert row["written by"], name
        for module in modules(row["written by"]):
            assert (HOUSE / f"{module}.py").is_file(), f"{name}: there is no {module}"
        for room in modules(row["read by"]):
            assert (HOUSE / room).is_dir(), f"{name}: there is no room {room}"


def test_the_table_says_what_must_stand_in_each_file() -> None:
    """The fields that a reader insists on, as runs/shapes.py has them; of optional ones there may be more."""
    shapes = {name: shape for name, shape in SHAPES.items() if name != "result of a training"}
    shapes["finals/*/result.json"] = SHAPES["result of a training"]
    assert set(shapes) <= set(TABLE)
    for name, shape in shapes.items():
        first = shape[0] if isinstance(shape, list) else shape
        wanted = {key for key in first if isinstance(key, str) and not key.endswith("?")}
        assert set(re.findall(r"`(\w+)`", TABLE[name]["must have"])) == wanted, name


def unlisted(run: Path) -> list[str]:
    """Files of a run folder that the table does not name."""
    found = (path.relative_to(run).as_posix() for path in sorted(run.rglob("*")) if path.is_file())
    return [name for name in found if not any(fnmatch(name, pattern) for pattern in TABLE)]


def test_what_a_new_run_holds_is_in_the_table(tmp_path: Path) -> None:
    from convsmith.runs import Run

    run = Run.create(tmp_path, kind="train", recipe={})
    run.append("history.jsonl", {"epoch": 1})
    assert unlisted(run.path) == []
    run.write("unheard-of.json", "{}")
    assert unlisted(run.path) == ["unheard-of.json"]
    run.close()
