"""The tables of paths and labels in a folder or archive."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import BadInput
from ..decoding.decode import Unreadable
from ..files.tree import Tree
from ..parquet import parquet_rows
from .table import Columns, choose, csv_rows, jsonl_rows, one_hot

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
"""Of tables' names."""


@dataclass(frozen=True)
class Table:
    """A table of paths and labels.

    Args:
        name: its path in the tree.
        columns: which says what.
        rows: cells by column name.
    """

    name: str
    columns: Columns
    rows: Sequence[Mapping[str, Any]]


def table_of(
    tree: Tree,
    name: str,
    *,
    path: str | None = None,
    label: str | None = None,
    split: str | None = None,
    group: str | None = None,
) -> Table | None:
    """One file as a table; None where it has no columns of paths and labels.

    Args:
        tree: what the file is in.
        name: of the file.
        path: the column of paths, where the usual names do not find it; so for `label`, `split`, `group`.

    Raises:
        BadInput: when the file cannot be read, or is no table.
    """
    where = os.path.join(tree.path, name)
    try:
        data = tree.read(name)
    except Unreadable as error:
        raise BadInput(where, str(error), "a readable file") from None
    kind = next((ending for ending in ENDINGS if name.lower().endswith(ending)), "")
    reader = {".parquet": parquet_rows, ".jsonl": jsonl_rows}.get(kind, csv_rows)
    names, rows = reader(data, where)
    columns = choose(names, where, path=path, label=label, split=split, group=group)
    if columns is not None:
        return Table(name, columns, list(rows))
    hot = one_hot(names, rows, where) if label is None else None
    return None if hot is None else Table(name, *hot)


def tables_in(tree: Tree) -> list[Table]:
    """The tables near the top of a tree that can be read as such; others are nobody's business here."""
    found = []
    for name in tree.others():
        if name.lower().endswith(ENDINGS):
            try:
                table = table_of(tree, name)
            except BadInput:
                continue
            if table is not None:
                found.append(table)
    return found
