"""Objects in memory: arrays, datasets of PyTorch, TensorFlow, Keras and Hugging Face, pandas tables."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import BadInput
from ..arrays import images_of, pairs_of
from ..decoding.decode import Unreadable
from ..files.trees import Folder
from ..images import Images
from ..items import Items
from ..labelling.folder_names import part_of
from ..labelling.table import choose, listed
from ..labels import numbered
from ..split import TEST, TRAIN, VALIDATION
from . import READERS, as_path

MOST = 10_000_000
"""An iterable with more images than this is taken to be endless (a repeated tf.data set)."""


@READERS.register()
def objects(source: object) -> Images | None:
    """Read what a program holds in memory, without importing the library that it comes from.

    Args:
        source: ``(x, y)``; ``((x_train, y_train), (x_test, y_test))`` as ``keras.datasets`` gives it; a dict
            of arrays with the names of an .npz file; a pandas table with columns of paths and labels; a
            PyTorch ``Dataset``; a Hugging Face ``Dataset`` or ``DatasetDict``; a ``tf.data.Dataset``, a
            ``keras.utils.PyDataset`` or any other iterable of (images, labels).

    Returns:
        The images; None for paths and names.

    Raises:
        BadInput: for objects of these kinds that hold no images with labels.
    """
    if as_path(source) is not None or source is None or isinstance(source, (int, float)):
        return None
    kind = f"{type(source).__module__}.{type(source).__qualname__}"
    if kind.startswith("pandas."):
        return _table(source)
    if isinstance(source, Mapping):
        if source and all(hasattr(value, "features") for value in source.values()):
            return _hugging_dict(dict(source))
        return _arrays({str(name): _array(value) for name, value in source.items()})
    if isinstance(source, (tuple, list)):
        return _tuple(source)
    if hasattr(source, "features") and hasattr(source, "column_names"):
        return _hugging_dict({"train": source})
    if hasattr(source, "__getitem__") and hasattr(source, "__len__") and "PyDataset" not in _bases(source):
        return _dataset(source, kind)
    if hasattr(source, "__iter__") or hasattr(source, "__getitem__"):
        return _iterable(source, kind)
    return None


def _bases(source: object) -> set[str]:
    return {base.__name__ for base in type(source).__mro__}


def _array(value: Any) -> np.ndarray:
    """A NumPy array from NumPy, PyTorch, TensorFlow, JAX or nested lists."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return np.asarray(value)


def _tuple(source: tuple[Any, ...] | list[Any]) -> Images:
    parts = (TRAIN, TEST) if len(source) == 2 else (TRAIN, VALIDATION, TEST)
    if len(source) in (2, 3) and all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in source):
        names = ("x_train", "x_test") if len(source) == 2 else ("x_train", "x_val", "x_test")
        pieces = [
            (name, _array(x), _array(y), part)
            for name, (x, y), part in zip(names, source, parts, strict=True)
        ]
        return images_of(pieces, source="arrays", reader="objects")
    if len(source) == 2:
        return images_of(
            [("x", _array(source[0]), _array(source[1]), TRAIN)], source="arrays", reader="objects"
        )
    raise BadInput(
        "arrays", f"a {type(source).__name__} of {len(source)}", "(x, y) or ((x, y), (x_test, y_test))"
    )


def _arrays(arrays: dict[str, np.ndarray]) -> Images:
    pairs = pairs_of(arrays)
    if not pairs:
        raise BadInput(
            "arrays", f"a dict of {', '.join(arrays)}", "x and y, or x_train, y_train, x_test, y_test"
        )
    pieces = [(x, arrays[x], arrays[y], part) for x, y, part in pairs]
    return images_of(pieces, source="arrays", reader="objects")


def _table(source: Any) -> Images:
    names = [str(name) for name in source.columns]
    columns = choose(names, "table")
    if columns is None:
        raise BadInput(
            "table", f"columns {', '.join(names)}", "columns for the path and the label", "path, label"
        )
    rows = (dict(zip(names, row, strict=True)) for row in source.itertuples(index=False, name=None))
    found = listed(rows, columns, "table")
    return Images.listed(
        Folder(".").items(found.paths), found.labels, found.classes, source="table", reader="objects",
        part=found.part, group=found.group, notes=found.notes,
    )  # fmt: skip


class Fetched:
    """Images that an object gives out by number.

    Args:
        get: from a position to pixels or to the bytes of a file.
        count: how many there are.
        word: what to call them.
    """

    def __init__(self, get: Any, count: int, word: str) -> None:
        self._get, self._count, self.word = get, count, word

    def __len__(self) -> int:
        return self._count

    def name(self, i: int) -> str:
        return f"{self.word}[{i}]"

    def raw(self, i: int) -> bytes | np.ndarray:
        try:
            return eight_bits(self._get(i))
        except Unreadable:
            raise
        except Exception as error:  # whatever somebody's dataset raises
            raise Unreadable(f"{type(error).__name__}: {error}") from None


