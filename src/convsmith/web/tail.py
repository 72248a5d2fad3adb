"""Files that grow, handed out by whole lines from a place in bytes: a page asks for what it lacks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..strict_json import parse

PIECE = 262_144
"""Bytes at once, at most."""


def tail(path: Path, start: int) -> dict[str, Any]:
    """The whole lines of a file from a byte on.

    Args:
        path: the file; one that is not there is empty.
        start: a place that an earlier answer named, or 0. Beyond the end the file was replaced: it is read
            from its beginning, and `reset` says so.

    Returns:
        ``lines`` (text), ``next`` (where to go on), ``more`` (whether to ask again at once), ``reset``.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a.jsonl"
        >>> _ = file.write_text("one\\ntwo\\nth")
        >>> tail(file, 4)
        {'lines': ['two'], 'next': 8, 'more': False, 'reset': False}
    """
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            reset = start > size
            start = 0 if reset else start
            file.seek(start)
            piece = file.read(PIECE)
    except OSError:
        return {"lines": [], "next": 0, "more": False, "reset": start > 0}
    end = piece.rfind(b"\n") + 1
    if not end and len(piece) == PIECE:  # a line without an end is nothing that we wrote
        return {"lines": [], "next": start + len(piece), "more": True, "reset": reset}
    lines = piece[:end].decode("utf-8", "replace").splitlines()
    return {"lines": lines, "next": start + end, "more": start + len(piece) < size, "reset": reset}


def records(path: Path, start: int) -> dict[str, Any]:
    """The same of a .jsonl file: each line as an object; ``bad`` counts those that are none."""
    found = tail(path, start)
    lines, bad = [], 0
    for line in found["lines"]:
        try:
            value = parse(line, path.name)
        except BadInput:
            value = None
        if isinstance(value, dict):
            lines.append(value)
        else:
            bad += 1
    return {**found, "lines": lines, "bad": bad}
