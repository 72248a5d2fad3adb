"""HiResCAM: R. L. Draelos, L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations", 2020."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..explanation import Explanation
from ..method import METHODS
from ..target import Target
from ._cam import cam, features_and_gradient, spatial_layer

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered


@METHODS.register()
def hires_cam(
    net: Lowered, images_NCHW: torch.Tensor, target: Target = None, *, layer: str | None = None
) -> Explanation:
    """The layer's output times the gradient at the same place, summed over channels; below zero is cut."""
    layer = spatial_layer(net, layer, "hires_cam")
    features_NChw, gradient_NChw, aimed, scores_N = features_and_gradient(net, images_NCHW, target, layer)
    coarse_Nhw = (gradient_NChw * features_NChw).sum(1).relu()
    return cam("hires_cam", net, images_NCHW, layer, coarse_Nhw, aimed, scores_N)
