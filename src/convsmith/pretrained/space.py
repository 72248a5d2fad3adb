"""The space of a pretrained network's members: resolution, end, channels of each block, head.

Answers are numbers where they can be, so that repair halves the way and mutation tries neighbours. The layers
keep the source's names: a member's Graph alone says which weights it takes (`inherit`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..graph import Graph
from .groups import inner
from .members import member

if TYPE_CHECKING:
    from .source import Source

NAME = "pretrained"
SIDES = (16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224)
"""Pixels of the longer side that a member may work at."""
SMALL, ENLARGED = 96, 4
"""Images with a longer side below so many pixels may be made larger inside, so many times at most."""
SHARES = (0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
"""Of a block's inner channels, that may stay."""
HIDDEN = (0, 16, 32, 64, 128, 256)
"""Units of a hidden layer before the classes; 0 is a linear head."""


def members_of(source: Source) -> Callable[..., Graph]:
    """Members of a pretrained network, with resolution, end, channels of each block and head to choose.

    They begin with its weights.

    Args:
        source: the pretrained network.

    Returns:
        A space: ``(choose, input_shape, classes) -> network``.

    Example:
        >>> from convsmith.pretrained.package import without_weights
        >>> lite0 = members_of(without_weights("efficientnet_lite0"))
        >>> answers = {"side": 64, "blocks": 4, "keep_block2_expand": 0.5, "keep_block3_expand": 1.0,
        ...            "hidden": 0}
        >>> lite0(lambda name, options: answers.get(name, 1.0), (96, 96, 3), 10).output_shape
        (10,)
    """

    def pretrained(
        choose: Callable[[str, Iterable[Any]], Any], input_shape: tuple[int, int, int], classes: int
    ) -> Graph:
        side = choose("side", sides(source, input_shape))
        rows, columns = _scaled(input_shape, side)
        ends = _ends(source, (rows, columns, input_shape[2]))
        end = ends[choose("blocks", range(1, len(ends) + 1)) - 1]
        keep = {name: choose(f"keep_{name}", SHARES) for name in _groups(source, end)}
        hidden = choose("hidden", HIDDEN)
        return member(source, end, input_shape, classes, sides=(rows, columns), keep=keep, hidden=hidden)

    pretrained.__name__ = NAME
    return pretrained


def sides(source: Source, input_shape: tuple[int, int, int]) -> tuple[int, ...]:
    """Pixels of the longer side that members may work at, for images of this shape.

    Never more than the images have, but for small ones, which are made larger.

    Raises:
        BadInput: where the source takes images of none of these.
    """
    own, channels = max(input_shape[:2]), input_shape[2]
    most = own if own >= SMALL else min(SIDES[-1], ENLARGED * own)
    tried = sorted({side for side in SIDES if side <= most} | {own})
    found = tuple(side for side in tried if _ends(source, (*_scaled(input_shape, side), channels)))
    if not found:
        source.trunk(input_shape, source.cuts[0].name)  # says why
    return found


def _scaled(input_shape: tuple[int, int, int], side: int) -> tuple[int, int]:
    rows, columns, _ = input_shape
    if side == max(rows, columns):
        return rows, columns
    scale = side / max(rows, columns)
    return max(8, round(rows * scale)), max(8, round(columns * scale))


@functools.lru_cache(maxsize=256)
def _ends(source: Source, shape: tuple[int, int, int]) -> tuple[str, ...]:
    """The cuts that a source can be built up to at a size: all, or those before the image is used up."""
    names = tuple(cut.name for cut in source.cuts)
    if _can_be_built(source, shape, names[-1]):
        return names
    return tuple(name for name in names if _can_be_built(source, shape, name))


def _can_be_built(source: Source, shape: tuple[int, int, int], end: str) -> bool:
    try:
        source.trunk(shape, end)
    except BadInput:
        return False
    return True


@functools.lru_cache(maxsize=256)
def _groups(source: Source, end: str) -> tuple[str, ...]:
    return tuple(group.first for group in inner(source.trunk(None, end)))
