"""Code of one's own that a run needs: the file that its space came from, kept in it as space.py.

It is run where the run is gone on with, and where its network has kinds of layers that are not known. That is
a run's own file, in a folder that the person named as a run; nothing that is read as a network is ever run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import BadInput
from ..kinds import KINDS

SPACE = "space.py"

_DONE: dict[str, tuple[ModuleType, bool]] = {}
"""What was run in this process, by content: the module, and whether it registered kinds of layers."""


def run_source(source: bytes, path: str | Path, where: str) -> ModuleType:
    """Run the text of a Python file as a module.

    What registers kinds of layers is run once in a process, from whatever path: a kind is registered once.

    Args:
        source: the text.
        path: where it lies, for tracebacks and as its ``__file__``.
        where: what it is, for messages.

    Raises:
        BadInput: whatever it raises.
    """
    digest = hashlib.sha256(source).hexdigest()
    if digest in _DONE:
        module, registers = _DONE[digest]
        if registers or module.__file__ == str(path):
            return module
    spec = importlib.util.spec_from_loader(f"space_{Path(path).stem}_{digest[:8]}", loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    known = set(KINDS)
    sys.modules[spec.name] = module  # classes look their module up
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:  # whatever somebody's own file does
        del sys.modules[spec.name]
        for name in set(KINDS) - known:
            KINDS.remove(name)
        came = f"{path} raised {type(error).__name__}: {error}"
        raise BadInput(where, came, "a file that Python runs", f"python {path}") from error
    _DONE[digest] = module, set(KINDS) != known
    return module


def teach(folder: Path, graph: Mapping[str, Any]) -> None:
    """Run a run's space.py where its network has kinds of layers that are not known yet.

    Args:
        folder: the run.
        graph: its graph.json.

    Raises:
        BadInput: a kind that is not known, and that nothing in the run registers.
    """
    nodes = graph.get("nodes") if isinstance(graph, Mapping) else None
    if not isinstance(nodes, list):
        return
    wanted = {
        node["kind"] for node in nodes if isinstance(node, Mapping) and isinstance(node.get("kind"), str)
    }
    file = folder / SPACE
    if any(kind not in KINDS for kind in wanted) and file.is_file():
        run_source(file.read_bytes(), file, str(file))
    missing = sorted(kind for kind in wanted if kind not in KINDS)
    if missing:
        raise BadInput(
            str(folder), f"its network has layers of the kind '{missing[0]}', which nothing here registers",
            "a kind that is known", "import the module that registers it first",
        )  # fmt: skip
