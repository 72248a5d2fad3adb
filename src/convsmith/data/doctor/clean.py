"""A cleaned table of a set: what to train on, without touching a file."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from ...errors import BadInput
from ..files.wholefile import whole
from ..images import Images
from ..items import Files
from ..split import PARTS, TRAIN
from .symptoms import BLANK


def kept(images: Images) -> np.ndarray:
    """Positions of the images that stay.

    Left out: blank images; all but one of exact copies in one class; all exact copies that have different
    labels; training (and validation) images that are exact copies of ones in a later part of the set's own.
    """
    exact, y = images.exact, images.y
    part = np.zeros(len(images), np.int8) if images.part is None else images.part[images.rows]
    stay = images.seen["spread"] >= BLANK
    order = np.argsort(exact, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(exact[order])) + 1):
        if len(members) < 2:
            continue
        if len(set(y[members].tolist())) > 1:
            stay[members] = False
            continue
        last = members[part[members] == part[members].max()]
        stay[np.setdiff1d(members, last[:1])] = False
    return np.flatnonzero(stay)


def write_clean(images: Images, path: Path) -> int:
    """Write a .csv table of what stays: path, label, and where there are any split and group.

    Near copies that are not exact get one group, so that they stay in one part.

    Args:
        images: an examined set of files.
        path: of the table; the paths in it are relative to its folder.

    Returns:
        How many images it lists.

    Raises:
        BadInput: for images that are not files of their own, or a table that cannot be written.
    """
    if not isinstance(images.items, Files):
        raise BadInput(
            "fix", f"{images.source} holds no image files of their own", "a folder or a table of files"
        )
    rows = kept(images)
    together, counts = np.unique(images.together, return_counts=True)
    several = set(together[counts > 1].tolist())
    names = ["path", "label"]
    names += ["split"] if images.part is not None else []
    names += ["group"] if several else []
    with (
        whole(path) as draft,
        open(draft, "w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        table = csv.writer(file)
        table.writerow(names)
        for k in rows:
            row = int(images.rows[k])
            cells = [os.path.relpath(images.items.path(row), path.parent), images.classes[int(images.y[k])]]
            if images.part is not None:
                cells.append(PARTS[int(images.part[row])] if images.part[row] >= TRAIN else "")
            if several:
                number = int(images.together[k])
                cells.append(f"g{number}" if number in several else f"i{row}")
            table.writerow(cells)
    return len(rows)
