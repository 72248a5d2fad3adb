"""What of an image a unit answers to, projected back to pixels: a deconvolutional network.

M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", 2014: from one unit at one
place back through transposed convolutions, switches for the pools, and ReLUs that pass what is positive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .explain import batch_for
from .methods._relu import relu_rule
from .one_layer import answers, checked_units

if TYPE_CHECKING:
    import numpy as np

    from ..engine.lower import Lowered


def deconvolved(net: Lowered, layer: str, images_UNHWC: np.ndarray) -> np.ndarray:
    """Project each unit's strongest answer in its image back to the pixels.

    Args:
        net: a network from `engine.lower`; not changed.
        layer: the layer.
        images_UNHWC: for each of the layer's units some raw images, such as those that excite it most.

    Returns:
        (units, N, C, H, W), float32: what each pixel adds; 0 beyond the unit's receptive field.

    Raises:
        Refused: the network has no ReLU.

    Example:
        >>> import numpy as np
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> net = lower(network("course_cnn", (28, 28, 1)))
        >>> deconvolved(net, "conv1", np.zeros((32, 1, 28, 28, 1), np.uint8)).shape
        (32, 1, 1, 28, 28)
    """
    import numpy as np
    import torch

    units, each = images_UNHWC.shape[:2]
    checked_units(net, layer, [units - 1])
    flat = images_UNHWC.reshape(-1, *images_UNHWC.shape[2:])
    whose = torch.arange(units).repeat_interleave(each)
    parts, many = [], batch_for(net.graph)
    with relu_rule("deconvolution", net, lambda to_input, from_output: from_output.clamp(min=0)):
        for start in range(0, len(flat), many):
            batch = np.ascontiguousarray(flat[start : start + many], dtype=np.float32)
            x_NCHW = torch.from_numpy(batch).permute(0, 3, 1, 2).requires_grad_(True)
            with torch.enable_grad():
                out = answers(net, layer, x_NCHW, before=False)
                own = out[torch.arange(len(batch)), whose[start : start + many]]
                (back,) = torch.autograd.grad(own.flatten(1).max(1).values.sum(), x_NCHW)
            parts.append(back.numpy())
    back_NCHW = np.concatenate(parts)
    return back_NCHW.reshape(units, each, *back_NCHW.shape[1:])
