"""Choosing the working size, and saying why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import BadInput
from ..units import counted
from .decoding.scan import noted
from .images import Images

LADDER = (8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512)


@dataclass(frozen=True)
class Resolution:
    """The size at which a network sees the images.

    Args:
        height: pixels.
        width: pixels.
        channels: 1 (grey) or 3 (RGB).
        why: one sentence.
    """

    height: int
    width: int
    channels: int
    why: str

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), as `Images.pixels` takes it."""
        return self.height, self.width


def resolution(images: Images, *, most: int = 96) -> Resolution:
    """Pick the working height, width and channels of a set.

    Args:
        images: an examined set.
        most: longest side in pixels; larger images cost time and memory with the square of it.

    Returns:
        The images' own size when they share one that is no longer than `most`; their shape scaled down
        when they share a larger one; else a square no larger than the median image.

    Example:
        >>> from convsmith.data import read
        >>> resolution(read("digits")).why
        'all images are 8x8 pixels (width x height); grey, because no image has colour'
    """
    if most < LADDER[0]:
        raise BadInput("most", f"got {most}", f"{LADDER[0]} pixels or more", "96")
    seen = images.seen
    if not len(seen):
        raise BadInput(images.source, "no images", "at least one")
    coloured = int(((seen["channels"] == 3) & ~noted(seen, "grey")).sum())
    channels = 3 if coloured else 1
    if not coloured:
        colour = "grey, because no image has colour"
    elif coloured == len(seen):
        colour = "colour, because all images have it"
    else:
        colour = f"colour, because {coloured:,} of {counted(len(seen), 'image')} have it"
    heights, widths = seen["height"].astype(int), seen["width"].astype(int)
    height, width = int(heights[0]), int(widths[0])
    if (heights == height).all() and (widths == width).all():
        if max(height, width) <= most:
            return Resolution(
                height, width, channels, f"all images are {width}x{height} pixels (width x height); {colour}"
            )
        scale = most / max(height, width)
        small = [max(LADDER[0], 4 * round(side * scale / 4)) for side in (height, width)]
        why = f"all images are {width}x{height} pixels (width x height), scaled down to {most}"
        return Resolution(small[0], small[1], channels, f"{why}; {colour}")
    middle = int(np.median(np.minimum(heights, widths)))
    side = max(step for step in LADDER if step <= max(LADDER[0], min(middle, most)))
    limit = f"the limit of {most}" if most < middle else "that"
    why = f"the images differ in size, the median of their short sides is {middle} pixels"
    return Resolution(side, side, channels, f"{why}, and {side} is the largest step within {limit}; {colour}")
