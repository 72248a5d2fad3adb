"""What an earlier run decided, for one that repeats it (`--plan`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import BadInput


def earlier_plan(folder: str | None, name: str) -> Any:
    """A decision file of the run that this one repeats; None when it repeats none."""
    if folder is None:
        return None
    path = Path(folder) / name
    try:
        return json.loads(path.read_text())
    except OSError:
        raise BadInput(
            "--plan", f"{path} cannot be read", "the folder of a finished run", "runs/0001"
        ) from None
    except ValueError as error:
        raise BadInput("--plan", f"{path} is not JSON ({error})", "the folder of a finished run") from None
