"""A finished run as a page shows it: the report's own parts, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadInput, ConvsmithError
from ..graph.picture.draw import draw
from ..ledger import size
from ..reports import facts as reading
from ..reports import words
from ..reports.facts import Facts, Picture
from ..reports.page import built
from ..reports.sections import (
    data,
    devices,
    evaluation,
    explanations,
    export,
    fooling,
    head,
    repeat,
    robustness,
    search,
)
from .refusal import Refused

FILES = {
    "model.onnx": ("application/octet-stream", "the network for ONNX Runtime"),
    "model.tflite": ("application/octet-stream", "for TensorFlow Lite and microcontrollers, 8-bit numbers"),
    "model.keras": ("application/octet-stream", "for Keras"),
    "model.c": ("text/plain; charset=utf-8", "plain C99"),
    "model.h": ("text/plain; charset=utf-8", "its header"),
    "model.html": ("application/octet-stream", "one page that holds the network"),
    "weights.safetensors": ("application/octet-stream", "the numbers that were learned"),
    "graph.json": ("application/json", "the network as data"),
    "README.md": ("text/plain; charset=utf-8", "model card"),
    "trials.jsonl": ("text/plain; charset=utf-8", "every network that was tried"),
}
"""Files of a run that may be fetched, by name: their type, and what they are."""
EMPTY: dict[str, Any] = {
    "accuracy": None, "interval": None, "n_test": None, "created": "", "seconds": None, "rows": [],
    "chance": None, "weak": "",
}  # fmt: skip
"""Of the head of a run whose files are damaged."""
PNG = b"\x89PNG\r\n\x1a\n"


def result(path: Path) -> dict[str, Any]:
    """What a run came to.

    Args:
        path: of the run.

    Raises:
        Refused: the folder holds no run.
    """
    facts = facts_of(path)
    ledger = None
    if facts.graph is not None:
        try:
            made = size(facts.graph)  # type: ignore[arg-type]
            ledger = {
                "rows": [row.to_json() | {"label": row.label} for row in made.rows],
                "totals": made.totals.to_json(),
            }
        except ConvsmithError as error:
            facts.troubles.append(str(error))
    judged = built(facts, evaluation) or {}
    compared = built(facts, search) or {}
    return {
        "head": _sound(built(facts, head) or {}),
        "network": ledger,
        "layers": None if facts.graph is None else len(facts.graph.nodes),
        "per_class": [{k: v for k, v in row.items() if k != "strip"} for row in judged.get("rows", ())],
        "confusion": confusion_of(facts),
        "classes": judged.get("names") or facts.classes,
        "mixed": judged.get("mixed") or [],
        "errors": judged.get("errors"),
        "compared": [
            {k: v for k, v in row.items() if isinstance(v, str | int | float | list | None)}
            for row in compared.get("compared") or ()
        ],
        "sentences": compared.get("sentences") or [],
        "fairness": compared.get("fairness") or "",
        "export": {k: v for k, v in (built(facts, export) or {}).items() if k in ("facts", "use")},
        "devices": (built(facts, devices) or {}).get("rows", []),
        "repeat": {k: v for k, v in (built(facts, repeat) or {}).items() if isinstance(v, str)},
        "explained": explained(facts),
        "files": files(path),
        "has_pictures": (path / "answers.json").is_file(),
        "history": facts.history,
        "data": {k: v for k, v in (built(facts, data) or {}).items() if k in ("facts", "working", "notes")},
        "troubles": facts.troubles,
    }


def _sound(found: dict[str, Any]) -> dict[str, Any]:
    """The head with numbers where numbers are shown; what is none is not there."""
    head = EMPTY | found
    for name in ("accuracy", "n_test", "seconds", "chance"):
        if isinstance(head[name], bool) or not isinstance(head[name], int | float):
            head[name] = None
    if head["n_test"] is None:
        head["accuracy"] = None
    ends = head["interval"]
    if not (isinstance(ends, list) and len(ends) == 2 and all(isinstance(end, int | float) for end in ends)):
        head["interval"] = None
    return head


def confusion_of(facts: Facts) -> list[list[int]]:
    """The confusion matrix; empty where it is none."""
    found = facts.metrics.get("confusion")
    rows = found if isinstance(found, list) else []
    sound = all(isinstance(row, list) and len(row) == len(rows) for row in rows)
    return rows if sound and all(isinstance(n, int) for row in rows for n in row) else []


def facts_of(path: Path) -> Facts:
    """What the report reads."""
    try:
        return reading.read(path, own_code=False)  # to look at a folder runs nothing of it
    except BadInput as error:
        raise Refused(500, f"run {path.name}", error.came, error.expected, error.hint) from None


def explained(facts: Facts) -> list[dict[str, Any]]:
    """The heatmaps, by their place; with the badge that the method's evidence earns."""
    keep = ("method", "name", "true", "predicted", "confidence", "right")
    found = [{name: row.get(name) for name in keep} for row in facts.explained]
    return [row | {"at": place} for place, row in enumerate(found)]


