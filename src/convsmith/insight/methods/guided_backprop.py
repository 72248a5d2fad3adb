"""Guided backprop: J. T. Springenberg et al., "Striving for Simplicity", 2014."""

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
def guided_backprop(
    net: Lowered, images_NCHW: torch.Tensor, target: Target = None, *, layer: str | None = None
) -> Explanation:
    """The gradient, but each ReLU passes back only what is positive, where it was itself on."""
    return with_relu_rule(
        "guided_backprop", net, images_NCHW, target, lambda to_input, from_output: to_input.clamp(min=0)
    )
