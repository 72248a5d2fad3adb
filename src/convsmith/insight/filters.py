"""Hand-made filters: edges as the course finds them, and which learned filters come close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..registry import Registry

if TYPE_CHECKING:
    import numpy as np

Rows = tuple[tuple[float, ...], ...]

FILTERS: Registry[Rows] = Registry("filter")
"""Name -> rows of weights. "Vertical" filters answer to vertical edges, bright on the left."""

for _name, _rows in {
    "vertical-edge": ((1, 0, -1), (1, 0, -1), (1, 0, -1)),
    "horizontal-edge": ((1, 1, 1), (0, 0, 0), (-1, -1, -1)),
    "sobel-vertical": ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    "sobel-horizontal": ((1, 2, 1), (0, 0, 0), (-1, -2, -1)),
    "scharr-vertical": ((3, 0, -3), (10, 0, -10), (3, 0, -3)),
    "scharr-horizontal": ((3, 10, 3), (0, 0, 0), (-3, -10, -3)),
    "laplacian": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
}.items():
    FILTERS.add(_name, _rows)


def hand_made(name: str) -> np.ndarray:
    """The filter of that name; dashes and underscores are the same.

    Returns:
        (rows, columns), float32.

    Raises:
        BadName: for an unknown name, with the nearest one.

    Example:
        >>> hand_made("vertical_edge").tolist()
        [[1.0, 0.0, -1.0], [1.0, 0.0, -1.0], [1.0, 0.0, -1.0]]
    """
    import numpy as np

    return np.array(FILTERS[name.replace("_", "-")], dtype=np.float32)


def nearest_filters(kernel_HWIO: np.ndarray) -> list[dict[str, Any]]:
    """For each learned filter the hand-made one that it is most like.

    The likeness is the cosine of the angle between the two: of the learned filter's mean over its input
    channels, less its own mean, and the hand-made filter in the middle of as large a square. A negative
    cosine is the same edge with dark and bright changed.

    Args:
        kernel_HWIO: the first layer's kernel, at least 3x3.

    Returns:
        For each of the O filters: filter (its number), nearest, cosine.

    Raises:
        BadInput: for a kernel smaller than 3x3.
    """
    import numpy as np

    rows, columns = kernel_HWIO.shape[:2]
    if rows < 3 or columns < 3:
        raise BadInput(
            "nearest filters", f"a {rows}x{columns} kernel", "at least 3x3", "a layer with 3x3 filters"
        )
    made = {}
    for name in FILTERS:
        square = np.zeros((rows, columns))
        top, left = (rows - 3) // 2, (columns - 3) // 2
        square[top : top + 3, left : left + 3] = hand_made(name)
        made[name] = square / np.linalg.norm(square)
    found = []
    for number in range(kernel_HWIO.shape[3]):
        learned = kernel_HWIO[..., number].astype(np.float64).mean(2)
        learned = learned - learned.mean()
        size = float(np.linalg.norm(learned)) or 1.0
        cosines = {name: float((learned * square).sum()) / size for name, square in made.items()}
        nearest = max(cosines, key=lambda name: abs(cosines[name]))
        found.append({"filter": number, "nearest": nearest, "cosine": cosines[nearest]})
    return found
