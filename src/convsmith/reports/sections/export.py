"""The exported file: size, speed, agreement with the engine, and a program that uses it."""

from __future__ import annotations

from typing import Any

from ...units import show_bytes
from .. import words
from ..facts import Facts

TITLE = "The exported file"


def build(facts: Facts) -> dict[str, Any] | None:
    """Figures of the file and a program that uses it."""
    export = facts.export
    if not export:
        return None
    name = str(export.get("file") or "model.onnx")
    rows = [("file", name)]
    if export.get("bytes") is not None:
        rows.append(("size", f"{show_bytes(export['bytes'])} ({export['bytes']:,} bytes)"))
    if export.get("latency_ms") is not None:
        batch = (export.get("latency") or {}).get("batch") or 1
        images = "one image" if batch == 1 else f"{batch} images"
        rows.append(
            (f"latency, {images}", f"{export['latency_ms']:.3g} ms (median) on the machine of this run")
        )
    if export.get("table_ms") is not None:
        told = export.get("table_told") or f"{export['table_ms']:.3g} ms"
        rows.append(("latency by the table", f"{told}, on {export.get('table')}"))
    rows += [
        (str(key).replace("_", " "), words.number(value))
        for key, value in (export.get("latency") or {}).items()
        if isinstance(value, int | float | str) and key not in ("median_ms", "latency_ms", "ms")
    ]
    checked = export.get("n_checked")
    if export.get("largest_difference") is not None:
        over = f", over {checked:,} test images" if checked else ""
        rows.append(("largest difference of a probability", f"{export['largest_difference']:.2g}{over}"))
    if export.get("same_predictions") is not None:
        text = "yes, every test image" if export["same_predictions"] else "no"
        rows.append(("same predictions as the engine", text))
    return {
        "facts": rows,
        "same": export.get("same_predictions"),
        "use": use(facts, name),
        "classes": len(facts.classes),
    }


def use(facts: Facts, name: str) -> str | None:
    """A program that classifies one image with the file; None where its size is not known."""
    from ...data.program import program  # NumPy comes along: only where a page is made

    shape = facts.graph.input_shape if facts.graph is not None else ()
    if len(shape) != 3 or None in shape:
        return None
    rows, columns, channels = (int(side or 0) for side in shape)
    if channels not in (1, 3):
        return None
    forms = (facts.data.get("found") or {}).get("forms")
    return program((rows, columns), channels, forms=forms, network=name)
