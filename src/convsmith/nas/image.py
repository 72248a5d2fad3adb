"""The beginning of a space's networks: raw pixels in, at a resolution and with colours that may be choices.

A network keeps the input shape of the images that it is given. One that works at a lower resolution resizes
them in its first layer, and one without colours takes the mean of the channels there: training, budgets,
latency and the exported file then hold the real cost, and whoever uses the network gives it the same images.
"""

from __future__ import annotations

from typing import Any

from convsmith.graph import notation as keras

from .choose import Choose

FEWEST_PIXELS = 12
_SHARES = (0.5, 0.625, 0.75, 0.875, 1.0)
_STEP = 4


def image(
    choose: Choose, input_shape: tuple[int, int, int], *, resolution: bool = False, colours: bool = False
) -> tuple[Any, Any, tuple[int, int, int]]:
    """The input, and its pixels brought from 0..255 to -1..1.

    Args:
        choose: answers "resolution" and "colours".
        input_shape: rows, columns, channels of the images.
        resolution: whether the resolution is a choice: the smaller side, from the images' own down to half.
        colours: whether it is a choice to take the mean of the three colours.

    Returns:
        The input, the scaled pixels, and their rows, columns and channels.

    Example:
        >>> inputs, x, shape = image(lambda name, options: options[0], (64, 96, 3), resolution=True)
        >>> shape
        (32, 48, 3)
    """
    rows, columns, channels = input_shape
    x = inputs = keras.Input(input_shape)
    if resolution and len(sides := resolutions(min(rows, columns))) > 1:
        side = choose("resolution", sides)
        if side != min(rows, columns):
            rows, columns = (round(size * side / min(input_shape[:2])) for size in (rows, columns))
            x = keras.layers.Resizing(rows, columns)(x)
    if colours and channels == 3 and choose("colours", (True, False)) is False:
        x = keras.ops.mean(x, axis=-1, keepdims=True)
        channels = 1
    return inputs, keras.layers.Rescaling(1 / 127.5, offset=-1)(x), (rows, columns, channels)


def resolutions(side: int) -> tuple[int, ...]:
    """Sides to choose among: the images' own, and down to half of it.

    Example:
        >>> resolutions(64), resolutions(28), resolutions(8)
        ((32, 40, 48, 56, 64), (16, 20, 24, 28), (8,))
    """
    lower = {round(side * share / _STEP) * _STEP for share in _SHARES}
    return tuple(sorted({one for one in lower if FEWEST_PIXELS <= one < side} | {side}))
