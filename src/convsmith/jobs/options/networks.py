"""Trained networks that an option names: what they may be is said before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import BadInput, BadName, meant, nearest_path


def check_pretrained(wanted: str, *more: str, endings: Sequence[str] = ()) -> None:
    """Refuse a pretrained network that does not exist.

    Args:
        wanted: what was given.
        more: further names.
        endings: of further files.
    """
    from ...pretrained.sources import SOURCES

    if not (Path(wanted).is_file() and Path(wanted).suffix in endings):
        _check("--pretrained", wanted, ("auto", "none", *more, *SOURCES))


def check_teacher(wanted: str, *names: str) -> None:
    """Refuse a teacher that does not exist."""
    _check("--teacher", wanted, ("none", *names))


def _check(flag: str, wanted: str, names: Sequence[str]) -> None:
    """See that this is one of the names, perhaps with a path, a run folder or a file of a network."""
    from ..inputs.trained import KINDS, is_known

    if is_known(wanted) or wanted.partition("=")[0] in names:
        return
    if "/" in wanted or "." in wanted or Path(wanted).exists():
        is_there = Path(wanted).exists()
        came = f"'{wanted}' is no trained network" if is_there else f"no file or folder '{wanted}'"
        raise BadInput(flag, came, KINDS, meant(None if is_there else nearest_path(wanted)))
    raise BadName(flag, wanted, names)
