"""The ways in which published tables write a shape."""

from __future__ import annotations

import math
import re

from ...units import counted
from .table_in import Head, Published


def another_way(came: tuple[int, ...], right: tuple[int, ...], batch: int | None) -> str:
    """The convention by which a shape is right though it is written otherwise; empty for none."""
    if len(right) == 3:
        if came == (right[2], *right[:2]):
            return "channels first, as PyTorch has them"
        if came == right[:2]:
            return "rows and columns without the channels"
        if len(came) == 1 and right[0] == right[1] and came[0] == right[0]:
            return "one side of a square image"
        if came == (math.prod(right),):
            return "the number of activations, not their shape"
    if batch is not None and came == (batch, *right):
        return f"with the batch of {counted(batch, 'image')}"
    return ""


def batch_of(table: Published, head: Head) -> int | None:
    """The size that begins every shape of more than two in the column: a batch."""
    firsts = {
        int(sizes[0])
        for place in range(len(table.labels))
        if len(sizes := re.findall(r"\d+", table.cell(place, head))) == 4
    }
    return firsts.pop() if len(firsts) == 1 else None
