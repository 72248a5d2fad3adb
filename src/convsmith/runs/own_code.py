"""Code of one's own that a run needs: the files that its space and network came from, kept in it.

It is run where the run is gone on with, and where its network has kinds of layers that are not known. That is
a run's own file, in a folder that the person named as a run; nothing that is read as a network is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..kinds import KINDS
from ..own_code import run_source
from ..strict_json import parse

SPACE, NETWORK = "space.py", "network.py"


def teach(folder: Path, graph: Mapping[str, Any]) -> None:
    """Run a run's own files where its network has kinds of layers that are not known yet.

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
    for file in (folder / SPACE, folder / NETWORK):
        if any(kind not in KINDS for kind in wanted) and file.is_file():
            run_source(file.read_bytes(), file, str(file))
    missing = sorted(kind for kind in wanted if kind not in KINDS)
    if missing:
        raise BadInput(
            str(folder), f"its network has layers of the kind '{missing[0]}', which nothing here registers",
            "a kind that is known",
            offered_by(folder, missing[0]) or "import the module that registers it first",
        )  # fmt: skip


def offered_by(folder: Path, kind: str) -> str:
    """What to install for a kind that a package offered where the run was made; empty where none did."""
    try:
        known = parse((folder / "env.json").read_bytes(), "env.json")["offered"]["convsmith.kinds"][kind]
    except (OSError, BadInput, LookupError, TypeError):
        return ""
    named = re.fullmatch(r"([\w.-]+) ([\w.+!]+)", str(known))
    return f"pip install {named[1]}=={named[2]}" if named else ""
