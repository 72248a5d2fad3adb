"""A space in which some questions have one answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..choose import Answers, Choose, Space
from ..space.options import index_of, is_number, is_ordered


def pinned(space: Space, answers: Answers) -> Space:
    """The same space, but these questions have a single option: the answer, or the option nearest to it.

    Args:
        space: where the questions are asked.
        answers: to some of them; those that are never asked do not count.

    Example:
        >>> from convsmith.nas.spaces import space
        >>> found = pinned(space("darts", (8, 8, 1), 3), {"cells": 7, "filters": 16})
        >>> found.complete({})["cells"], found.complete({})["filters"]
        (6, 16)
    """

    def function(choose: Choose, input_shape: tuple[int, int, int], classes: int) -> Any:
        def one(name: str, options: Iterable[Any]) -> Any:
            known = tuple(options)
            if name in answers:
                index = index_of(answers[name], known)
                if index is None and is_ordered(known) and is_number(answers[name]):
                    index = min(range(len(known)), key=lambda at: abs(known[at] - answers[name]))
                known = (known[index],) if index is not None else known
            return choose(name, known)

        return space.function(one, input_shape, classes)

    return Space(function, space.input_shape, space.classes, name=space.name)
