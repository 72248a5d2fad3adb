"""The options of a choice: what they may be, and finding an answer among them again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Set
from typing import Any

from convsmith.errors import BadInput

Options = tuple[Any, ...]


class SpaceError(BadInput):
    """A space function does what it must not: raises, asks wrongly, or is not deterministic."""


def index_of(answer: Any, options: Options) -> int | None:
    """Where an answer, perhaps read from JSON, is among the options; None when it is not."""
    wanted = _same(_frozen(answer))
    return next((index for index, option in enumerate(options) if _same(option) == wanted), None)


def is_ordered(options: Options) -> bool:
    """Whether the options are all numbers, so that smaller and larger mean something."""
    return all(is_number(option) for option in options)


def is_number(value: Any) -> bool:
    """Whether it is an int or a float; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(value: Any) -> tuple[bool, Any]:
    return isinstance(value, bool), value  # True == 1 in Python, not in JSON


def checked_options(space: str, name: object, options: object) -> Options:
    """The options as a tuple; raises SpaceError where JSON could not keep an answer, or there is none."""
    where = f"space '{space}', choice '{name}'"
    hint = 'choose("width", (16, 32, 64))'
    if not isinstance(name, str) or not name:
        raise SpaceError(where, f"the name is {name!r}", "a name", hint)
    if isinstance(options, str | dict) or not isinstance(options, Iterable):
        raise SpaceError(where, f"options are {options!r}", "a sequence of options", hint)
    if isinstance(options, Set):
        raise SpaceError(where, "options are a set, whose order differs from run to run", "a sequence", hint)
    checked = tuple(options)
    if not checked:
        raise SpaceError(where, "has no options", "at least one", hint)
    for option in checked:
        if not _is_plain(option):
            came = f"option {option!r} is a {type(option).__name__}"
            raise SpaceError(
                where, came, "text, a finite number, True, False, None, or a tuple of these", hint
            )
    if len({_same(option) for option in checked}) < len(checked):
        raise SpaceError(where, f"an option is there twice in {checked}", "different options", hint)
    return checked


def _is_plain(option: Any) -> bool:
    if isinstance(option, tuple):
        return all(_is_plain(item) for item in option)
    if isinstance(option, float):
        return math.isfinite(option)
    return option is None or isinstance(option, str | int | bool)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


def thawed(value: Any) -> Any:
    """An option as JSON gives it back: tuples become lists."""
    return [thawed(item) for item in value] if isinstance(value, tuple) else value
