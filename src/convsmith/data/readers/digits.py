"""Scikit-learn's handwritten digits: 1,797 real 8x8 images that need no download."""

from __future__ import annotations

import os

import numpy as np

from ..arrays import images_of
from ..images import Images
from ..split import TRAIN
from . import READERS, as_path


@READERS.register()
def digits(source: object) -> Images | None:
    """Read the digits that come with scikit-learn.

    The test set of E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits" (UCI, 1998): 43
    writers, 32x32 bitmaps summed in 4x4 blocks to values 0..16.

    Args:
        source: "digits".

    Returns:
        1,797 images of 8x8 pixels in 10 classes, 0..16 scaled to 0..255; None for any other source,
        and when there is a file or folder of that name.
    """
    if as_path(source) != "digits" or os.path.lexists("digits"):
        return None
    from sklearn.datasets import load_digits

    found = load_digits()
    x = np.asarray(found.images, np.uint8)
    return images_of([("digits", x, found.target, TRAIN)], source="digits", reader="digits", highest=16)
