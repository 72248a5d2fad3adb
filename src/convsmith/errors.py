"""Errors that a person can act on: where, what came, what was expected, what to try."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ConvsmithError(Exception):
    """Base of every error that convsmith raises on purpose; its text is one clear line."""


class BadInput(ConvsmithError):
    """Something that the user gave cannot be used.

    Args:
        where: the file, option, layer or argument, e.g. ``"--max-params"``.
        came: what was found there.
        expected: what would have been right.
        hint: what to try next.

    Example:
        >>> print(BadInput("--seed", "got 'x'", "a whole number", "--seed 0"))
        --seed: got 'x'; expected a whole number; try: --seed 0
    """

    def __init__(self, where: str, came: str, expected: str = "", hint: str = "") -> None:
        # A file can hold a name of megabytes; a message stays one line that a person reads.
        where, came = (text if len(text) <= 600 else f"{text[:600]}…" for text in (where, came))
        self.where, self.came, self.expected, self.hint = where, came, expected, hint
        text = f"{where}: {came}"
        if expected:
            text += f"; expected {expected}"
        if hint:
            text += f"; try: {hint}"
        super().__init__(" ".join(text.split()))


class BadName(BadInput):
    """A name that is not among the known ones; says the nearest known name.

    Example:
        >>> print(BadName("network", "lenet", ["lenet5", "resnet20"]))
        network: no 'lenet'; did you mean 'lenet5'?; known: lenet5, resnet20
    """

    def __init__(self, where: str, name: object, known: Iterable[str]) -> None:
        names = sorted(known)
        near = nearest(str(name), names)
        text = f"no '{name}'" + (f"; did you mean '{near}'?" if near else "")
        listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        super().__init__(where, f"{text}; known: {listed or 'none'}")


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice most like `name`, or None when none is near.

    Example:
        >>> nearest("evolutoin", ["random", "evolution"])
        'evolution'
    """
    lowered = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
    return lowered[found[0]] if found else None
