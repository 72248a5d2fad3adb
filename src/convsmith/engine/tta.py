"""Test-time augmentation: several views of each image, and the mean of what the network says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product

import numpy as np

from ..errors import BadName

View = Callable[[np.ndarray], np.ndarray]


def _shifted(down: int, across: int) -> View:
    def view(x_NHWC: np.ndarray) -> np.ndarray:
        rows, columns = x_NHWC.shape[1:3]
        row = np.clip(np.arange(rows) + down, 0, rows - 1)
        column = np.clip(np.arange(columns) + across, 0, columns - 1)
        return x_NHWC[:, row][:, :, column]

    return view


def _itself(x: np.ndarray) -> np.ndarray:
    return x


def _mirrored(view: View) -> View:
    return lambda x_NHWC: view(x_NHWC)[:, :, ::-1]


_CROSS = tuple(_shifted(down, across) for down, across in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)))
TTA: Mapping[str, tuple[View, ...]] = {
    "none": (_itself,),
    "flip": (_CROSS[0], _mirrored(_CROSS[0])),
    "shift": _CROSS,
    "flip_shift": tuple(turn(view) for view, turn in product(_CROSS, (lambda view: view, _mirrored))),
}
"""Name -> views: the image itself, mirrored, moved by one pixel up, down, left and right, or all ten."""


def check(tta: str) -> None:
    """Raise BadName for an unknown name."""
    if tta not in ("auto", *TTA):
        raise BadName("tta", tta, ["auto", *TTA])


def automatic(mirrors: bool) -> str:
    """Mirrored views where the training mirrored images, moved ones else (characters).

    Example:
        >>> automatic(True), automatic(False)
        ('flip', 'shift')
    """
    return "flip" if mirrors else "shift"


def views(x_NHWC: np.ndarray, tta: str) -> Iterator[np.ndarray]:
    """The views of some images, one after the other; borders are repeated.

    Args:
        x_NHWC: raw pixels.
        tta: a name of `TTA`.

    Raises:
        BadName: for another name.

    Example:
        >>> [view[0, 0, :, 0].tolist() for view in views(np.arange(3).reshape(1, 1, 3, 1), "flip")]
        [[0, 1, 2], [2, 1, 0]]
    """
    if tta not in TTA:
        raise BadName("tta", tta, TTA)
    for view in TTA[tta]:
        yield view(x_NHWC)
