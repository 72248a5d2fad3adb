"""A folder (or zip, or tar) with a folder of images for each class, perhaps below train and test."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import BadInput
from ..decoding.record import Progress
from ..files.listing import FOLLOW, Walked
from ..files.trees import Folder, Tree, tree_of
from ..images import Images
from ..items import Names, shown
from ..labelling.folder_names import is_generic
from ..labelling.layout import Layout, arrange, class_name
from ..labelling.tables_in import Table, tables_in
from . import READERS, as_path

CLASSES = "a folder of images for each class"
PACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
LOOKED_AT = 200
"""Rows of a table that are compared with the folders."""


@READERS.register()
def folder(
    source: object, *, outside: bool = False, cache: Path | None = None, progress: Progress | None = None
) -> Images | None:
    """Read a folder per class, nested to any depth, also in a zip or tar file.

    Args:
        source: path of the folder or archive. In it one folder per class (whatever lies deeper belongs to
            that class), or folders train, val, test with a folder per class in each; `layout.arrange` tells
            them apart.
        outside: also follow links that lead out of the folder.
        cache: folder where the listing of a large folder is kept.
        progress: called as ``progress("listing files", done, 0)`` from time to time.

    Returns:
        All files that look like images; None when `source` is nothing with images in class folders.

    Raises:
        BadInput: for folders that can be read in two ways.
    """
    tree = tree_of(as_path(source), outside=outside)
    if tree is None:
        return None
    walked = Walked()
    names = Names(tree.images(walked, cache=cache, progress=progress))
    if not len(names):
        return None
    found = arrange(names, tree.sep)
    if found.problem and found.unclear:
        raise BadInput(tree.path, *found.problem)
    if not len(found.kept):
        return None
    told = _told_by_table(tree, names, found)
    if told is None:
        return None
    notes = [*walked.notes(), *found.notes, *told]
    if found.above and found.part is None:
        notes.append(f"classes are the folders in {shown(found.above)}")
    if isinstance(tree, Folder) and found.part is None and found.group is None and not walked.outside:
        notes += _bare(os.path.join(tree.path, found.above), set(found.classes))
    return Images.listed(
        tree.items(names[int(k)] for k in found.kept), found.labels, found.classes,
        source=tree.path, reader="folder", part=found.part, group=found.group, notes=notes,
    )  # fmt: skip


def _told_by_table(tree: Tree, names: Names, found: Layout) -> list[str] | None:
    """What to say of a table beside the class folders; None where the table says the classes.

    Raises:
        BadInput: when the table and the folders say different things of the same files.
    """
    tables = tables_in(tree)
    if len(found.classes) == 1 and (tables or is_generic(found.classes[0])):
        return None
    for table in tables:
        rows = _compared(table, names, found)
        if not rows:
            continue
        if all(label == name for label, name in rows):
            return [f"{shown(table.name)} lists the same classes; name it to go by its other columns"]
        if all(name.isdigit() for name in found.classes):  # heaps of files, as competitions make
            return None
        label, name = next(both for both in rows if both[0] != both[1])
        raise BadInput(
            tree.path, f"{shown(table.name)} calls '{shown(label)}' what lies in folder '{shown(name)}'",
            "one of them to say the classes", "name the table, or move it away",
        )  # fmt: skip
    return []


def _compared(table: Table, names: Names, found: Layout) -> list[tuple[str, str]]:
    """(label in the table, class by folder) of rows whose files are there; none unless half of them are."""
    labels: dict[str, str] = {}
    for row in table.rows[:LOOKED_AT]:
        path = os.path.splitext(str(row.get(table.columns.path)).replace("\\", "/").removeprefix("./"))[0]
        labels[path] = class_name(str(row.get(table.columns.label)).strip())
    met: dict[str, list[int]] = {}
    for k, number in zip(found.kept.tolist(), found.labels.tolist(), strict=True):
        steps = os.path.splitext(names[k])[0].replace(os.sep, "/").split("/")
        known = next((end for n in range(len(steps)) if (end := "/".join(steps[n:])) in labels), None)
        if known is not None:
            met.setdefault(known, []).append(number)
    rows = [(labels[path], found.classes[all_of[0]]) for path, all_of in met.items() if len(all_of) == 1]
    return rows if rows and 2 * len(rows) >= len(labels) else []


def _bare(above: str, classes: set[str]) -> list[str]:
    """A note on folders beside the class folders that hold no images."""
    beside = sorted(entry.name for entry in os.scandir(above) if entry.is_dir() and entry.name[0] != ".")
    bare = [shown(name) for name in beside if class_name(name) not in classes]
    return [f"folders without images ignored: {', '.join(bare[:10])}"] if bare else []


def why_not(tree: Tree) -> tuple[str, str, str]:
    """Why a tree is no folder of classes: what came, what was expected, what to try."""
    walked = Walked()
    names = Names(tree.images(walked))
    if len(names):
        found = arrange(names, tree.sep)
        if found.problem:
            return found.problem
        where = ", ".join(f"'{shown(name)}'" for name in found.classes[:5])
        return f"the images lie in {where}, and no table says their classes", CLASSES, ""
    if walked.outside:
        return walked.outside_links(), "images inside it", f"{FOLLOW} follows them"
    files = sorted(tree.others())
    packed = [name for name in files if name.lower().endswith(PACKED)]
    if packed and len(packed) == len(files):
        some = ", ".join(shown(name) for name in packed[:5])
        return f"only archives in it ({some})", "images", "unpack it and name one of them"
    if walked.others:
        return (
            f"{walked.others:,} files in it, none an image (such as {walked.example})",
            "a folder of images for each class",
            "",
        )
    return "folders without images", CLASSES, "cat/1.jpg, dog/1.jpg"
