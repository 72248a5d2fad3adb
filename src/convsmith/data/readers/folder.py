"""A folder (or zip, or tar) with a folder of images for each class, perhaps below train and test."""

from __future__ import annotations

import os
from pathlib import Path

from ..images import Images
from ..items import Names, shown
from ..layout import PART_NAMES, arrange, class_name
from ..listing import Walked
from ..record import Progress
from ..trees import Folder, Tree, tree_of
from . import READERS, as_path


@READERS.register()
def folder(source: object, *, cache: Path | None = None, progress: Progress | None = None) -> Images | None:
    """Read a folder per class, nested to any depth, also in a zip or tar file.

    Args:
        source: path of the folder or archive. In it one folder per class (whatever lies deeper belongs to
            that class), or folders train, val, test with a folder per class in each.
        cache: folder where the listing of a large folder is kept.
        progress: called as ``progress("listing files", done, 0)`` from time to time.

    Returns:
        All files that look like images; None when `source` is nothing with images in class folders.
    """
    tree = tree_of(as_path(source))
    if tree is None:
        return None
    walked = Walked()
    names = Names(tree.images(walked, cache=cache, progress=progress))
    if not len(names):
        return None
    sep = os.sep if isinstance(tree, Folder) else "/"
    found = arrange(names, sep)
    if not len(found.kept) or _labels_elsewhere(tree, found.classes):
        return None
    notes = walked.notes()
    if len(found.kept) < len(names):
        notes.append(f"{len(names) - len(found.kept):,} images that lie in no class folder ignored")
    if found.above:
        notes.append(f"classes are the folders in {shown(found.above)}")
    if isinstance(tree, Folder) and found.part is None:
        notes += _bare(os.path.join(tree.path, found.above), set(found.classes))
    return Images.listed(
        tree.items(names[int(k)] for k in found.kept), found.labels, found.classes,
        source=tree.path, reader="folder", part=found.part, notes=notes,
    )  # fmt: skip


def _labels_elsewhere(tree: Tree, classes: tuple[str, ...]) -> bool:
    """Whether what looks like class folders is train and test, or pictures with a table beside them."""
    if all(name.lower() in PART_NAMES for name in classes):
        return True
    tables = (".csv", ".tsv", ".jsonl", ".parquet")
    return len(classes) == 1 and any(name.lower().endswith(tables) for name in tree.others())


def _bare(above: str, classes: set[str]) -> list[str]:
    """A note on folders beside the class folders that hold no images."""
    beside = sorted(entry.name for entry in os.scandir(above) if entry.is_dir() and entry.name[0] != ".")
    bare = [shown(name) for name in beside if class_name(name) not in classes]
    return [f"folders without images ignored: {', '.join(bare[:10])}"] if bare else []
