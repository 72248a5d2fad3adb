"""What the recipe of an earlier convsmith means, which lacks options that came later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def completed(kept: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """These options of a recipe that was kept; None for most that it lacks.

    Before there were pretrained networks and teachers, nothing began from or learned from one, but trainings
    that were given `weights`.

    Args:
        kept: a run's recipe.json.
        names: of options.

    Example:
        >>> completed({"seed": 3, "weights": "runs/0001"}, ("seed", "pretrained", "teacher", "tta"))
        {'seed': 3, 'pretrained': 'runs/0001', 'teacher': 'none', 'tta': None}
        >>> completed({"pretrained": "auto"}, ("pretrained",))
        {'pretrained': 'auto'}
    """
    meant = {"pretrained": kept.get("weights") or "none", "teacher": "none"}
    return {name: meant.get(name) if kept.get(name) is None else kept[name] for name in names}
