"""Photographs without labels, in whatever form they are given: files, folders, archives, pictures, arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadInput, meant, nearest_path
from .decoding.decode import Unreadable
from .decoding.eight_bits import ORIENTATIONS, eight_bits
from .files.listing import Walked
from .files.trees import tree_of
from .images import Images
from .items import Files, Items, Rows, shown
from .read import listing
from .refusal import NAMED

TABLES = (".npz", ".npy", ".csv", ".tsv", ".jsonl", ".parquet")
"""Endings of files that hold or list many images; a reader opens them."""


class Pictures:
    """Pillow images and arrays, one after the other.

    Args:
        pictures: ``PIL.Image.Image`` of any mode, or uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).
        start: number of the first one, for the names.
    """

    def __init__(self, pictures: Sequence[Any], start: int = 0) -> None:
        self._pictures, self._start = pictures, start
        for i, picture in enumerate(pictures):
            if isinstance(picture, np.ndarray):
                _check_array(picture, self.name(i))

    def __len__(self) -> int:
        return len(self._pictures)

    def name(self, i: int) -> str:
        return f"image[{self._start + i}]"

    def raw(self, i: int) -> np.ndarray:
        picture = self._pictures[i]
        if isinstance(picture, np.ndarray):
            rows = Rows([("", picture[None])])
            return rows.raw(0)
        try:
            found = int(picture.getexif().get(274, 1))
        except Exception:  # a damaged EXIF block must not lose the picture
            found = 1
        try:
            return eight_bits(picture, found if found in ORIENTATIONS else 1)[0]
        except Exception as error:  # Pillow opens files late, and decoders raise anything
            raise Unreadable(f"damaged: {' '.join(str(error).split()) or type(error).__name__}") from None


class Below:
    """Images of a folder or an archive, called by what was named and their path in it."""

    def __init__(self, above: str, items: Items) -> None:
        self.above, self.items = above, items

    def __len__(self) -> int:
        return len(self.items)

    def name(self, i: int) -> str:
        return f"{self.above}/{self.items.name(i)}"

    def raw(self, i: int) -> bytes | np.ndarray:
        return self.items.raw(i)


class Chosen:
    """The images of a set that was read, in its order."""

    def __init__(self, images: Images) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def name(self, i: int) -> str:
        return self.images.items.name(int(self.images.rows[i]))

    def raw(self, i: int) -> bytes | np.ndarray:
        return self.images.items.raw(int(self.images.rows[i]))


class Given:
    """All that was given, one after the other; an `Items`.

    Args:
        parts: each a numbered collection of images.
    """

    def __init__(self, parts: Sequence[Items]) -> None:
        self.parts = tuple(parts)
        self._ends = np.cumsum([len(part) for part in parts], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def find(self, i: int) -> tuple[Items, int]:
        """The part that holds image `i`, and its number there."""
        k = int(np.searchsorted(self._ends, i, side="right"))
        return self.parts[k], i - (int(self._ends[k - 1]) if k else 0)

    def name(self, i: int) -> str:
        part, k = self.find(i)
        return part.name(k)

    def raw(self, i: int) -> bytes | np.ndarray:
        part, k = self.find(i)
        return part.raw(k)

    def path(self, i: int) -> str | None:
        """The file that holds image `i` alone; None where it is in an archive or in memory."""
        part, k = self.find(i)
        inner = part.items if isinstance(part, Below) else part
        return inner.path(k) if isinstance(inner, Files) else None


def given(images: Any, *, outside: bool = False, must_be_there: bool = True) -> Given:
    """Photographs, listed but not opened yet.

    Args:
        images: the path of a file, a folder or an archive; a set by name or file; a Pillow image; uint8
            pixels (H, W), (H, W, 1 or 3 or 4), (N, H, W) or (N, H, W, C): three axes are one image where the
            last one is 1, 3 or 4 long; `Images`; or several of these in a list or an iterator.
        outside: also follow links that lead out of a folder.
        must_be_there: refuse a path where nothing is; else it is an image that cannot be read.

    Raises:
        BadInput: nothing was given, a folder or an archive without images, or something else than images.

    Example:
        >>> found = given([np.zeros((4, 4), np.uint8), np.zeros((2, 4, 4, 3), np.uint8)])
        >>> len(found), found.name(2)
        (3, 'image[2]')
    """
    several = images if isinstance(images, list | tuple | Iterator) else [images]
    parts: list[Items] = []
    files: list[str] = []
    for one in several:
        if isinstance(one, str | os.PathLike) and not _holds_many(os.fspath(one)):
            files.append(_file(os.fspath(one), must_be_there))
            continue
        if files:
            parts.append(Files(Path(), files))
            files = []
        parts.append(_part(one, sum(map(len, parts)), outside))
    if files:
        parts.append(Files(Path(), files))
    found = Given(parts)
    if not len(found):
        raise BadInput("images", "none were given", "a file, a folder or an archive", "photo.jpg")
    return found


def paths_in(lines: Iterable[str]) -> list[str]:
    """The paths in a list of them, one on a line; empty lines are none.

    Raises:
        BadInput: more than ten million, or none at all.
    """
    most = 10_000_000
    found = [line.rstrip("\r\n") for line in islice(lines, most + 1)]
    if len(found) > most:
        raise BadInput("-", f"more than {most:,} lines on standard input", "a path on each line")
    found = [line for line in found if line.strip()]
    if not found:
        raise BadInput(
            "-", "standard input is empty", "a path on each line", "find photos/ -name '*.jpg' | ..."
        )
    return found


def _holds_many(path: str) -> bool:
    if os.path.isdir(path):
        return True
    lower = path.lower()
    if lower.endswith(TABLES) or (path in NAMED and not os.path.lexists(path)):
        return True
    return lower.endswith((".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz"))


def _file(path: str, must_be_there: bool) -> str:
    if must_be_there and not os.path.lexists(path):
        raise BadInput(
            shown(path), "no such file or folder", "photographs, a folder or an archive of them",
            meant(nearest_path(path)),
        )  # fmt: skip
    return path


def _part(one: Any, start: int, outside: bool) -> Items:
    if isinstance(one, Images):
        return Chosen(one)
    if isinstance(one, np.ndarray):
        return Pictures([one] if _is_one(one) else list(one), start)
    if isinstance(one, str | os.PathLike):
        return _many(os.fspath(one), outside)
    if hasattr(one, "getexif") and hasattr(one, "mode"):
        return Pictures([one], start)
    raise BadInput(
        "images", f"got {type(one).__name__}", "paths, Pillow images, uint8 arrays or what cs.read returns"
    )


def _many(path: str, outside: bool) -> Items:
    """The images of a folder, an archive, a table or a set with a name."""
    if not path.lower().endswith(TABLES) and os.path.lexists(path):
        tree = tree_of(path, outside=outside)
        if tree is None:
            raise BadInput(shown(path), "is no archive that is read here", "a zip or tar file of photographs")
        walked = Walked()
        items = tree.items(tree.images(walked))
        if not len(items):
            holds = f"holds no images but such as {walked.example}" if walked.example else "holds no images"
            raise BadInput(shown(path), holds, "JPEG, PNG or other photographs in it")
        return Below(shown(path.rstrip("/")), items)
    if path not in NAMED:
        _file(path, must_be_there=True)
    return Chosen(listing(path, outside=outside))


def _is_one(array: np.ndarray) -> bool:
    return array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))


def _check_array(array: np.ndarray, name: str) -> None:
    if array.dtype == np.uint8 and array.ndim in (2, 3) and _is_one(array) and min(array.shape) > 0:
        return
    hint = "x.astype('uint8') where values are 0 to 255" if array.dtype != np.uint8 else "channels last"
    raise BadInput(
        name, f"an array of {array.dtype}, {'x'.join(map(str, array.shape))}",
        "uint8 pixels (height, width) or (height, width, 1, 3 or 4)", hint,
    )  # fmt: skip
