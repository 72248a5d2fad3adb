"""The images of a finished run that its network was not trained on, as many as are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from ...data import Images
    from .trained import Trained


@dataclass(frozen=True)
class HeldOut:
    """Images of one part of a run's split, at the network's size.

    Args:
        x_NHWC: raw pixels, uint8.
        y: the network's number of each one's class, (N,).
        names: what a person calls each.
    """

    x_NHWC: np.ndarray
    y: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.y)


def held_out(
    net: Trained, *, part: str = "test", data: str | Images | None = None, outside: bool = False,
    most: int | None = None,
) -> HeldOut:  # fmt: skip
    """Images of a part of the run's own split, or of others whose classes the network has.

    Args:
        net: the run.
        part: train, validation or test.
        data: other images; the run's own without it.
        outside: as in `own_images`.
        most: how many at most, spread evenly over the part.

    Raises:
        BadInput: where the images are gone, are not those of the run, or share no class with it.
    """
    import numpy as np

    from .run_images import own_images

    own = own_images(net, data, outside=outside)
    rows = np.sort(own.rows(part))
    rows = rows[own.y[rows] >= 0]
    if not len(rows):
        raise BadInput(str(net.path), f"has no {part} images", "images of its classes", "--data with some")
    if most is not None:
        rows = evenly(rows, most)
    return HeldOut(np.array(own.pixels_NHWC[rows]), own.y[rows], own.images[rows].names)


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """As many of the rows as are wanted at most, spread evenly over them, in their order.

    Example:
        >>> import numpy as np
        >>> evenly(np.arange(10), 4).tolist(), evenly(np.arange(3), 4).tolist()
        ([0, 3, 6, 9], [0, 1, 2])
    """
    import numpy as np

    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
