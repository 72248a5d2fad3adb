"""What an earlier run decided, for one that repeats it (`--plan`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....errors import BadInput
from ....runs.shapes import check
from ....strict_json import parse


def earlier_plan(folder: str | None, name: str) -> Any:
    """A decision file of the run that this one repeats; None when it repeats none."""
    if folder is None:
        return None
    path = Path(folder) / name
    try:
        data = path.read_bytes()
    except OSError:
        raise BadInput(
            "--plan", f"{path} cannot be read", "the folder of a finished run", "runs/0001"
        ) from None
    return check(parse(data, f"--plan {path}"), name, f"--plan {path}")
