"""Which folders of a tree are the classes, and which are parts, folds, masks and wrappings around them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..items import Names, shown
from ..split import TRAIN
from .folder_names import (
    are_buckets,
    is_fold,
    is_generic,
    is_masks,
    is_number,
    is_unlabelled,
    part_and_class,
    part_of,
    says_pictures,
)

DEEPEST = 64
"""Folders deeper than this are not told apart."""

_TABLE = "a table with the columns path and label"


def class_name(text: str) -> str:
    """A folder's name as a class name: printable, in Unicode's composed form."""
    return unicodedata.normalize("NFC", shown(text))


class ClassFolder:
    """A folder that has images in it or below it."""

    __slots__ = ("inside", "name", "own", "total")

    def __init__(self, name: str) -> None:
        self.name = name
        self.inside: dict[str, ClassFolder] = {}
        self.own = self.total = 0

    def children(self) -> list[ClassFolder]:
        return sorted(self.inside.values(), key=lambda folder: folder.name)


@dataclass(frozen=True)
class Claim:
    """A folder whose images, at any depth, are of one class."""

    path: tuple[str, ...]
    label: str
    part: int | None = None
    fold: str = ""


class Problem(Exception):
    """Why there are no classes in the folders."""

    def __init__(self, came: str, expected: str, hint: str = _TABLE, *, unclear: bool = False) -> None:
        super().__init__(came)
        self.text, self.unclear = (came, expected, hint), unclear


def steps_of(folder: str, sep: str) -> list[str]:
    """The steps of a folder's path that say something; an archive's ``..`` does not."""
    return [step for step in folder.split(sep) if step not in ("", ".", "..")][:DEEPEST]


def tree(names: Names, sep: str) -> ClassFolder:
    """The folders of some image files.

    Args:
        names: the files' paths.
        sep: what separates their steps.
    """
    top = ClassFolder("")
    last, here = "", [top]
    for name in names:
        above = name.rpartition(sep)[0]
        if above != last or len(here) == 1:
            last, here = above, [top]
            for step in steps_of(above, sep):
                here.append(here[-1].inside.setdefault(step, ClassFolder(step)))
        here[-1].own += 1
        for folder in here:
            folder.total += 1
    return top


def at(top: ClassFolder, path: Sequence[str]) -> ClassFolder:
    """The folder at a path below another one."""
    for step in path:
        top = top.inside[step]
    return top


def counted(count: int) -> str:
    """So many images, in words."""
    return "1 image" if count == 1 else f"{count:,} images"


def _listed(folders: Sequence[ClassFolder | str], most: int = 5) -> str:
    texts = [f"'{shown(one if isinstance(one, str) else one.name)}'" for one in folders[:most]]
    return ", ".join(texts) + (", ..." if len(folders) > most else "")


Left = dict[tuple[str, ...], str]


def solve(top: ClassFolder, path: tuple[str, ...], left: Left) -> list[Claim]:
    """The class folders below a folder.

    Args:
        top: the folder.
        path: where it lies.
        left: filled with folders that are left out, and the reason of each.

    Raises:
        Problem: where no folder says a class, or folders can be read in two ways.
    """
    children = _labelled(top.children(), path, left)
    if not children:
        where = f"folder '{shown(path[-1])}'" if path else "folder itself"
        raise Problem(
            f"{top.own:,} files in the {where}, none in a class folder", "a folder of images for each class"
        )
    if len(children) == 1:
        (only,) = children
        if only.inside and only.own <= only.total // 2:  # a wrapping
            return solve(only, (*path, only.name), left)
        return _classes(children, path, left)
    parts = [child for child in children if part_of(child.name) is not None]
    rest = [child for child in children if part_of(child.name) is None]
    if parts and _are_parts(parts, rest):
        for child in rest:
            left[(*path, child.name)] = f"they lie beside the parts {_listed(parts)}, in no class folder"
        return _parts(parts, path, left)
    if not parts:
        joined = (
            _joined(children, path) or _shared_out(children, path, left) or _class_then_part(children, path)
        )
        if joined:
            return joined
        _one_reading(children)
        if all(says_pictures(child.name) for child in children):
            raise Problem(
                f"the images lie in {_listed(children)}, whose names say no class",
                "a folder of images for each class",
            )
    return _classes(children, path, left)


def _labelled(children: list[ClassFolder], path: tuple[str, ...], left: Left) -> list[ClassFolder]:
    """Without folders of masks beside images, and of images without labels beside others."""
    masks = [child for child in children if is_masks(child.name)]
    others = [child for child in children if not is_masks(child.name)]
    if (
        masks
        and others
        and all(is_generic(child.name) or part_of(child.name) is not None for child in others)
    ):
        if len(others) == 1 and not others[0].inside:
            raise Problem(
                f"images in {_listed(others)} and masks in {_listed(masks)}, no class folders",
                "a folder of images for each class",
            )
        left.update({(*path, child.name): "masks of other images" for child in masks})
        children = others
    bare = [child for child in children if is_unlabelled(child.name)]
    if bare and len(bare) < len(children):
        left.update({(*path, child.name): "the folder's name says that they have no label" for child in bare})
        children = [child for child in children if child not in bare]
    return children


def _are_parts(parts: list[ClassFolder], rest: list[ClassFolder]) -> bool:
    """Whether folders named like parts are parts, and not classes that have such names.

    Raises:
        Problem: when they may be either.
    """
    if not rest:
        return True
    if any(child.name.lower() in ("invalid", "not_valid", "not valid") for child in rest):
        return False
    deep = [child for child in rest if child.inside]
    if len({part_of(child.name) for child in parts}) > 1:
        if not deep:
            return True
        raise Problem(
            f"beside the parts {_listed(parts)} lies {_listed(deep)}, whose name says no part",
            "folders named train, validation or test alone",
            "rename it, move it away, or name one folder of them",
            unclear=True,
        )  # fmt: skip
    inside = {name for child in parts for name in child.inside}
    shared = inside & ({name for child in deep for name in child.inside} | {child.name for child in rest})
    if not shared and part_of(parts[0].name) == TRAIN and (len(rest) > 1 or not inside):
        return False  # a train among other vehicles
    raise Problem(
        f"{_listed(parts)} may be a part of the set, or a class beside {_listed(rest)}",
        "parts, or classes, side by side",
        f"rename {_listed(parts)} where it is a class, move it away where it is not",
        unclear=True,
    )  # fmt: skip


def _parts(parts: list[ClassFolder], path: tuple[str, ...], left: Left) -> list[Claim]:
    """The class folders in each part."""
    claims: list[Claim] = []
    bare: list[ClassFolder] = []
    for child in parts:
        here: Left = {}
        found = solve(child, (*path, child.name), here) if child.inside else []
        if len(found) == 1 and (is_generic(found[0].label) or part_of(found[0].label) is not None):
            found = []  # a wrapping around images that lie in one heap
        if not found:
            bare.append(child)
            left[(*path, child.name)] = "no folder of theirs says a class"
            continue
        left.update(here)
        code = part_of(child.name)
        claims += [
            replace(claim, part=claim.part if code == TRAIN and claim.part else code) for claim in found
        ]
    if not claims:
        raise Problem(
            f"the images lie in {_listed(bare)} without a folder for each class in them",
            "a folder of images for each class in each part",
        )
    return claims


def _joined(children: list[ClassFolder], path: tuple[str, ...]) -> list[Claim]:
    """Folders whose names join part and class, such as ``train_cat``; none where not all do."""
    found = [(child, part_and_class(child.name)) for child in children]
    claims = [
        Claim((*path, child.name), class_name(both[1]), both[0]) for child, both in found if both is not None
    ]
    parts: dict[str, set[int | None]] = {}
    for claim in claims:
        parts.setdefault(claim.label, set()).add(claim.part)
    several = any(len(codes) > 1 for codes in parts.values())
    return claims if len(claims) == len(children) and len(parts) > 1 and several else []


def _shared_out(children: list[ClassFolder], path: tuple[str, ...], left: Left) -> list[Claim]:
    """The class folders in folds, or in numbered folders of one heap; none without such folders."""
    folds = len(children) > 1 and all(is_fold(child.name) for child in children)
    if not folds and not are_buckets([child.name for child in children]):
        return []
    claims: list[Claim] = []
    for child in children:
        found = solve(child, (*path, child.name), left) if child.inside else []
        if len(found) == 1 and is_generic(found[0].label):
            found = []
        claims += [replace(claim, fold=child.name if folds else claim.fold) for claim in found]
    if not claims:
        raise Problem(
            f"the images lie in {_listed(children)}, which are numbered heaps and no classes",
            "a folder of images for each class",
        )
    return claims


def _class_then_part(children: list[ClassFolder], path: tuple[str, ...]) -> list[Claim]:
    """Classes with their parts inside, such as ``cat/train`` and ``cat/test``; none without parts."""
    inside = [{part_of(name) for name in child.inside} for child in children]
    cut = [
        codes
        for codes, child in zip(inside, children, strict=True)
        if codes and None not in codes and not child.own
    ]
    if len(set().union(*cut)) < 2:
        return []
    if len(cut) < len(children):
        some = [child for child, codes in zip(children, inside, strict=True) if len(codes - {None}) > 0]
        raise Problem(
            f"{_listed(some)} has parts inside, other folders beside it have none",
            "parts in each class, or in none",
            unclear=True,
        )  # fmt: skip
    if any(len(part.inside) > 1 for child in children for part in child.inside.values()):
        raise Problem(
            f"{_listed(children)} hold parts that hold folders: either may be the classes",
            "one kind of class folder",
            f"name one of them, such as {shown(children[0].name)}", unclear=True,
        )  # fmt: skip
    return [
        Claim((*path, child.name, name), class_name(child.name), part_of(name))
        for child in children
        for name in sorted(child.inside)
    ]


def _one_reading(children: list[ClassFolder]) -> None:
    """See that no set of classes lies in each of several folders (sites, versions, years).

    Raises:
        Problem: where the same folders lie in all of them, so that either may be the classes.
    """
    if len(children) < 2 or any(child.own or len(child.inside) < 2 for child in children):
        return
    times: dict[str, int] = {}
    for child in children:
        for name in child.inside:
            times[name] = times.get(name, 0) + 1
    shared = sorted(
        name
        for name, count in times.items()
        if count > 1 and (is_number(name) or not is_generic(name)) and not is_masks(name)
    )
    if len(shared) > 1 and 2 * len(shared) >= len(times):
        first = shown(children[0].name)
        raise Problem(
            f"{_listed(children)} hold the same folders {_listed(shared)}: either may be the classes",
            "one folder for each class", f"name one of them, such as {first}, or give {_TABLE}", unclear=True,
        )  # fmt: skip


def _classes(children: list[ClassFolder], path: tuple[str, ...], left: Left) -> list[Claim]:
    for child in children:
        masks = [name for name in child.inside if is_masks(name)]
        if masks and (child.own or any(is_generic(name) for name in child.inside)):
            left.update({(*path, child.name, name): "masks of other images" for name in masks})
    return [Claim((*path, child.name), class_name(child.name)) for child in children]
