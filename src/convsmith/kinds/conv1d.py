"""Conv1D: filters slid over a sequence."""

from __future__ import annotations

from .kind import kind
from .spatial import SpatialConvolution


@kind
class Conv1D(SpatialConvolution):
    """Keras's Conv1D ("causal" sees nothing that comes later)."""

    strides: tuple[int, ...] = (1,)
    dilation_rate: tuple[int, ...] = (1,)

    axes = 1
    choices = {"padding": ("valid", "same", "causal")}
    torch_weights = {"kernel": ("weight", (2, 1, 0)), "bias": ("bias", None)}
