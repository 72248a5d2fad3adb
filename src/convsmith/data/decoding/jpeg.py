"""JPEG pixels through libjpeg-turbo's own interface: faster than through Pillow, and damage is noticed.

Pillow drops the decoder's warnings, so that a file damaged in its middle passes for a sound one. Damage
that leaves a valid stream cannot be noticed by any decoder: JPEG has no checksum.
"""

from __future__ import annotations

import numpy as np

_SPACES = {"L": "GRAY", "RGB": "RGB"}


def jpeg_pixels(
    data: bytes, mode: str, size: tuple[int, int], enough: tuple[int, int] | None
) -> np.ndarray | None:
    """The pixels of a sound JPEG.

    Args:
        data: the file.
        mode: Pillow's mode of it; others than L and RGB are not decoded here.
        size: (width, height) of it.
        enough: (width, height) that is enough: decoded at 1/2, 1/4 or 1/8 of its size where that is no
            smaller.

    Returns:
        uint8 (height, width, 1 or 3); None where the decoder objects to anything.
    """
    import simplejpeg

    scale = 1
    if enough is not None:
        most = min(size[0] // enough[0], size[1] // enough[1])
        scale = next((step for step in (8, 4, 2) if most >= step), 1)
    try:
        return simplejpeg.decode_jpeg(
            data, _SPACES[mode], min_width=-(-size[0] // scale), min_height=-(-size[1] // scale)
        )
    except ValueError:
        return None


def sound(data: bytes, mode: str) -> bool:
    """Whether the decoder has nothing to object to in a JPEG that `jpeg_pixels` did not decode.

    Args:
        data: the file.
        mode: Pillow's mode of it; of the others, CMYK is looked at, at an eighth of its size.
    """
    import simplejpeg

    if mode != "CMYK":
        return False
    try:
        simplejpeg.decode_jpeg(data, "CMYK", min_width=1, min_height=1)
    except ValueError:
        return False
    return True
