"""Grad-CAM++: A. Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations", 2018."""

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
def grad_cam_pp(
    net: Lowered, images_NCHW: torch.Tensor, target: Target = None, *, layer: str | None = None
) -> Explanation:
    """Grad-CAM with the places where the gradient is positive weighed by how much they alone would do."""
    import torch

    layer = spatial_layer(net, layer, "grad_cam_pp")
    features_NChw, gradient_NChw, aimed, scores_N = features_and_gradient(net, images_NCHW, target, layer)
    square, cube = gradient_NChw**2, gradient_NChw**3
    below = 2 * square + features_NChw.sum((2, 3), keepdim=True) * cube
    alpha_NChw = torch.where(gradient_NChw != 0, square / torch.where(below != 0, below, 1e-30), 0.0)
    weights_NC11 = (alpha_NChw * gradient_NChw.relu()).sum((2, 3), keepdim=True)
    coarse_Nhw = (weights_NC11 * features_NChw).sum(1).relu()
    return cam("grad_cam_pp", net, images_NCHW, layer, coarse_Nhw, aimed, scores_N)
