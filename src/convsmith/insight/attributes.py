"""Which photographs a network is right about: dark or bright, flat or contrasty, blurred or sharp, small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .mistakes import wilson

if TYPE_CHECKING:
    import numpy as np


def attributes(images_NHWC: np.ndarray) -> dict[str, np.ndarray]:
    """What can be measured of each image at the network's size.

    Args:
        images_NHWC: raw pixels, uint8.

    Returns:
        brightness (mean grey level, 0 to 255), contrast (standard deviation of the grey levels), sharpness
        (standard deviation of the Laplacian over that of the grey levels: low for blurred images), each (N,).

    Example:
        >>> import numpy as np
        >>> found = attributes(np.full((1, 8, 8, 1), 200, np.uint8))
        >>> {name: float(values[0]) for name, values in found.items()}
        {'brightness': 200.0, 'contrast': 0.0, 'sharpness': 0.0}
    """
    import numpy as np

    rows = []
    for image in images_NHWC:
        grey = image.astype(np.float64).mean(-1)
        inner = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
        spread = float(grey.std())
        rows.append((float(grey.mean()), spread, float(inner.std()) / spread if spread > 1e-6 else 0.0))
    table = np.array(rows).reshape(-1, 3)
    return dict(zip(("brightness", "contrast", "sharpness"), table.T, strict=True))


def accuracy_by(values: np.ndarray, right: np.ndarray, *, parts: int = 4) -> list[dict[str, Any]]:
    """The share that is right in parts of about as many images each, from the lowest values to the highest.

    Equal values stay in one part, so that there may be fewer parts.

    Args:
        values: an attribute of each image, (N,).
        right: whether the network is right, (N,).
        parts: how many.

    Returns:
        Rows with low, high, n, accuracy, interval (Wilson, 95%); no rows where all values are the same.

    Example:
        >>> import numpy as np
        >>> [row["accuracy"] for row in accuracy_by(np.arange(8), np.arange(8) > 3, parts=2)]
        [0.0, 1.0]
    """
    import numpy as np

    edges = np.unique(np.quantile(values, np.linspace(0, 1, parts + 1)))
    if len(edges) < 2:
        return []
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    rows = []
    for number in range(len(edges) - 1):
        inside = place == number
        n, good = int(inside.sum()), int(right[inside].sum())
        if n:
            rows.append(
                {
                    "low": float(edges[number]),
                    "high": float(edges[number + 1]),
                    "n": n,
                    "accuracy": good / n,
                    "interval": list(wilson(good, n)),
                }
            )
    return rows
