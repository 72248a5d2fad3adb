"""Gradient times input: A. Shrikumar et al., "Not Just a Black Box", 2016."""

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
def gradient_x_input(
    net: Lowered, images_NCHW: torch.Tensor, target: Target = None, *, layer: str | None = None
) -> Explanation:
    """The gradient times the raw pixel, summed over the channels: what each pixel adds, compared with black.

    Example:
        >>> import torch
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> gradient_x_input(lower(network("lenet5")), torch.rand(2, 1, 32, 32) * 255, 3).signed
        True
    """
    aimed = aimed_at(net, images_NCHW, target)
    slope_NCHW, scores_N = input_gradient(net, images_NCHW, aimed)
    parts_NCHW = slope_NCHW * images_NCHW
    return of_pixels(
        "gradient_x_input",
        images_NCHW,
        parts_NCHW.sum(1),
        aimed,
        scores_N,
        signed=True,
        arrays={"attribution_NCHW": parts_NCHW},
    )
