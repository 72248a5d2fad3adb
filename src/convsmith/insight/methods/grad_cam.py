"""Grad-CAM: R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks", 2017."""

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
def grad_cam(
    net: Lowered, images_NCHW: torch.Tensor, target: Target = None, *, layer: str | None = None
) -> Explanation:
    """Which places of a layer's output raise the class: ReLU(Σ αₖ Aᵏ), αₖ the gradient's mean over places.

    Example:
        >>> import torch
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> found = grad_cam(lower(network("lenet5")), torch.rand(2, 1, 32, 32) * 255, target=3)
        >>> found.layer, found.maps_NHW.shape, found.arrays["coarse_Nhw"].shape
        ('conv2', (2, 32, 32), (2, 10, 10))
    """
    layer = spatial_layer(net, layer, "grad_cam")
    features_NChw, gradient_NChw, aimed, scores_N = features_and_gradient(net, images_NCHW, target, layer)
    alpha_NC11 = gradient_NChw.mean((2, 3), keepdim=True)
    coarse_Nhw = (alpha_NC11 * features_NChw).sum(1).relu()
    return cam("grad_cam", net, images_NCHW, layer, coarse_Nhw, aimed, scores_N)
