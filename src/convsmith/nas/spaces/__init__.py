"""Spaces of networks, one in each file: a function of `choose`, the input shape and the classes."""

from __future__ import annotations

from collections.abc import Sequence

from convsmith.registry import Registry

from ..choose import Space, SpaceFunction

SPACES: Registry[SpaceFunction] = Registry("space", package="convsmith.nas.spaces")


def space(name: str | SpaceFunction, input_shape: Sequence[int], classes: int) -> Space:
    """The space of that name, or a function of your own, for these images.

    Args:
        name: e.g. ``"stages"``; `SPACES` lists them; or a function ``(choose, input_shape, classes)``.
        input_shape: rows, columns, channels.
        classes: how many classes.

    Raises:
        BadName: for an unknown name, with the nearest one.

    Example:
        >>> space("stages", (28, 28, 1), 10)
        Space('stages', (28, 28, 1), 10 classes)
    """
    function = SPACES[name] if isinstance(name, str) else name
    return Space(function, input_shape, classes, name=name if isinstance(name, str) else None)


__all__ = ["SPACES", "space"]
