"""Class names with several owners: `python bench/names.py` lists them, with the files that define them.

A kind of layer and its torch form share their name on purpose; torch forms are left out.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1] / "src" / "convsmith"


def owners() -> dict[str, list[str]]:
    """Name -> the files that define a class of that name at their top, where these are several."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(HOUSE.rglob("*.py")):
        place = path.relative_to(HOUSE).as_posix()
        if place.startswith("kinds/_"):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(place)
    return {name: places for name, places in sorted(found.items()) if len(places) > 1}


if __name__ == "__main__":
    several = owners()
    for name, places in several.items():
        print(f"{name:16}  {', '.join(places)}")
    print(f"{len(several)} names")
