"""Patches of an image, side by side (``keras.ops.image.extract_patches``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import window
from .kind import Shape, ShapeError, image, pair


@dataclass(frozen=True)
class Patches:
    """Which patches are taken.

    Args:
        size, strides, dilation: rows and columns.
        pads: zeros at the top, bottom, left and right.
    """

    size: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    pads: window.Pads


def patches(options: Mapping[str, Any], shape: Shape) -> Patches:
    """The patches of a call's settings.

    Raises:
        ShapeError: for volumes, or channels that are not last.
    """
    rows, columns, _ = image(shape, "extract_patches")
    given = options.get("size")
    if isinstance(given, list) and len(given) != 2:
        raise ShapeError(f"patches of the size {given}", "rows and columns")
    if options.get("data_format") not in (None, "channels_last"):
        raise ShapeError("patches of channels that come first", "channels_last")
    size = pair(given, "size")
    strides = size if options.get("strides") is None else pair(options["strides"], "strides")
    dilation = pair(options.get("dilation_rate") or 1, "dilation_rate")
    padding = str(options.get("padding", "valid")).lower()
    return Patches(size, strides, dilation, window.pads(rows, columns, size, strides, padding, dilation))


def shape(options: Mapping[str, Any], image_shape: Shape) -> Shape:
    """Rows and columns of patches, and the numbers of each.

    Example:
        >>> shape({"size": [4, 4]}, (32, 32, 3))
        (8, 8, 48)
    """
    found, (rows, columns, channels) = patches(options, image_shape), image(image_shape, "extract_patches")
    padding = str(options.get("padding", "valid")).lower()
    many = [
        window.length(n, f, s, padding, d)
        for n, f, s, d in zip((rows, columns), found.size, found.strides, found.dilation, strict=True)
    ]
    return (*many, found.size[0] * found.size[1] * channels)
