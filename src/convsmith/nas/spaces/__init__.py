"""Spaces of networks, one in each file: a function of `choose`, the input shape and the classes."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

from convsmith.errors import BadInput
from convsmith.registry import Registry

from ..choose import Space, SpaceFunction

SPACES: Registry[SpaceFunction] = Registry("space", package="convsmith.nas.spaces", group="convsmith.spaces")


def space(name: str | SpaceFunction, input_shape: Sequence[int], classes: int) -> Space:
    """The space of that name, or a function of your own, for these images.

    Args:
        name: e.g. ``"stages"``; `SPACES` lists them; ``"mine.py:my_space"`` for a function in a file of your
            own, which is run; or the function ``(choose, input_shape, classes)`` itself.
        input_shape: rows, columns, channels.
        classes: how many classes.

    Raises:
        BadName: for an unknown name, with the nearest one.
        BadInput: for a file that cannot be read or run.

    Example:
        >>> space("stages", (28, 28, 1), 10)
        Space('stages', (28, 28, 1), 10 classes)
    """
    function = space_function(name) if isinstance(name, str) else name
    return Space(function, input_shape, classes, name=name if isinstance(name, str) else None)


def space_function(name: str) -> SpaceFunction:
    """The function behind a name: one of `SPACES`, or ``file.py:function``, whose file is then run.

    Raises:
        BadInput, BadName: as `space`.
    """
    return SPACES.find(name)


def name_of(function: str | SpaceFunction) -> str:
    """The name under which a space is found again: a registered one, or ``file.py:function``.

    Raises:
        BadInput: a function that is in no file, or inside another function.
    """
    if isinstance(function, str):
        return function
    for name, known in SPACES.items():
        if known is function:
            return name
    title = getattr(function, "__qualname__", "")
    try:
        path = inspect.getsourcefile(function)
    except TypeError:
        path = None
    if not title.isidentifier() or path is None or not Path(path).is_file():
        came = f"{title or function!r} is not a function of a file"
        raise BadInput(
            "space", came, "a function that a file defines, so that a run can go on", "mine.py:my_space"
        )
    return f"{path}:{title}"


__all__ = ["SPACES", "name_of", "space", "space_function"]
