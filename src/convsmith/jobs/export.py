"""Export a run's network to a file that other programs run."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..endings import ending_of
from ..errors import BadInput, BadName
from ..notebooks import InNotebooks
from ..units import show_bytes

if TYPE_CHECKING:
    from ..data import Images
    from .inputs.trained import Trained


@dataclass(frozen=True, repr=False)
class Exported(InNotebooks):
    """A written file.

    Args:
        path: where it is.
        about: what was written: bytes, inputs, outputs, operators.
    """

    path: Path
    about: dict[str, Any]

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        if wanted == "json":
            return json.dumps({"path": str(self.path), **self.about})
        if "precision" in self.about:
            from .device_export import told

            return "\n".join((f"{self.path}:", *(f"  {line}" for line in told(self.about))))
        if "framework" in self.about:
            size = show_bytes(self.about["weights_bytes"])
            return f"{self.path}: {self.about['lines']} lines; {self.about['weights']} beside it: {size}"
        return f"{self.path}: {show_bytes(self.about['bytes'])}"


def export(
    run: str,
    path: str | None = None,
    *,
    format: str | None = None,
    framework: str | None = None,
    precision: str = "float",
    data: str | Images | None = None,
    quiet: bool = False,
) -> Exported:
    """Write a run's network as ONNX (batch norm folded, raw pixels in), Keras, code, a page, or C.

    Code (.py) is a short program in PyTorch or Keras to paste into one of your own: what repeats is a
    function or a loop, and the weights lie beside it in a .safetensors file that its `load` reads.

    A page (.html) is one file that classifies pictures in any browser, without a connection. For devices
    there are LiteRT files and C: a .c and .h of plain C99, a program that classifies a raw image, and a
    folder for Arduino. All these are run on the run's test images beside the engine before they are called
    done; bytes, accuracy, memory and milliseconds are remembered in the run.

    Args:
        run: a run folder; in Python also what forge and train return.
        path: the file to write, whose ending says what is written: .onnx, .keras, .py, .html, .tflite, .c or
            .safetensors (weights, with the network in the header); model.onnx in the run folder without it.
        format: onnx, keras, py, html, tflite, c or safetensors, where there is no path.
        framework: of a .py file: torch (which it is without) or keras.
        precision: of a file for a device or a page: float, fp16 (weights in 16 bits) or, for a device, int8
            (numbers in 8 bits, their ranges measured on the run's training images).
        data: images instead of the run's own, for the ranges and the comparison of a file for a device or a
            page.
        quiet: no progress on standard error.

    Raises:
        BadInput: for a run without a trained network, an ending that nothing is written for or that
            contradicts the format, or a place that cannot be written.

    Example:
        >>> export(run, "lenet5.onnx", quiet=True).path.stat().st_size > 100_000
        True
    """
    from .inputs.trained import trained

    ending = _ending(path, format or ("py" if framework is not None and path is None else None))
    if framework is not None and ending != PROGRAM:
        raise BadInput(
            "--framework", f"got {framework} for a {ending} file", f"a {PROGRAM} file",
            f"convsmith export {run} net.py --framework {framework}",
        )  # fmt: skip
    if ending == PAGE and precision == "int8":
        raise BadInput(
            "--precision", "int8 is nothing in a page: its JavaScript computes in floating-point numbers",
            "float, or fp16 for half the bytes", f"convsmith export {run} page.html --precision fp16",
        )  # fmt: skip
    if ending not in (*DEVICES, PAGE) and (precision != "float" or data is not None):
        raise BadInput(
            "--precision" if precision != "float" else "--data", f"cannot be used for {ending} files",
            "a .tflite, .c or .html file", f"convsmith export {run} model.tflite --precision int8",
        )  # fmt: skip
    net = trained(run)
    target = Path(path) if path is not None else net.path / f"model{ending}"
    if ending in DEVICES:
        from .device_export import export_device

        return Exported(target, export_device(net, target, precision=precision, data=data, quiet=quiet))
    if ending == PROGRAM:
        return Exported(target, _program(net, target, framework or "torch"))
    if ending == PAGE:
        from .page_export import export_page

        return Exported(target, export_page(net, target, precision=precision, data=data, quiet=quiet))
    return Exported(target, WRITERS[ending](net, target))


def _ending(path: str | None, format: str | None) -> str:
    """The ending that decides what is written."""
    formats = [ending.removeprefix(".") for ending in ENDINGS]
    if format is not None and format not in formats:
        raise BadName("--format", format, formats)
    if path is None:
        return f".{format or 'onnx'}"
    found = ending_of(path, ENDINGS, "path")
    if format is not None and found != f".{format}":
        raise BadInput(
            "--format", f"got {format} for a file that ends in {found}", "one of them",
            str(Path(path).with_suffix(f".{format}")),
        )  # fmt: skip
    return found


def _onnx(net: Trained, target: Path) -> dict[str, Any]:
    from ..formats.onnx import export_onnx
    from .inputs.carried import as_texts, carried

    about = as_texts(carried(net.graph, net.rule))
    return export_onnx(net.graph, net.weights, target, classes=net.classes, about=about)


def _keras(net: Trained, target: Path) -> dict[str, Any]:
    """Write a .keras file whole, through Keras itself, with what it carries beside its network."""
    from ..formats.keras import to_keras
    from ..graph.keras.files import ABOUT
    from ..runs.files import write_whole
    from .inputs.carried import carried

    about = {"classes": list(net.classes)} | carried(net.graph, net.rule)
    with tempfile.TemporaryDirectory() as folder:
        half = Path(folder) / "model.keras"
        to_keras(net.graph, net.weights).save(half)
        with zipfile.ZipFile(half, "a") as archive:
            archive.writestr(ABOUT, json.dumps(about, ensure_ascii=False))
        content = half.read_bytes()
    write_whole(target, content)
    return {"file": target.name, "bytes": len(content)}


def _safetensors(net: Trained, target: Path) -> dict[str, Any]:
    """Write the weights with their Graph, and the licence of what they started from."""
    from ..formats.weights_file import write_weights_file
    from .inputs.carried import as_texts, carried
    from .inputs.trained import licence_of

    begun = licence_of(net.path)
    written = write_weights_file(
        target, net.graph, net.weights, classes=net.classes, licence=str(begun.get("licence", "")),
        origin=str(begun.get("origin", "")), more=as_texts(carried(net.graph, net.rule)),
    )  # fmt: skip
    return {"file": target.name, "bytes": written}


def _program(net: Trained, target: Path, framework: str) -> dict[str, Any]:
    """Write a program, and the weights that it loads, each whole."""
    from ..formats.program import to_program
    from ..runs.files import write_whole

    source, arrays = to_program(net.graph, net.weights, target, framework=framework, classes=net.classes)
    beside = target.with_suffix(".safetensors")
    write_whole(beside, arrays)
    write_whole(target, source.encode())
    return {
        "file": target.name, "bytes": len(source.encode()), "framework": framework,
        "lines": source.count("\n"), "weights": beside.name, "weights_bytes": len(arrays),
    }  # fmt: skip


Writer = Callable[["Trained", Path], dict[str, Any]]
WRITERS: dict[str, Writer] = {".onnx": _onnx, ".keras": _keras, ".safetensors": _safetensors}
"""Ending of the file -> what writes it and says what was written; one line for each further form."""
DEVICES = (".tflite", ".c")
"""Endings of files for devices."""
PAGE = ".html"
"""The ending of a page that classifies."""
PROGRAM = ".py"
"""The ending of a program."""
ENDINGS = (*WRITERS, PROGRAM, PAGE, *DEVICES)
"""Every ending that something is written for."""
