"""Why nothing was read: one true sentence about what was named."""

from __future__ import annotations

import os

from ..errors import BadInput, meant, nearest, nearest_path
from .files.sniff import FORMATS, sniff, why_unknown
from .files.trees import tree_of
from .readers import as_path
from .readers.folder import why_not

NAMED = ("digits", "mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100")
"""Sets that are read by their name."""

_KINDS = f"a folder, zip or tar of images per class, a table, an .npz file, or one of {', '.join(NAMED)}"
_PACKED = {b"Rar!": "a RAR archive", b"7z\xbc\xaf": "a 7z archive", b"\x28\xb5\x2f\xfd": "Zstandard data"}


def check_there(data: object) -> None:
    """Say a misspelt file, folder or name before any work.

    Raises:
        BadInput: a path where nothing is, which no set is called by either; with the nearest name.
    """
    path = as_path(data)
    if path is not None and path not in NAMED and not os.path.lexists(path):
        raise refusal(data, None)


def refusal(data: object, reader: str | None, *, outside: bool = False) -> BadInput:
    """Why no reader took the data.

    Args:
        data: what the user named.
        reader: the one reader that was asked; None for all.
        outside: whether links out of folders were to be followed.

    Raises:
        BadInput: for a folder that cannot be listed.
    """
    path = as_path(data)
    if path is None:
        return BadInput("images", f"an object of type {type(data).__name__}", "a path or the name of a set")
    if reader:
        return BadInput(path, f"is nothing that the reader '{reader}' reads", "another reader, or none named")
    if not os.path.lexists(path):
        near = nearest(path, NAMED) or nearest_path(path)
        return BadInput(path, "no such file, folder or set", _KINDS, meant(near))
    if os.path.isdir(path) and not os.listdir(path):
        return BadInput(path, "the folder is empty", "a folder of images for each class", f"{path}/cat/1.jpg")
    tree = tree_of(path, outside=outside)
    if tree is not None:
        return BadInput(path, *why_not(tree))
    return BadInput(path, f"a file of no kind that is read here{_content(path)}", _KINDS)


def _content(path: str) -> str:
    """What a file is instead, where its first bytes tell."""
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except (OSError, ValueError) as error:
        return f" ({getattr(error, 'strerror', None) or error})"
    packed = next((words for magic, words in _PACKED.items() if head.startswith(magic)), None)
    if packed:
        return f" ({packed}: unpack it)"
    if sniff(head) in FORMATS:
        return " (one image, without a label)"
    return f" ({why_unknown(head)})" if head else " (it is empty)"
