"""The teacher: which network the finished ones also learned from, how good it is, and what it cost."""

from __future__ import annotations

from typing import Any

from .. import words
from ..facts import Facts

TITLE = "The teacher"


def build(facts: Facts) -> dict[str, Any] | None:
    """Nothing where nobody taught."""
    chosen = facts.found("chosen.json")
    teacher = facts.found("teacher.json") if chosen.get("teacher") else {}
    if not teacher.get("views"):
        return None
    name = str(chosen["teacher"])
    own = "sha256" in teacher
    who = "It and its baselines were" if chosen.get("winner") == "search" else "It was"
    what = name if own else f"the whole of {name}"
    sentence = (
        f"The network that came out had a teacher. {who} taught by {what}, a network of "
        f"{words.count(teacher['params'])} parameters that the budget does not hold for: it is neither a "
        "candidate nor returned."
    )
    return {"sentences": [sentence], "facts": _rows(name, teacher)}


def _rows(name: str, teacher: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("teacher", f"{name} at {'×'.join(map(str, teacher['sides']))}"),
        ("right on validation images", words.percent(teacher["validation"])),
        ("parameters", words.count(teacher["params"])),
    ]
    if teacher.get("macs") is not None:
        rows.append(("MACs", words.quantity("macs", teacher["macs"])))
    cost = f"{teacher['views']} views of each image, in {words.seconds(teacher.get('seconds'))}"
    return [*rows, ("answered", cost)]
