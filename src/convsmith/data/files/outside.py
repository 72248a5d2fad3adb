"""Which paths of a table lie outside the folder that was named."""

from __future__ import annotations

import os
from collections.abc import Iterable


def outside(root: str, paths: Iterable[str]) -> list[str]:
    """The paths that do not lie below a folder once links are followed.

    Args:
        root: the folder.
        paths: relative to it, or absolute.

    Example:
        >>> outside("/tmp", ["a/1.png", "a/../2.png", "../etc/passwd", "/tmp/3.png", "/etc/passwd"])
        ['../etc/passwd', '/etc/passwd']
    """
    real = os.path.realpath(root)
    folders: dict[str, str] = {}
    found = []
    for path in paths:
        above, name = os.path.split(os.path.join(root, path))
        if "\0" in path:  # no file has such a name, here or elsewhere
            continue
        if above not in folders:
            folders[above] = os.path.realpath(above)
        target = os.path.join(folders[above], name)
        if name in ("", ".", "..") or os.path.islink(target):
            target = os.path.realpath(target)
        if target != real and not target.startswith(real.rstrip(os.sep) + os.sep):
            found.append(path)
    return found
