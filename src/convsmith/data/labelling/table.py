"""Tables that say which image is of which class: rows of (path, label, part, group) from any columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from ...errors import BadInput, nearest
from ..items import shown
from ..labels import numbered
from ..split import TEST, TRAIN, VALIDATION
from .folder_names import part_of
from .layout import FEWEST_FOLDS, FOLDS_UNUSED, FOLDS_USED, class_name

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
    "dx",
)
SPLITS = ("split", "part", "subset", "set", "usage")
GROUPS = ("group", "patient", "patient_id", "subject", "subject_id", "burst", "series", "lesion_id")
FOLDS = ("fold", "folds", "kfold", "k_fold", "fold_id", "cv_fold")
FLAGS = {
    "is_test": (TEST, TRAIN), "is_valid": (VALIDATION, TRAIN), "is_val": (VALIDATION, TRAIN),
    "is_validation": (VALIDATION, TRAIN), "is_train": (TRAIN, TEST), "is_training_image": (TRAIN, TEST),
}  # fmt: skip
"""Columns of yes and no -> the part where it is yes, and where it is no."""

_TRUTH = {
    **dict.fromkeys(("1", "1.0", "true", "t", "yes", "y"), True),
    **dict.fromkeys(("0", "0.0", "false", "f", "no", "n", ""), False),
}


@dataclass(frozen=True)
class Columns:
    """Which column says what; None for what no column says.

    Args:
        path: of the image.
        label: of its class.
        split: of its part.
        group: of what it belongs to.
        flags: of yes and no that say the part, see `FLAGS`.
        fold: of its fold in a cross-validation.
        others: columns that say nothing here.
    """

    path: str
    label: str
    split: str | None
    group: str | None
    flags: tuple[str, ...] = field(default=(), repr=False)
    fold: str | None = field(default=None, repr=False)
    others: tuple[str, ...] = field(default=(), repr=False, compare=False)


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

    Raises:
        BadInput: for a named column that is not there, and one that is there twice.

    Example:
        >>> choose(["file_name", "label", "note"], "t.csv")
        Columns(path='file_name', label='label', split=None, group=None)
    """
    lower = {name.strip().lower(): name for name in names}

    def find(named: str | None, usual: Iterable[str]) -> str | None:
        if named is not None and named not in names:
            near = nearest(named, names)
            raise BadInput(where, f"no column '{named}'", f"one of {', '.join(names)}", near or "")
        found = named or next((lower[name] for name in usual if name in lower), None)
        if found is not None and list(names).count(found) > 1:
            raise BadInput(where, f"two columns named '{found}'", "one")
        return found

    paths, labels = find(path, PATHS), find(label, LABELS)
    if paths is None or labels is None or paths == labels:
        return None
    flags = tuple(lower[name] for name in FLAGS if name in lower)
    used = (paths, labels, find(split, SPLITS), find(group, GROUPS))
    fold = find(None, FOLDS)
    return Columns(*used, flags, fold, tuple(name for name in names if name not in (*used, *flags, fold)))


