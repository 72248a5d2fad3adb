"""The exported file: size, speed, agreement with the engine, and how to use it in five lines."""

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
    """Five lines of Python that classify one image with the file; None where its size is not known."""
    shape = facts.graph.input_shape if facts.graph is not None else ()
    if len(shape) != 3 or None in shape:
        return None
    rows, columns, channels = shape
    bilinear = "PIL.Image.BILINEAR"
    mode, lift = ('"RGB"', "[None]") if channels == 3 else ('"L"', "[None, ..., None]")
    return "\n".join(
        [
            "import json, numpy, onnxruntime, PIL.Image",
            f"network = onnxruntime.InferenceSession({name!r})",
            f'image = PIL.Image.open("photo.jpg").convert({mode}).resize(({columns}, {rows}), {bilinear})',
            f'p = network.run(None, {{"image": numpy.asarray(image, "float32"){lift}}})[0][0]',
            'print(json.loads(network.get_modelmeta().custom_metadata_map["classes"])[p.argmax()], p.max())',
        ]
    )
