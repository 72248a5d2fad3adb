"""NumPy's .npz: arrays x and y, or x_train, y_train, x_test, y_test."""

from __future__ import annotations

import os

import numpy as np

from ...errors import BadInput
from ..arrays import images_of, pairs_of
from ..files.npy import members
from ..images import Images
from . import READERS, as_path

_CLASSES = ("classes", "class_names", "label_names", "target_names")


@READERS.register()
def npz(source: object) -> Images | None:
    """Read an .npz file of images and labels.

    Args:
        source: path of the file. Images are (N, H, W) or (N, H, W, C), labels (N,), (N, 1) or one-hot; the
            keys are x and y, or x_train, y_train and x_test, y_test (also x_val, y_val; and the keys of
            MedMNIST); an array ``classes`` may name the classes.

    Returns:
        The images, in the file's own parts; None when `source` is no .npz file.

    Raises:
        BadInput: for other keys or shapes, arrays of Python objects, absurd sizes, a damaged file.
    """
    path = as_path(source)
    if path is None or not path.lower().endswith(".npz") or not os.path.isfile(path):
        return None
    arrays = members(path)
    pairs = pairs_of(arrays)
    if not pairs:
        raise BadInput(
            path, f"holds the arrays {', '.join(sorted(arrays)) or 'none'}",
            "x and y, or x_train, y_train, x_test, y_test", "numpy.savez(path, x=images, y=labels)",
        )  # fmt: skip
    names = next((arrays[key]() for key in _CLASSES if key in arrays), None)
    return images_of(
        [(x, arrays[x](), arrays[y](), part) for x, y, part in pairs],
        source=path, reader="npz", names=None if names is None else [str(name) for name in np.ravel(names)],
    )  # fmt: skip