def evidence(facts: Facts) -> dict[str, Any]:
    """What the report says of how far the heatmaps can be trusted."""
    found = built(facts, explanations) or {}
    return {name: value for name, value in found.items() if isinstance(value, str | bool | list)}


def files(path: Path) -> list[dict[str, Any]]:
    """What there is to fetch."""
    found = []
    for name, (_, what) in FILES.items():
        if (path / name).is_file() and not (path / name).is_symlink():
            found.append({"name": name, "what": what, "bytes": (path / name).stat().st_size})
    return found


def drawing(path: Path) -> str:
    """The network as an SVG picture."""
    facts = facts_of(path)
    if facts.graph is None:
        raise Refused(404, f"run {path.name}", "has no network yet", "one that got so far", "wait for it")
    return draw(facts.graph).svg


def picture(path: Path, name: str) -> bytes:
    """A PNG of the run, by a name that the run's own files gave: it stays in the folder, and is a PNG.

    Raises:
        Refused: for anything else.
    """
    file = path / name
    refused = Refused(404, "picture", "is not there", "one that the run lists")
    if not file.resolve().is_relative_to(path.resolve()) or not file.is_file():
        raise refused
    if file.stat().st_size > 20_000_000:
        raise refused
    content = file.read_bytes()
    if not content.startswith(PNG):
        raise refused
    return content


def failures(path: Path) -> dict[str, Any]:
    """How a run's network fails: pictures that fool it, changes that do, and worse images."""
    facts = facts_of(path)
    fooled, spoiled = built(facts, fooling) or {}, built(facts, robustness) or {}
    attacks = (facts.found("explain/fool/fool.json").get("adversarial") or {}).get("curves") or []
    adversarial = fooled.get("adversarial") or {}
    harms = facts.found("explain/robustness/robustness.json")
    return {
        "galleries": _plain(fooled.get("galleries") or []),
        "adversarial": _plain({name: adversarial.get(name) for name in ("images", "verdict", "examples")}),
        "attacks": attacks if fooled else [],
        "unknown": _plain(fooled.get("unknown") or {}),
        "spoiled": _plain({name: value for name, value in spoiled.items() if name != "plot"}),
        "harms": harms.get("corruptions") or [] if spoiled else [],
    }


def _plain(value: Any) -> Any:
    """Pictures as their addresses."""
    if isinstance(value, Picture):
        return value.uri
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def cell(
    path: Path, labels: list[int], classes: list[str], true: int | None, said: int | None
) -> list[dict[str, Any]]:
    """The test images of one cell of the confusion matrix, the surest first; of all errors without one.

    Args:
        path: of the run.
        labels: class numbers of all images of the set, in order.
        classes: their names.
        true: the class that they show.
        said: the class that the network named.

    Raises:
        Refused: the images are not those that the run was judged on.
    """
    facts = facts_of(path)
    answers = facts.found("answers.json")
    rows, named, sure = (answers.get(key) or [] for key in ("rows", "predicted", "confidence"))
    confusion = confusion_of(facts)
    changed = Refused(
        409, f"run {path.name}", "its images have changed since, or moved", "the same images", "run it again"
    )
    if not rows or classes != facts.classes or max(rows) >= len(labels):
        raise changed
    truth = [labels[row] for row in rows]
    counted = np.zeros((len(classes), len(classes)), int)
    np.add.at(counted, (truth, named), 1)
    if counted.tolist() != confusion:
        raise changed
    found = [
        {"row": row, "true": t, "predicted": p, "confidence": c}
        for row, t, p, c in zip(rows, truth, named, sure, strict=True)
        if (true is None or t == true) and (said is None or p == said)
        and (true is not None or said is not None or t != p)
    ]  # fmt: skip
    return sorted(found, key=lambda one: -one["confidence"])


def beside(paths: list[Path]) -> list[dict[str, Any]]:
    """Several runs side by side."""
    found = []
    for path in paths:
        facts = facts_of(path)
        graph = facts.graph
        kinds: dict[str, dict[str, int]] = {}
        if graph is not None:
            for row in size(graph).rows:  # type: ignore[arg-type]
                held = kinds.setdefault(row.kind, {"layers": 0, "params": 0, "macs": 0})
                held["layers"] += 1
                held["params"] += row.params or 0
                held["macs"] += row.macs or 0
        found.append({"name": path.name, "head": built(facts, head) or {}, "kinds": kinds,
                      "source": facts.source, "recipe": facts.recipe})  # fmt: skip
    return found


def shown(name: str, value: float | None) -> str:
    """A budgeted quantity with its unit."""
    return words.quantity(name, value)
