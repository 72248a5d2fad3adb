"""Where the numbers of a layer lie in the image: from a coarse map to a pixel for each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from ..graph import Graph
    from ..ledger.receptive import Field


def field_of(graph: Graph, layer: str) -> Field | None:
    """The layer's receptive field, or None where there is no local one."""
    from ..ledger.receptive import fields

    field = fields(graph)[layer]
    return None if field.whole else field


def stretched(coarse_Nhw: np.ndarray, size: tuple[int, int], field: Field | None = None) -> np.ndarray:
    """The map with a number for each pixel of the network's input.

    Each number is put at the centre of its receptive field, and the pixels between are interpolated linearly;
    beyond the outermost centres the map goes on as it is. Plain resizing, as most tools do it, is right only
    where every layer pads evenly: behind two unpadded 5x5 convolutions its error is 5 of 32 pixels.

    Args:
        coarse_Nhw: a map for each image.
        size: rows and columns of the network's input.
        field: the receptive field of the layer; None spreads the numbers evenly, as plain resizing does.

    Returns:
        (N, rows, columns), float32.

    Example:
        >>> import numpy as np
        >>> stretched(np.array([[[0.0, 1.0]]]), (1, 4)).tolist()
        [[[0.0, 0.25, 0.75, 1.0]]]
    """
    import numpy as np

    across = [
        _weights(count, pixels, *(_centres(count, pixels, field, axis)))
        for axis, (count, pixels) in enumerate(zip(coarse_Nhw.shape[1:], size, strict=True))
    ]
    return np.einsum("ph,nhw,qw->npq", across[0], coarse_Nhw, across[1], optimize=True).astype(np.float32)


def _centres(count: int, pixels: int, field: Field | None, axis: int) -> tuple[float, float]:
    """The pixel of the first number, and the pixels from one to the next."""
    if field is None:
        return pixels / count / 2 - 0.5, pixels / count
    return field.start[axis] + (field.size[axis] - 1) / 2, float(field.stride[axis])


def _weights(count: int, pixels: int, first: float, apart: float) -> np.ndarray:
    """Linear interpolation as a matrix, (pixels, count)."""
    import numpy as np

    place = np.clip((np.arange(pixels) - first) / apart, 0, count - 1)
    low = np.minimum(np.floor(place).astype(int), max(count - 2, 0))
    found = np.zeros((pixels, count))
    found[np.arange(pixels), low] = 1 - (place - low)
    if count > 1:
        found[np.arange(pixels), low + 1] = place - low
    return found
