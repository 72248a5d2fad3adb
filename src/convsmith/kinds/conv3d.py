"""Conv3D: filters slid over a volume."""

from __future__ import annotations

from .kind import kind
from .spatial import SpatialConvolution


@kind
class Conv3D(SpatialConvolution):
    """Keras's Conv3D."""

    strides: tuple[int, ...] = (1, 1, 1)
    dilation_rate: tuple[int, ...] = (1, 1, 1)

    axes = 3
    torch_weights = {"kernel": ("weight", (4, 3, 0, 1, 2)), "bias": ("bias", None)}
