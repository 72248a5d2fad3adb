"""Images that belong together by their names: one patient, one burst, one video."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from ...errors import BadInput
from ..images import Images


def grouped(images: Images, pattern: str) -> Images:
    """The set with a group for each image, taken from its name.

    Args:
        images: any set.
        pattern: a regular expression; what its first parentheses match (or all of it) is the group's name.
            Images whose names do not match are groups of their own.

    Returns:
        The same images; splits keep each group in one part, beside copies.

    Raises:
        BadInput: when the pattern is no regular expression, or matches no name.

    Example:
        >>> from convsmith.data.items import Rows
        >>> images = Images.listed(Rows([("p1", np.zeros((3, 4, 4), np.uint8))]), [0, 0, 1], "ab", source="x")
        >>> grouped(images, r"^(p\\d+)").group.tolist()
        [0, 0, 0]
    """
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise BadInput(
            "group", f"'{pattern}' is no regular expression: {error}", r"such as (patient\d+)"
        ) from None
    numbers: dict[str, int] = {}
    group = np.zeros(len(images.items), np.int64)
    matched = 0
    for i in range(len(group)):
        match = found.search(images.items.name(i))
        matched += match is not None
        name = f"={i}" if match is None else f"~{match[1] if found.groups else match[0]}"
        group[i] = numbers.setdefault(name, len(numbers))
    if not matched:
        raise BadInput(
            "group", f"'{pattern}' matches no name, such as '{images.items.name(0)}'", "a pattern that does"
        )
    return replace(images, group=group)
