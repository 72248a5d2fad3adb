"""Deconvolution: M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", 2014."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..explanation import Explanation
from ..method import METHODS
from ..target import Target
from ._relu import with_relu_rule

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered


@METHODS.register()
def deconvolution(
    net: Lowered, images_NCHW: torch.Tensor, target: Target = None, *, layer: str | None = None
) -> Explanation:
    """The gradient, but each ReLU passes back what is positive, whether it was on or not."""
    return with_relu_rule(
        "deconvolution", net, images_NCHW, target, lambda to_input, from_output: from_output.clamp(min=0)
    )
