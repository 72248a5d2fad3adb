"""Explaining images in batches of bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput
from .explanation import Explanation, joined
from .method import method as by_name
from .target import Aim, Target, Versus

if TYPE_CHECKING:
    import numpy as np

    from ..engine.lower import Lowered


def explain(
    net: Lowered,
    images_NHWC: np.ndarray,
    *,
    method: str = "grad_cam",
    target: Target = None,
    layer: str | None = None,
    batch_size: int = 32,
) -> Explanation:
    """Explain images with a method by its name.

    Args:
        net: a network from `engine.lower`.
        images_NHWC: raw pixels at the network's input size, any number type.
        method: its name; `convsmith list explanations` shows them.
        target: a class number for all, one for each image, `Versus` for a difference; None for what the
            network says.
        layer: the layer to look at; the method's own choice without it.
        batch_size: images at a time.

    Raises:
        Refused: where the method is not valid for the network, with the reason.
        BadInput: for images of another size, or a class that is not there.

    Example:
        >>> import numpy as np
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> explain(lower(network("lenet5")), np.zeros((3, 32, 32, 1), np.uint8), target=1).maps_NHW.shape
        (3, 32, 32)
    """
    import numpy as np
    import torch

    run = by_name(method)
    wanted = net.graph.input_shape
    if images_NHWC.ndim != 4 or not len(images_NHWC) or tuple(images_NHWC.shape[1:]) != wanted:
        raise BadInput(
            "images", f"of shape {images_NHWC.shape}", f"(N, {', '.join(map(str, wanted))}), N >= 1"
        )
    device = next(iter(net.parameters()), torch.empty(0)).device
    parts = []
    for start in range(0, len(images_NHWC), batch_size):
        rows = slice(start, start + batch_size)
        x_NHWC = np.ascontiguousarray(images_NHWC[rows], dtype=np.float32)
        x_NCHW = torch.from_numpy(x_NHWC).permute(0, 3, 1, 2).to(device)
        parts.append(run(net, x_NCHW, _part(target, rows, len(images_NHWC)), layer=layer))
    return joined(parts)


def _part(target: Target, rows: slice, count: int) -> Target:
    if isinstance(target, Versus):
        plus, minus = _part(target.plus, rows, count), _part(target.minus, rows, count)
        return Versus(plus, minus)  # type: ignore[arg-type]
    if isinstance(target, Aim):
        return target.take(rows)
    if target is None or isinstance(target, int):
        return target
    if len(target) != count:
        raise BadInput("target", f"{len(target)} classes for {count} images", "one, or one for each image")
    return [int(item) for item in target[rows]]
