"""Tables that say which image is of which class: rows of (path, label, part, group) from any columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import BadInput, nearest
from .labels import numbered
from .layout import PART_NAMES
from .split import TRAIN

PATHS = (
    "path",
    "file_name",
    "filename",
    "file",
    "filepath",
    "file_path",
    "image_path",
    "image",
    "img",
    "image_id",
    "id",
)
LABELS = (
    "label",
    "labels",
    "class",
    "class_name",
    "category",
    "target",
    "label_name",
    "classname",
    "y",
    "diagnosis",
)
SPLITS = ("split", "part", "subset", "set", "usage")
GROUPS = ("group", "patient", "patient_id", "subject", "subject_id", "burst", "series")


@dataclass(frozen=True)
class Columns:
    """Which column says what; None for what no column says."""

    path: str
    label: str
    split: str | None
    group: str | None


def choose(
    names: Sequence[str],
    where: str,
    *,
    path: str | None = None,
    label: str | None = None,
    split: str | None = None,
    group: str | None = None,
) -> Columns | None:
    """Find the columns by the names that people give them.

    Args:
        names: the table's columns.
        where: what to name in an error.
        path: the column of paths, where the usual names do not find it; so for `label`, `split`, `group`.

    Returns:
        The columns; None when there is no column of paths or of labels.

    Example:
        >>> choose(["file_name", "label", "note"], "t.csv")
        Columns(path='file_name', label='label', split=None, group=None)
    """
    lower = {name.strip().lower(): name for name in names}

    def find(named: str | None, usual: Sequence[str]) -> str | None:
        if named is not None and named not in names:
            near = nearest(named, names)
            raise BadInput(where, f"no column '{named}'", f"one of {', '.join(names)}", near or "")
        return named or next((lower[name] for name in usual if name in lower), None)

    paths, labels = find(path, PATHS), find(label, LABELS)
    if paths is None or labels is None or paths == labels:
        return None
    return Columns(paths, labels, find(split, SPLITS), find(group, GROUPS))


def csv_rows(data: bytes, where: str) -> tuple[list[str], Iterator[dict[str, str]]]:
    """Column names and rows of a CSV or TSV file; without a header the columns are path and label.

    Example:
        >>> names, rows = csv_rows(b"a/1.jpg;cat\\nb/2.jpg;dog\\n", "t.csv")
        >>> names, next(rows)
        (['path', 'label'], {'path': 'a/1.jpg', 'label': 'cat'})
    """
    text = data.decode("utf-8-sig", "surrogateescape")
    first = text[: text.find("\n")] if "\n" in text else text
    delimiter = max("\t;,|", key=first.count)
    if not first.strip():
        raise BadInput(where, "no first line", "a table of paths and labels")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [cell.strip() for cell in next(rows)]
    if "." in header[0] and "/" not in header[-1] and len(header) >= 2 and header[0].lower() not in PATHS:
        names = ["path", "label", "split"][: len(header)]
        names += [f"column {k}" for k in range(len(names), len(header))]
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    else:
        names = header

    def cells() -> Iterator[dict[str, str]]:
        for number, row in enumerate(rows, 2):
            if not row:
                continue
            if len(row) < len(names):
                raise BadInput(f"{where}, line {number}", f"{len(row)} cells", f"{len(names)}")
            yield dict(zip(names, (cell.strip() for cell in row), strict=False))

    return names, cells()


def jsonl_rows(data: bytes, where: str) -> tuple[list[str], Iterator[dict[str, Any]]]:
    """Column names and rows of a file with a JSON object on each line."""
    lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    try:
        rows = [json.loads(line) for line in lines]
    except ValueError as error:
        raise BadInput(where, f"is no JSON on each line: {error}", "one object on each line") from None
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise BadInput(where, "no objects", "one JSON object on each line")
    return list(rows[0]), iter(rows)


@dataclass(frozen=True)
class Listed:
    """A table's rows as columns.

    Args:
        paths: of the images.
        labels: (N,) class numbers.
        classes: class names.
        part: (N,) int8 or None.
        group: (N,) int64 or None.
    """

    paths: list[str]
    labels: np.ndarray
    classes: tuple[str, ...]
    part: np.ndarray | None
    group: np.ndarray | None


def listed(
    rows: Iterable[Mapping[str, Any]], columns: Columns, where: str, *, parts: Iterable[int] | None = None
) -> Listed:
    """Read rows by columns.

    Args:
        rows: cells by column name.
        columns: from `choose`.
        where: what to name in an error.
        parts: the part of each row, where something else than a column says it.

    Raises:
        BadInput: for labels or parts that are not.
    """
    paths, labels, part, groups = [], [], [], []
    for row in rows:
        paths.append(str(row[columns.path]))
        labels.append(row[columns.label])
        if columns.split is not None:
            text = str(row[columns.split]).strip().lower()
            if text not in PART_NAMES:
                raise BadInput(
                    f"{where}, column '{columns.split}'", f"got '{text}'", "train, validation or test"
                )
            part.append(PART_NAMES[text])
        if columns.group is not None:
            groups.append(str(row[columns.group]))
    if not paths:
        raise BadInput(where, "no rows", "a path and a label in each row")
    column = f"{where}, column '{columns.label}'"
    if any(label is None or label == "" for label in labels):
        raise BadInput(
            column,
            f"no label for '{paths[[label in (None, '') for label in labels].index(True)]}'",
            "a label in each row",
        )
    numbers, classes = numbered(_tidy(labels), where=column)
    fixed = np.array(list(parts), np.int8) if parts is not None and columns.split is None else None
    own = np.array(part, np.int8) if part else fixed
    group = np.unique(groups, return_inverse=True)[1].reshape(-1).astype(np.int64) if groups else None
    return Listed(paths, numbers, classes, own if own is not None and (own != TRAIN).any() else None, group)


def _tidy(labels: list[Any]) -> np.ndarray:
    """Labels as numbers where all are whole numbers, else as text."""
    texts = [str(label) for label in labels]
    if all(text.removeprefix("-").isdecimal() and len(text) < 18 for text in texts):
        return np.array([int(text) for text in texts], np.int64)
    return np.array(texts)
