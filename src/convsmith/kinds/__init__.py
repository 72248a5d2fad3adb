"""The kinds of layer, one in each file: what a layer means, and what it costs."""

from .kind import (
    GIVE_SIZES,
    KINDS,
    Formula,
    Kind,
    OnnxWriter,
    Reach,
    Shape,
    ShapeError,
    Weight,
    frozen,
    kind,
    of_layer,
    size,
    thawed,
)

__all__ = [
    "GIVE_SIZES", "KINDS", "Formula", "Kind", "OnnxWriter", "Reach", "Shape", "ShapeError", "Weight",
    "frozen", "kind", "of_layer", "size", "thawed",
]  # fmt: skip
