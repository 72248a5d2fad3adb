"""Results into files, the form by the file's ending."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from ..endings import ending_of
from ..errors import BadInput

FORMS = {
    ".txt": "text", ".csv": "csv", ".md": "markdown", ".tex": "latex", ".html": "html", ".json": "json",
    ".svg": "svg", ".png": "png",
}  # fmt: skip


class Rendered(Protocol):
    """Anything that can be had in several forms."""

    def render(self, form: str) -> str | bytes:
        """The result in one form."""


def check_ending(path: Path, result: type) -> str:
    """The form that a path's ending names, where results of this type have it; before any work.

    Raises:
        BadInput: for another ending.
    """
    had = [ending for ending, name in FORMS.items() if name == "json" or hasattr(result, name)]
    return FORMS[ending_of(path, had)]


def save(result: Rendered, path: Path) -> None:
    """Write a result whole, in the form that the path's ending names.

    Raises:
        BadInput: for an ending that the result has no form for, or a place that cannot be written.
    """
    content = result.render(check_ending(path, type(result)))
    data = content.encode() if isinstance(content, str) else content
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.write_bytes(data)
        os.replace(half, path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise BadInput(str(path), f"cannot be written ({error.strerror})", "a folder that can be") from None