def text_of(data: bytes) -> str:
    """A text file's text: UTF-8, or UTF-16 with its mark; bytes that are neither are kept as surrogates."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "surrogateescape")


def csv_rows(data: bytes, where: str) -> tuple[list[str], Iterator[dict[str, str]]]:
    """Column names and rows of a CSV or TSV file; without a header the columns are path and label.

    Raises:
        BadInput: for no first line; while rows are read, for rows that are too short and open quotes.

    Example:
        >>> names, rows = csv_rows(b"a/1.jpg;cat\\nb/2.jpg;dog\\n", "t.csv")
        >>> names, next(rows)
        (['path', 'label'], {'path': 'a/1.jpg', 'label': 'cat'})
    """
    text = text_of(data)
    first = text[: text.find("\n")] if "\n" in text else text
    delimiter = max("\t;,|", key=first.count)
    if not first.strip():
        raise BadInput(where, "no first line", "a table of paths and labels")

    def parsed() -> Iterator[tuple[int, list[str]]]:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        while True:
            begun = rows.line_num + 1
            try:
                yield begun, next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                came = "a quote that is not closed" if "end of data" in str(error) else f"no CSV: {error}"
                raise BadInput(
                    f"{where}, line {begun}", came, "cells between commas, quotes in pairs"
                ) from None

    header = [cell.strip() for cell in next(parsed())[1]] or [""]
    bare = "." in header[0] and "/" not in header[-1] and len(header) >= 2 and header[0].lower() not in PATHS
    names = [*["path", "label", "split"][: len(header)], *(f"column {k}" for k in range(3, len(header)))]
    names = names if bare else header

    def cells() -> Iterator[dict[str, str]]:
        for number, row in islice(parsed(), 0 if bare else 1, None):
            if not row:
                continue
            if len(row) < len(names):
                raise BadInput(f"{where}, line {number}", f"{len(row)} cells", f"{len(names)}")
            yield dict(zip(names, (cell.strip() for cell in row), strict=False))

    return names, cells()


def jsonl_rows(data: bytes, where: str) -> tuple[list[str], Iterator[dict[str, Any]]]:
    """Column names and rows of a file with a JSON object on each line."""
    lines = [line for line in text_of(data).splitlines() if line.strip()]
    try:
        rows = [json.loads(line) for line in lines]
    except (ValueError, RecursionError) as error:
        raise BadInput(where, f"is no JSON on each line: {error}", "one object on each line") from None
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise BadInput(where, "no objects", "one JSON object on each line")
    return list(dict.fromkeys(name for row in rows for name in row)), iter(rows)


def one_hot(
    names: Sequence[str], rows: Iterable[Mapping[str, Any]], where: str
) -> tuple[Columns, list[dict[str, Any]]] | None:
    """A table with a column of 0 and 1 for each class, as Roboflow writes it, as one with a column of labels.

    Args:
        names: the table's columns.
        rows: cells by column name.
        where: what to name in an error.

    Returns:
        The columns and the rows; None where the other columns are not all of 0 and 1.

    Raises:
        BadInput: for a row with several classes, or with none.

    Example:
        >>> rows = [{"filename": "1.png", "cat": "0", "dog": "1"}]
        >>> one_hot(list(rows[0]), rows, "t.csv")[1]
        [{'path': '1.png', 'label': 'dog'}]
    """
    lower = {name.strip().lower(): name for name in names}
    path = next((lower[name] for name in PATHS if name in lower), None)
    classes = [name for name in names if name != path]
    if path is None or len(classes) < 2:
        return None
    out: list[dict[str, Any]] = []
    several: list[tuple[Any, int]] = []
    for row in rows:
        cells = [_truth(row.get(name)) for name in classes]
        if None in cells or any(row.get(name) in ("", None) for name in classes):
            return None
        if sum(map(bool, cells)) != 1:
            several.append((row[path], sum(map(bool, cells))))
        out.append({"path": row[path], "label": classes[cells.index(True)] if True in cells else ""})
    if several:
        name, count = several[0]
        raise BadInput(
            where, f"{len(several):,} images with several classes or none ('{name}' has {count})",
            "one class for each image",
        )  # fmt: skip
    return (Columns("path", "label", None, None), out) if out else None


def _truth(value: Any) -> bool | None:
    """A cell of yes and no; None for anything else."""
    return _TRUTH.get(str(value).strip().lower())


@dataclass(frozen=True)
class Listed:
    """A table's rows as columns.

    Args:
        paths: of the images.
        labels: (N,) class numbers.
        classes: class names.
        part: (N,) int8 or None.
        group: (N,) int64 or None.
        notes: what a person should know about how it was read.
    """

    paths: list[str]
    labels: np.ndarray
    classes: tuple[str, ...]
    part: np.ndarray | None
    group: np.ndarray | None
    notes: tuple[str, ...] = ()


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
        BadInput: for rows without a path or a label, and for parts that are none.
    """
    paths, labels, groups, folds = [], [], [], []
    part: list[int] = []
    for row in rows:
        paths.append(_path(row.get(columns.path), where))
        labels.append(row.get(columns.label))
        if columns.split is not None or columns.flags:
            part.append(_part(row, columns, where))
        groups.append("" if columns.group is None else str(row.get(columns.group)))
        folds.append("" if columns.fold is None else str(row.get(columns.fold)))
    if not paths:
        raise BadInput(where, "no rows", "a path and a label in each row")
    column = f"{where}, column '{columns.label}'"
    values, notes = _tidy(labels, paths, column)
    numbers, classes = numbered(values, where=column)
    fixed = np.array(list(parts), np.int8) if parts is not None and not part else None
    own = np.array(part, np.int8) if part else fixed
    named, group = groups if columns.group is not None else None, None
    if columns.flags:
        used = "column {} not used: '{}' says the part" if columns.split else "column {} says the part"
        notes.append(used.format(" and ".join(f"'{name}'" for name in columns.flags), columns.split))
    if columns.fold is not None:
        named, note = _folds(folds, columns, named, own is not None)
        notes.append(note)
    if named is not None:
        group = np.unique(named, return_inverse=True)[1].reshape(-1).astype(np.int64)
    if columns.others:
        more = ", ..." if len(columns.others) > 8 else ""
        notes.append(f"columns not used: {', '.join(map(shown, columns.others[:8]))}{more}")
    part_of_rows = own if own is not None and (own != TRAIN).any() else None
    return Listed(paths, numbers, classes, part_of_rows, group, tuple(notes))


