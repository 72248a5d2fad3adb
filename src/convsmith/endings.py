"""What the ending of a file's name promises: an output is written as its name says, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePath

from .errors import BadInput, nearest


def ending_of(path: str | os.PathLike[str], known: Iterable[str], where: str = "--output") -> str:
    """The ending of a file that will be written, in lower case, where it is one of those known.

    Args:
        path: the file's name.
        known: endings with their dots, such as ``(".onnx", ".keras")``.
        where: the option or argument, for the message.

    Raises:
        BadInput: for any other ending, or none.

    Example:
        >>> ending_of("Net.ONNX", (".onnx", ".keras"))
        '.onnx'
        >>> ending_of("net.kears", (".onnx", ".keras"), "path")
        Traceback (most recent call last):
        convsmith.errors.BadInput: path: 'net.kears' ends in .kears; expected .onnx or .keras; try: net.keras
    """
    endings, name = list(known), PurePath(path)
    found = name.suffix.lower()
    if found in endings and name.stem:
        return found
    near = nearest(found, endings) or endings[0]
    stem = name.stem if name.suffix else name.name
    came = f"'{os.fspath(path)}' ends in {name.suffix or 'nothing'}"
    raise BadInput(where, came, " or ".join(endings), str(name.with_name(f"{stem or 'out'}{near}")))
