"""LayerCAM: P.-T. Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps", 2021."""

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
def layer_cam(
    net: Lowered, images_NCHW: torch.Tensor, target: Target = None, *, layer: str | None = None
) -> Explanation:
    """The layer's output times the positive gradient at the same place; fit for early layers too."""
    layer = spatial_layer(net, layer, "layer_cam")
    features_NChw, gradient_NChw, aimed, scores_N = features_and_gradient(net, images_NCHW, target, layer)
    coarse_Nhw = (gradient_NChw.relu() * features_NChw).sum(1).relu()
    return cam("layer_cam", net, images_NCHW, layer, coarse_Nhw, aimed, scores_N)
