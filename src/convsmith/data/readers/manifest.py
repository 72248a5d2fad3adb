"""A table of paths and labels: CSV, TSV, JSON lines or Parquet; alone, or in a folder, zip or tar."""

from __future__ import annotations

import os
from itertools import chain
from typing import Any

from ...errors import BadInput
from ..files.listing import FOLLOW, Walked
from ..files.outside import outside as lie_outside
from ..files.trees import Folder, Tree, tree_of
from ..images import Images
from ..items import Items, shown
from ..labelling.folder_names import part_of
from ..labelling.table import listed
from ..labelling.tables_in import ENDINGS, Table, table_of
from ..split import TRAIN
from . import READERS, as_path


@READERS.register()
def manifest(
    source: object,
    *,
    path: str | None = None,
    label: str | None = None,
    split: str | None = None,
    group: str | None = None,
    outside: bool = False,
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
        outside: also read images outside the table's folder (absolute paths, ``..``, links).

    Returns:
        The images of all rows; None when `source` has no table with paths and labels.

    Raises:
        BadInput: for tables that are damaged or contradict each other, and for paths outside the folder.
    """
    where = as_path(source)
    if where is None:
        return None
    alone = where.lower().endswith(ENDINGS) and os.path.isfile(where)
    tree = Folder(os.path.dirname(where) or ".") if alone else tree_of(where, outside=outside)
    if tree is None:
        return None
    names = [os.path.basename(where)] if alone else [n for n in tree.others() if n.lower().endswith(ENDINGS)]
    wanted = {"path": path, "label": label, "split": split, "group": group}
    tables = [table for name in names if (table := table_of(tree, name, **wanted))]
    if not tables:
        if alone:
            raise BadInput(where, "no columns for the path and the label", "columns such as path, label")
        return None
    tables = _one_for_each_part(tables, where)
    columns = tables[0].columns
    rows: list[list[dict[str, Any]]] = []
    spans: list[int] = []
    for table in tables:
        here = [{**row, columns.path: _below(table.name, row.get(columns.path), tree)} for row in table.rows]
        rows.append(here)
        spans += [_part_of(table.name) or TRAIN] * len(here)
    found = listed(chain(*rows), columns, where, parts=spans if len(tables) > 1 else None)
    items, notes = _items(tree, found.paths)
    if isinstance(tree, Folder) and not outside and (away := lie_outside(tree.path, found.paths)):
        raise BadInput(
            where,
            f"{len(away):,} of {len(found.paths):,} images lie outside its folder (such as {shown(away[0])})",
            f"paths below {tree.path}", f"{FOLLOW} reads them",
        )  # fmt: skip
    return Images.listed(
        items, found.labels, found.classes, source=where, reader="manifest",
        part=found.part, group=found.group, notes=[*found.notes, *notes],
    )  # fmt: skip


def _one_for_each_part(tables: list[Table], where: str) -> list[Table]:
    """The tables to use: one, or one for each part."""
    named = [table for table in tables if _part_of(table.name) is not None]
    if len(tables) > 1 and any(_part_of(table.name) == TRAIN for table in named):
        tables = sorted(named, key=lambda table: (_part_of(table.name) or TRAIN, table.name))
    elif len(tables) > 1:
        found = ", ".join(table.name for table in tables[:5])
        raise BadInput(
            where,
            f"several tables ({found})",
            "one, or train.csv and test.csv",
            f"name one: {tables[0].name}",
        )
    if len({table.columns for table in tables}) > 1:
        raise BadInput(where, "tables with different columns", "the same columns for each part")
    return tables


def _part_of(name: str) -> int | None:
    """The part that a table is for, by its name (train.csv, train-00000.csv) or its folder's."""
    steps = name.replace("\\", "/").split("/")
    stem = steps[-1].rsplit(".", 1)[0]
    for text in (stem, stem.split("-")[0], stem.split("_")[0], steps[-2] if len(steps) > 1 else ""):
        if (code := part_of(text)) is not None:
            return code
    return None


def _below(table: str, path: Any, tree: Tree) -> Any:
    """A path in a table as a path in the tree; archives have no outside."""
    if not isinstance(path, str):
        return path
    above = os.path.dirname(table)
    if isinstance(tree, Folder):
        return os.path.join(above, path)
    return os.path.normpath(os.path.join(above, path)).replace(os.sep, "/")


def _items(tree: Tree, paths: list[str]) -> tuple[Items, list[str]]:
    """The images, and what to say of paths that were found otherwise than written.

    A path that leads nowhere is looked for by its name: where competitions leave out the ending or the
    folder, or a program of Windows wrote its own separator. Two files of one name are nobody's.
    """
    lost = [k for k, path in enumerate(paths) if not tree.has(path)]
    if not lost:
        return tree.items(paths), []
    known: dict[str, str | None] = {}
    for name in tree.images(Walked()):
        for key in {name, os.path.splitext(name)[0], *_ends(name)}:
            known[key] = name if known.get(key, name) == name else None
    changed = 0
    for k in lost:
        written = paths[k].replace("\\", "/")
        found = known.get(written) or known.get(written.rsplit("/", 1)[-1])
        if found is not None:
            paths[k], changed = found, changed + 1
    return tree.items(paths), [f"{changed:,} paths found by the name of the file"] if changed else []


def _ends(name: str) -> tuple[str, str]:
    base = os.path.basename(name)
    return base, os.path.splitext(base)[0]
