"""A table of paths and labels: CSV, TSV, JSON lines or Parquet; alone, or in a folder, zip or tar."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from ...errors import BadInput
from ..images import Images
from ..items import Items
from ..layout import PART_NAMES
from ..listing import Walked
from ..parquet import parquet_rows
from ..split import TRAIN
from ..table import Columns, choose, csv_rows, jsonl_rows, listed
from ..trees import Folder, Tree, tree_of
from . import READERS, as_path

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")


@READERS.register()
def manifest(
    source: object,
    *,
    path: str | None = None,
    label: str | None = None,
    split: str | None = None,
    group: str | None = None,
) -> Images | None:
    """Read the images that a table names.

    Args:
        source: path of a .csv, .tsv, .jsonl or .parquet file, or of a folder, zip or tar with one in it, or
            with one for each part (train.csv and test.csv, or train/metadata.csv and test/metadata.csv).
            Paths in a table are relative to it.
        path: the column of paths; None finds the usual names (path, file_name, image, ...).
        label: the column of labels; None finds the usual names (label, class, category, ...).
        split: the column of parts (train, validation, test), if any.
        group: the column of groups that stay in one part (a patient, a burst), if any.

    Returns:
        The images of all rows; None when `source` has no table with paths and labels.
    """
    where = as_path(source)
    if where is None:
        return None
    alone = where.lower().endswith(ENDINGS) and os.path.isfile(where)
    tree = Folder(os.path.dirname(where) or ".") if alone else tree_of(where)
    if tree is None:
        return None
    names = [os.path.basename(where)] if alone else [n for n in tree.others() if n.lower().endswith(ENDINGS)]
    tables = [table for name in names if (table := _table(tree, name, path, label, split, group))]
    if not tables:
        if alone:
            raise BadInput(where, "no columns for the path and the label", "columns such as path, label")
        return None
    tables = _one_for_each_part(tables, where)
    columns = tables[0][1]
    rows: list[list[dict[str, Any]]] = []
    spans: list[int] = []
    for name, _, cells in tables:
        here = [{**row, columns.path: _below(name, str(row[columns.path]), tree)} for row in cells]
        rows.append(here)
        spans += [_part_of(name) or TRAIN] * len(here)
    found = listed(chain(*rows), columns, where, parts=spans if len(tables) > 1 else None)
    return Images.listed(
        _items(tree, found.paths), found.labels, found.classes, source=where, reader="manifest",
        part=found.part, group=found.group,
    )  # fmt: skip


Table = tuple[str, Columns, Iterator[Mapping[str, Any]]]


def _table(
    tree: Tree, name: str, path: str | None, label: str | None, split: str | None, group: str | None
) -> Table | None:
    where = os.path.join(tree.path, name)
    names: list[str]
    rows: Iterator[Mapping[str, Any]]
    if name.lower().endswith(".parquet"):
        names, rows = parquet_rows(tree.read(name), where)
    elif name.lower().endswith(".jsonl"):
        names, rows = jsonl_rows(tree.read(name), where)
    else:
        names, rows = csv_rows(tree.read(name), where)
    columns = choose(names, where, path=path, label=label, split=split, group=group)
    return None if columns is None else (name, columns, rows)


def _one_for_each_part(tables: list[Table], where: str) -> list[Table]:
    """The tables to use: one, or one for each part."""
    named = [table for table in tables if _part_of(table[0]) is not None]
    if len(tables) > 1 and any(_part_of(table[0]) == TRAIN for table in named):
        tables = sorted(named, key=lambda table: (_part_of(table[0]) or TRAIN, table[0]))
    elif len(tables) > 1:
        found = ", ".join(name for name, *_ in tables[:5])
        raise BadInput(
            where, f"several tables ({found})", "one, or train.csv and test.csv", f"name one: {tables[0][0]}"
        )
    if len({table[1] for table in tables}) > 1:
        raise BadInput(where, "tables with different columns", "the same columns for each part")
    return tables


def _part_of(name: str) -> int | None:
    """The part that a table is for, by its name (train.csv, train-00000.csv) or its folder's."""
    steps = name.lower().replace("\\", "/").split("/")
    stem = steps[-1].rsplit(".", 1)[0]
    for text in (stem, stem.split("-")[0], stem.split("_")[0], steps[-2] if len(steps) > 1 else ""):
        if text in PART_NAMES:
            return PART_NAMES[text]
    return None


def _below(table: str, path: str, tree: Tree) -> str:
    """A path in a table as a path in the tree; archives have no outside."""
    above = os.path.dirname(table)
    if isinstance(tree, Folder):
        return os.path.join(above, path)
    return os.path.normpath(os.path.join(above, path)).replace(os.sep, "/")


def _items(tree: Tree, paths: list[str]) -> Items:
    """The images; where the paths have no ending (as in competitions), the files' own are added."""
    bare = [k for k, path in enumerate(paths) if "." not in os.path.basename(path)]
    if bare:
        stems: dict[str, str] = {}
        for name in tree.images(Walked()):
            stems.setdefault(os.path.splitext(name)[0], name)
            stems.setdefault(os.path.splitext(os.path.basename(name))[0], name)
        for k in bare:
            paths[k] = stems.get(paths[k], stems.get(os.path.basename(paths[k]), paths[k]))
    return tree.items(paths)
