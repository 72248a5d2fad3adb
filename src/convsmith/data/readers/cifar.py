"""CIFAR-10 and CIFAR-100 as their authors give them: binary or Python batches, in a folder or a tar file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import numpy as np

from ...errors import BadInput
from ..arrays import images_of
from ..decoding.decode import Unreadable
from ..files.plain_pickle import read_plain
from ..files.trees import Tree, tree_of
from ..images import Images
from ..split import TEST, TRAIN
from . import READERS, as_path

_BATCH = re.compile(r"^(data_batch_\d+|test_batch|train|test)(\.bin)?$")
_MAX = 1_000_000_000

Piece = tuple[str, np.ndarray, np.ndarray, int]


@READERS.register()
def cifar(source: object) -> Images | None:
    """Read CIFAR's batches; Python batches are pickles, and are read without unpickling.

    A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.

    Args:
        source: path of a folder, tar or zip with data_batch_1 ... test_batch (CIFAR-10) or train and test
            (CIFAR-100), as Python or as binary (.bin) batches.

    Returns:
        32x32 RGB images in the set's own parts, CIFAR-100 with its 100 fine classes; None for anything else.

    Raises:
        BadInput: for damaged batches.
    """
    path = as_path(source)
    tree = tree_of(path)
    if path is None or tree is None:
        return None
    names = {os.path.basename(name): name for name in tree.others()}
    batches = sorted(base for base in names if _BATCH.match(base))
    ten = any(base.startswith("data_batch_") for base in batches)
    meta = [
        base for base in names if base in ("batches.meta", "meta", "batches.meta.txt", "fine_label_names.txt")
    ]
    if not batches or not (ten or meta):
        return None
    if ten:
        batches = [base for base in batches if "batch" in base]
    pieces: list[Piece] = []
    for base in batches:
        where = os.path.join(path, names[base])
        read: Callable[[bytes, str, bool], tuple[np.ndarray, np.ndarray]]
        read = binary if base.endswith(".bin") else python
        x, y = read(_bytes(tree, names[base], where), where, ten)
        pieces.append((base, x, y, TEST if base.startswith("test") else TRAIN))
    pieces.sort(key=lambda piece: (piece[3], piece[0]))
    return images_of(pieces, source=path, reader="cifar", names=_names(tree, [names[base] for base in meta]))


def _bytes(tree: Tree, name: str, where: str) -> bytes:
    try:
        return tree.read(name, _MAX)
    except Unreadable as error:
        raise BadInput(where, str(error), "a readable file") from None


def _pixels(flat: np.ndarray) -> np.ndarray:
    """(N, 3072) red, green and blue planes as (N, 32, 32, 3)."""
    return flat.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def binary(data: bytes, where: str, ten: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels of a binary batch: a label byte (CIFAR-100: a coarse one before it), 3,072 pixels."""
    width = 3073 if ten else 3074
    if not data or len(data) % width:
        raise BadInput(where, f"{len(data):,} bytes", f"a multiple of {width:,}, one for each image")
    rows = np.frombuffer(data, np.uint8).reshape(-1, width)
    return _pixels(rows[:, -3072:]), rows[:, -3073].astype(np.int64)


def python(data: bytes, where: str, ten: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels of a Python batch."""
    found = read_plain(data, where)
    key = "labels" if ten else "fine_labels"
    if not isinstance(found, dict) or not {"data", key} <= set(found):
        raise BadInput(where, "no such dict", f"a dict with data and {key}")
    x, y = np.asarray(found["data"]), np.asarray(found[key])
    if x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != 3072 or y.shape != (len(x),):
        raise BadInput(where, f"data of shape {x.shape}, labels of shape {y.shape}", "(N, 3072) and (N,)")
    return _pixels(x), y.astype(np.int64)


def _names(tree: Tree, meta: list[str]) -> list[str] | None:
    """The names of the classes, where the set says them."""
    for name in sorted(meta):
        where = os.path.join(tree.path, name)
        data = _bytes(tree, name, where)
        if name.endswith(".txt"):
            return data.decode("utf-8", "replace").split()
        found = read_plain(data, where)
        for key in ("label_names", "fine_label_names"):
            if isinstance(found, dict) and isinstance(found.get(key), list):
                return [text.decode() if isinstance(text, bytes) else str(text) for text in found[key]]
    return None
