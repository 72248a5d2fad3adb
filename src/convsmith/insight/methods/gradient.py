"""The gradient: K. Simonyan, A. Vedaldi, A. Zisserman, "Deep Inside Convolutional Networks", 2013."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..explanation import Explanation
from ..method import METHODS
from ..target import Target
from ._pixels import aimed_at, input_gradient, of_pixels

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered


@METHODS.register()
def gradient(
    net: Lowered, images_NCHW: torch.Tensor, target: Target = None, *, layer: str | None = None
) -> Explanation:
    """How much the class changes with each pixel: the largest size of the gradient over the channels.

    Example:
        >>> import torch
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> gradient(lower(network("lenet5")), torch.rand(2, 1, 32, 32) * 255).maps_NHW.shape
        (2, 32, 32)
    """
    aimed = aimed_at(net, images_NCHW, target)
    slope_NCHW, scores_N = input_gradient(net, images_NCHW, aimed)
    map_NHW = slope_NCHW.abs().amax(1)
    return of_pixels(
        "gradient", images_NCHW, map_NHW, aimed, scores_N, signed=False, arrays={"gradient_NCHW": slope_NCHW}
    )