def _path(value: Any, where: str) -> str:
    """A cell as a path: text that the operating system can be asked for."""
    if not isinstance(value, (str, int, float)) and not hasattr(value, "__fspath__"):
        raise BadInput(where, f"a row without a path ({type(value).__name__})", "a path in each row")
    text = str(value)
    return text if _escaped(text) else text.encode("utf-8", "replace").decode()


def _escaped(text: str) -> bool:
    """Whether every surrogate in a text stands for a byte."""
    return all(not 0xD800 <= ord(char) <= 0xDFFF or 0xDC80 <= ord(char) <= 0xDCFF for char in text)


def _part(row: Mapping[str, Any], columns: Columns, where: str) -> int:
    """The part that a row names."""
    if columns.split is not None:
        text = str(row.get(columns.split)).strip()
        code = part_of(text)
        if code is None:
            raise BadInput(
                f"{where}, column '{columns.split}'", f"got '{text.lower()}'", "train, validation or test"
            )
        return code
    for name in columns.flags:  # in the order of FLAGS: what is test is not validation
        truth = _truth(row.get(name))
        if truth is None:
            raise BadInput(f"{where}, column '{name}'", f"got '{row.get(name)}'", "true or false")
        code = FLAGS[name.strip().lower()][0 if truth else 1]
        if code != TRAIN:
            return code
    return TRAIN


def _folds(
    folds: list[str], columns: Columns, groups: list[str] | None, parts: bool
) -> tuple[list[str] | None, str]:
    """The groups that a column of folds makes, and what to say of it."""
    count, name = len(set(folds)), f"column '{columns.fold}'"
    if groups is not None:
        return groups, f"{name} not used: '{columns.group}' says what belongs together"
    if parts:
        return None, f"{name} not used: another column or file says the part"
    if count < FEWEST_FOLDS:
        return None, f"{name}: {count} folds, {FOLDS_UNUSED}"
    return folds, f"{name}: {count} folds, {FOLDS_USED}"


def _tidy(labels: list[Any], paths: list[str], where: str) -> tuple[np.ndarray, list[str]]:
    """Labels as numbers where all are whole numbers as usually written, else as text; and notes."""
    texts, notes = [], []
    for path, label in zip(paths, labels, strict=True):
        if label is None or label == "" or label != label:
            raise BadInput(where, f"no label for '{shown(path)}'", "a label in each row")
        if isinstance(label, (list, dict, set, tuple)):
            raise BadInput(where, f"several labels for '{shown(path)}'", "one class for each image")
        whole = isinstance(label, (float, np.floating)) and float(label).is_integer()
        texts.append(str(int(label)) if whole else str(label).strip())
    odd = next(
        (text for text in texts if not text.isascii() and _escaped(text) and text != shown(text)), None
    )
    if odd is not None:
        notes.append(f"labels that are not UTF-8 read as Windows-1252 (such as '{shown(odd)}')")
    if all(
        len(text) < 18 and text.removeprefix("-").isdecimal() and str(int(text)) == text for text in texts
    ):
        return np.array([int(text) for text in texts], np.int64), notes
    known = {text: class_name(text) for text in set(texts)}
    by_number: dict[int, list[str]] = {}
    for text in sorted(known):
        if text.isascii() and text.isdecimal() and len(text) < 18:
            by_number.setdefault(int(text), []).append(text)
    if alike := next((same for same in by_number.values() if len(same) > 1), None):
        notes.append(f"labels {' and '.join(alike)} are different classes: they are not written alike")
    return np.array([known[text] for text in texts]), notes
