"""Errors that a person can act on: where, what came, what was expected, what to try."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from itertools import islice


class ConvsmithError(Exception):
    """Base of every error that convsmith raises on purpose; its text is one clear line."""


class ConvsmithWarning(UserWarning):
    """What a person should know and may go on with; its text is one clear line."""


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
        where, came, expected, hint = (
            text if len(text) <= 600 else f"{text[:600]}…" for text in (where, came, expected, hint)
        )
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
        name = str(name) if len(str(name)) <= 200 else f"{str(name)[:200]}…"
        near = near if near is None or len(near) <= 200 else None
        text = f"no '{name}'" + (f"; did you mean '{near}'?" if near else "")
        listed = ", ".join(each if len(each) <= 60 else f"{each[:60]}…" for each in names[:12]) + (
            f" and {len(names) - 12} more" if len(names) > 12 else ""
        )
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


MOST_NEIGHBOURS = 10_000
"""Names that are looked through for one that is like a misspelt one."""


def nearest_path(path: str | os.PathLike[str]) -> str | None:
    """What lies beside a path that does not exist and is named most like it, or None.

    Where a folder on the way is misspelt already, that one's neighbour.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> home = Path(tempfile.mkdtemp())
        >>> (home / "photos" / "cats").mkdir(parents=True)
        >>> nearest_path(home / "fotos") == nearest_path(home / "phots" / "cats") == str(home / "photos")
        True
    """
    wanted = os.fspath(path).rstrip("/")
    while wanted and not os.path.isdir(os.path.dirname(wanted) or "."):
        wanted = os.path.dirname(wanted)
    parent, name = os.path.split(wanted)
    try:
        with os.scandir(parent or ".") as entries:
            names = [entry.name for entry in islice(entries, MOST_NEIGHBOURS) if entry.name[0] != "."]
    except (OSError, ValueError):
        return None
    near = nearest(name, sorted(names)) if name else None
    return None if near is None else os.path.join(parent, near)


def meant(near: str | None, otherwise: str = "") -> str:
    """The hint that a near name makes; another one where there is none.

    Example:
        >>> meant("photos"), meant(None, "convsmith list runs")
        ("did you mean 'photos'?", 'convsmith list runs')
    """
    return otherwise if near is None else f"did you mean '{near}'?"
