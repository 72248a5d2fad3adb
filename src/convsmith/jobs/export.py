"""Export a run's network to a file that other programs run."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..units import show_bytes

if TYPE_CHECKING:
    from .trained import Trained


@dataclass(frozen=True)
class Exported:
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
        return f"{self.path}: {show_bytes(self.about['bytes'])}"


def export(run: str, path: str | None = None, *, format: Literal["onnx", "keras"] = "onnx") -> Exported:
    """Write a run's network as ONNX (batch norm folded, raw pixels in) or as a Keras file.

    Args:
        run: a run folder; in Python also what forge and train return.
        path: the file to write; model.onnx or model.keras in the run folder without it.
        format: onnx or keras.

    Raises:
        BadInput: for a run without a trained network, or a place that cannot be written.
    """
    from .trained import trained

    net = trained(run)
    target = Path(path) if path is not None else net.path / f"model.{format}"
    if format == "onnx":
        from ..formats.onnx import export_onnx

        return Exported(target, export_onnx(net.graph, net.weights, target, classes=net.classes))
    return Exported(target, _save_keras(net, target))


def _save_keras(net: Trained, target: Path) -> dict[str, Any]:
    """Write a .keras file whole, through Keras itself."""
    from ..formats.keras import to_keras
    from ..runs.files import write_whole

    with tempfile.TemporaryDirectory() as folder:
        half = Path(folder) / "model.keras"
        to_keras(net.graph, net.weights).save(half)
        content = half.read_bytes()
    write_whole(target, content)
    return {"file": target.name, "bytes": len(content)}
