"""NumPy's .npy files: x.npy and y.npy, or x_train.npy, y_train.npy, x_test.npy, y_test.npy."""

from __future__ import annotations

import os

import numpy as np

from ...errors import BadInput
from ..arrays import images_of, pairs_of
from ..files.npy import header
from ..images import Images
from . import READERS, as_path


@READERS.register()
def npy(source: object) -> Images | None:
    """Read .npy files; they are mapped, not loaded, so that they may be larger than memory.

    Args:
        source: path of a folder with such files, or of x.npy, whose labels are then in y.npy (or
            x_labels.npy) beside it.

    Returns:
        The images, in the files' own parts; None when there are no such files.

    Raises:
        BadInput: for arrays of Python objects, shapes that are no images, images without labels.
    """
    path = as_path(source)
    if path is None:
        return None
    if os.path.isdir(path):
        files = {
            name[:-4]: os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".npy")
        }
        pairs = pairs_of(files)
        if not pairs:
            return None
        pieces = [(x, mapped(files[x]), mapped(files[y]), part) for x, y, part in pairs]
        return images_of(pieces, source=path, reader="npy")
    if not path.lower().endswith(".npy") or not os.path.isfile(path):
        return None
    stem = path[:-4]
    folder, base = os.path.split(stem)
    named = [
        f"{stem}_labels",
        os.path.join(folder, base.replace("x", "y", 1)),
        os.path.join(folder, "labels"),
    ]
    labels = next((f"{name}.npy" for name in named if name != stem and os.path.isfile(f"{name}.npy")), None)
    if labels is None:
        wanted = ", ".join(f"{os.path.basename(name)}.npy" for name in named)
        raise BadInput(path, "no labels beside it", wanted, "an .npz file with x and y")
    return images_of([(base, mapped(path), mapped(labels), 0)], source=path, reader="npy")


def mapped(path: str) -> np.ndarray:
    """An .npy file as a read-only map of the file."""
    try:
        with open(path, "rb") as file:
            shape, fortran, dtype = header(file, os.path.getsize(path), path)
            start = file.tell()
        if 0 in shape:
            return np.zeros(shape, dtype)
        return np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C")
    except (OSError, ValueError) as error:
        raise BadInput(path, f"cannot be read as .npy: {error}", "a file made by numpy.save") from None
