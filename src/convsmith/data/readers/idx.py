"""IDX, the format of MNIST's own files: train-images-idx3-ubyte and its like, gzipped or not."""

from __future__ import annotations

import os
import re

import numpy as np

from ...errors import BadInput
from ..arrays import images_of
from ..decoding.decode import Unreadable
from ..files.trees import Folder, Tree, tree_of
from ..files.unpack import gunzipped
from ..images import Images
from ..split import TEST, TRAIN, VALIDATION
from . import READERS, as_path

_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_IMAGES = re.compile(r"^(?P<part>.*?)[-_.]?images?[-_.]?(idx3)?[-_.]?(ubyte)?(\.gz)?$")
MAX_BYTES = 8_000_000_000


@READERS.register()
def idx(source: object) -> Images | None:
    """Read IDX files.

    Args:
        source: a folder, zip or tar with ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte`` (and
            t10k-, test-, val-), each perhaps ending in .gz; or the path of one file of images.

    Returns:
        The images, in the files' own parts; None when there are no such files.

    Raises:
        BadInput: for damaged files, or images without labels.
    """
    path = as_path(source)
    if path is None:
        return None
    name = os.path.basename(path)
    alone = os.path.isfile(path) and "idx" in name and _IMAGES.match(name) is not None
    tree = Folder(os.path.dirname(path) or ".") if alone else tree_of(path)
    if tree is None:
        return None
    names = [other for other in tree.others() if "idx" in other or "ubyte" in other]
    images = [name] if alone else [other for other in names if _IMAGES.match(os.path.basename(other))]
    pieces = []
    for found in images:
        x = array(tree, found)
        y = array(tree, _labels_for(found, names, path))
        pieces.append((os.path.basename(found), x, y, TRAIN if alone else _part(found)))
    if not pieces:
        return None
    if len(pieces) == 1:
        pieces = [(*pieces[0][:3], TRAIN)]
    return images_of(sorted(pieces, key=lambda piece: piece[3]), source=path, reader="idx")


def _part(name: str) -> int:
    stem = os.path.basename(name).lower()
    return TEST if stem.startswith(("t10k", "test")) else VALIDATION if stem.startswith("val") else TRAIN


def _labels_for(images: str, names: list[str], path: str) -> str:
    stem = os.path.basename(images)
    wanted = stem.replace("images", "labels").replace("image", "label").replace("idx3", "idx1")
    for name in (wanted, wanted.removesuffix(".gz"), f"{wanted}.gz"):
        found = next((other for other in names if os.path.basename(other) == name), None)
        if found is not None:
            return found
    raise BadInput(path, f"{stem}, but no {wanted}", "the labels beside the images")


def array(tree: Tree, name: str) -> np.ndarray:
    """One IDX file as an array.

    Raises:
        BadInput: when it is damaged, or the sizes in its header do not agree with its length.
    """
    where = os.path.join(tree.path, name)
    try:
        data = gunzipped(tree.read(name, MAX_BYTES), where, MAX_BYTES)
    except Unreadable as error:
        raise BadInput(where, str(error), "a readable file") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES or data[3] > 8:
        raise BadInput(where, "is no IDX file", "one that starts with 0, 0, a type and the number of axes")
    kind, start = np.dtype(_TYPES[data[2]]), 4 + 4 * data[3]
    if len(data) < start:
        raise BadInput(where, f"ends after {len(data)} bytes", "a whole file")
    shape = tuple(int(side) for side in np.frombuffer(data, ">u4", data[3], 4))
    wanted = kind.itemsize
    for side in shape:
        wanted *= side
    if len(data) != start + wanted:
        raise BadInput(where, f"{len(data):,} bytes for a shape of {shape}", f"{start + wanted:,} bytes")
    return np.frombuffer(data, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="), copy=False)
