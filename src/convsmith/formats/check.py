"""An exported model in ONNX Runtime, beside the engine on the same images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..graph import Graph

if TYPE_CHECKING:
    import numpy as np
    import onnx

    Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Check:
    """How an exported file compares with the engine on the same images.

    Args:
        images: how many were compared.
        largest_difference: between any two of their outputs.
        disagreements: images whose largest output is another class's.
    """

    images: int
    largest_difference: float
    disagreements: int

    @property
    def same_predictions(self) -> bool:
        """True where both say the same class for every image."""
        return self.disagreements == 0

    def to_json(self) -> dict[str, Any]:
        """The figures as a run's export.json has them."""
        return {
            "n_checked": self.images,
            "largest_difference": self.largest_difference,
            "disagreements": self.disagreements,
            "same_predictions": self.same_predictions,
        }


def check_onnx(
    model: str | Path | bytes | onnx.ModelProto,
    graph: Graph,
    weights: Weights,
    x_NHWC: np.ndarray,
    *,
    batch_size: int = 64,
) -> Check:
    """Run an exported model in ONNX Runtime beside the engine on the same images.

    Args:
        model: the file, its bytes, or the model itself.
        graph, weights: the network that was exported.
        x_NHWC: raw pixels, (N, rows, columns, channels), any number type.
        batch_size: images at a time.
    """
    import numpy as np
    import torch

    from ..engine.lower import lower

    module = lower(graph, weights)
    ours, theirs = [], []
    session = open_session(model)
    for start in range(0, len(x_NHWC), batch_size):
        batch = np.ascontiguousarray(x_NHWC[start : start + batch_size], dtype=np.float32)
        ours.append(session.run(None, {session.get_inputs()[0].name: batch})[0])
        with torch.inference_mode():
            out = module(torch.from_numpy(batch).permute(0, 3, 1, 2))
            theirs.append((out.permute(0, 2, 3, 1) if out.dim() == 4 else out).numpy())
    if not ours:
        raise BadInput("check", "no images", "at least one", "the test split")
    a, b = np.concatenate(ours), np.concatenate(theirs)
    return Check(len(a), float(np.abs(a - b).max()), int((a.argmax(-1) != b.argmax(-1)).sum()))


def open_session(
    model: str | Path | bytes | onnx.ModelProto, *, threads: int = 0, profile: str | None = None
) -> Any:
    """An ONNX Runtime session on the CPU.

    Args:
        model: the file, its bytes, or the model itself.
        threads: how many it may use; 0 for as many as there are cores.
        profile: where to write the time of every operator, as the beginning of a file's name.

    Raises:
        BadInput: for a file that ONNX Runtime does not take.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, profile
    # A waiting thread that spins takes the core from whoever runs beside it, and its own next run.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    found = model if isinstance(model, bytes | str) else None
    if found is None:
        found = str(model) if isinstance(model, Path) else model.SerializeToString()  # type: ignore[union-attr]
    try:
        return onnxruntime.InferenceSession(found, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class but this
        where = str(model) if isinstance(model, str | Path) else "the ONNX model"
        raise BadInput(where, f"ONNX Runtime says {error}", "an ONNX model that it takes") from None
