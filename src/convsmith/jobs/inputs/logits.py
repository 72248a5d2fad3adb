"""What a lowered network says of pixels before its final softmax, in batches that memory can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from ...engine.lower import Lowered

PIXELS_AT_ONCE = 4_000_000
"""Numbers of a batch of images, at most."""


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