def eight_bits(image: Any) -> bytes | np.ndarray:
    """A picture of any kind as the bytes of a file or as uint8 (H, W, 1 or 3)."""
    if isinstance(image, bytes):
        return image
    if isinstance(image, dict) and isinstance(image.get("bytes"), bytes):
        return bytes(image["bytes"])
    if hasattr(image, "save") and hasattr(image, "getbands"):  # a Pillow image: our own rules for odd modes
        file = io.BytesIO()
        image.save(file, "TIFF" if image.mode in ("CMYK", "F", "I", "I;16", "LAB", "YCbCr") else "PNG")
        return file.getvalue()
    x = _array(image)
    if x.ndim == 3 and x.shape[0] in (1, 3, 4) and x.shape[2] not in (1, 3, 4):
        x = x.transpose(1, 2, 0)
    if x.dtype != np.uint8:
        low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
        if low < 0 or high > 255 or x.dtype.kind not in "biuf":
            raise Unreadable(f"values from {low:g} to {high:g}: give the images before they are standardised")
        x = np.rint(x * (255 if x.dtype.kind == "b" or (x.dtype.kind == "f" and high <= 1) else 1)).astype(
            np.uint8
        )
    made = images_of([("x", x[None], None, TRAIN)], source="image", reader="")
    raw = made.items.raw(0)
    assert isinstance(raw, np.ndarray)
    return raw


def _dataset(source: Any, kind: str) -> Images:
    """A PyTorch-style dataset: ``source[i]`` is (image, label)."""
    count = len(source)
    labels = next(
        (getattr(source, name) for name in ("targets", "labels", "_labels") if hasattr(source, name)), None
    )
    try:
        values = _array(labels) if labels is not None and len(labels) == count else None
        if values is None:
            values = np.array([_array(source[i][1]).item() for i in range(count)])
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise BadInput(
            kind, f"items that are not (image, label): {error}", "dataset[i] -> (image, label)"
        ) from None
    names = getattr(source, "classes", None)
    numbers, classes = numbered(
        values, where=f"{kind}, labels", names=names if isinstance(names, list) else None
    )
    items: Items = Fetched(lambda i: source[i][0], count, type(source).__name__)
    return Images.listed(items, numbers, classes, source=kind, reader="objects")


def _hugging_dict(sets: dict[str, Any]) -> Images:
    """Hugging Face datasets by the names of their parts."""
    items, labels, part = [], [], []
    names: list[str] | None = None
    for name, one in sets.items():
        kinds = {column: type(feature).__name__ for column, feature in one.features.items()}
        image = next((column for column, kind in kinds.items() if kind == "Image"), None)
        label = next((column for column, kind in kinds.items() if kind == "ClassLabel"), None)
        label = label or next((column for column in ("label", "labels") if column in kinds), None)
        if image is None or label is None:
            raise BadInput(
                f"dataset '{name}'", f"columns {', '.join(kinds)}", "an Image and a ClassLabel column"
            )
        names = getattr(one.features[label], "names", None)
        plain = one.cast_column(image, type(one.features[image])(decode=False))
        items += [(plain, image, i) for i in range(len(one))]
        labels.append(np.asarray(one[label]))
        part.append(np.full(len(one), part_of(name) or TRAIN, np.int8))
    numbers, classes = numbered(np.concatenate(labels), where="dataset, labels", names=names)
    parts = np.concatenate(part)
    return Images.listed(
        Fetched(lambda i: items[i][0][items[i][2]][items[i][1]], len(items), "dataset"), numbers, classes,
        source="dataset", reader="objects", part=parts if (parts != TRAIN).any() else None,
    )  # fmt: skip


def _iterable(source: Any, kind: str) -> Images:
    """An iterable of (image, label), or of (images, labels) in batches: kept in memory."""
    pictures: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for x, y in _pairs(source, kind):
        pictures.append(x)
        labels.append(np.asarray(y))
        if len(pictures) > MOST:
            raise BadInput(kind, f"more than {MOST:,} images", "a set with an end", "dataset.take(n)")
    if not pictures:
        raise BadInput(kind, "no images", "(image, label) pairs")
    stacked = np.stack(labels)
    if stacked.ndim == 2 and stacked.shape[1] > 1:
        stacked = stacked.argmax(axis=1)
    numbers, classes = numbered(stacked, where=f"{kind}, labels", names=getattr(source, "class_names", None))
    items: Items = Fetched(pictures.__getitem__, len(pictures), type(source).__name__)
    return Images.listed(items, numbers, classes, source=kind, reader="objects")


def _pairs(source: Any, kind: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    batches = source if hasattr(source, "__iter__") else (source[i] for i in range(len(source)))
    if "PyDataset" in _bases(source):
        batches = (source[i] for i in range(len(source)))
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or len(batch) < 2:
            raise BadInput(kind, f"items of type {type(batch).__name__}", "(image, label) pairs")
        x, y = _array(batch[0]), _array(batch[1])
        if x.ndim == 4:
            yield from zip(x, y, strict=True)
        else:
            yield x, y
