"""A finished run's network, ready to be asked about pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...units import counted
from .trained import Trained, trained

if TYPE_CHECKING:
    import numpy as np

    from ...engine.lower import Lowered

PIXELS_AT_ONCE = 4_000_000
"""Numbers of a batch of images, at most."""


@dataclass(frozen=True)
class Answers:
    """What a classifier says.

    Args:
        net: the run.
        module: its network, lowered without any rewrite, in evaluation mode.
    """

    net: Trained
    module: Lowered

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of its images."""
        height, width, channels = (int(size or 0) for size in self.net.graph.input_shape)
        return height, width, channels

    @property
    def batch_size(self) -> int:
        """Images at a time, so that memory stays bounded."""
        return batch_size(self.shape)

    def logits(self, x_NHWC: np.ndarray) -> np.ndarray:
        """The numbers before the final softmax, float32 (N, classes)."""
        return logits(self.module, x_NHWC)

    def probabilities(self, x_NHWC: np.ndarray) -> np.ndarray:
        """The softmax of the logits, float32 (N, classes)."""
        from ...insight.calibration import softmax

        return softmax(self.logits(x_NHWC).astype("float64")).astype("float32")


def batch_size(shape: Sequence[int]) -> int:
    """Images of rows, columns and channels at a time, so that memory stays bounded."""
    height, width, channels = shape
    return max(1, min(256, PIXELS_AT_ONCE // (height * width * channels)))


def logits(module: Lowered, x_NHWC: np.ndarray) -> np.ndarray:
    """A network's numbers before the final softmax, float32 (N, classes).

    Args:
        module: the network; it is put into evaluation mode.
        x_NHWC: raw pixels.
    """
    import numpy as np
    import torch

    from ...engine.predict import to_NCHW
    from ...insight.target import classes_of, outputs

    module.eval()
    size = batch_size(x_NHWC.shape[1:])
    with torch.inference_mode():
        parts = [
            outputs(module, to_NCHW(x_NHWC[start : start + size])).numpy()
            for start in range(0, len(x_NHWC), size)
        ]
    return np.concatenate(parts) if parts else np.zeros((0, classes_of(module)), np.float32)


def answers(run: Any) -> Answers:
    """The network of a run, where it is a classifier of images.

    Args:
        run: a run folder, or anything with its `path`.

    Raises:
        BadInput: for a folder that is no run, a run without a trained network, or one of another kind.
    """
    from ...engine.lower import lower

    net = trained(run)
    shape, out = net.graph.input_shape, net.graph.output_shape
    images = len(shape) == 3 and None not in shape and shape[-1] in (1, 3)
    if not images or len(out) != 1 or out[0] != len(net.classes) or len(net.classes) < 2:
        raise BadInput(
            str(net.path),
            f"a network from {shape} to {out} for {counted(len(net.classes), 'class', 'classes')}",
            "a classifier of grey or colour images, one number for each class",
        )
    return Answers(net, lower(net.graph, net.weights))
