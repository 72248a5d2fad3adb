"""The doctor's questions, each a pure function from a set of images to findings."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np

from ..decoding.decode import NOTES
from ..decoding.scan import noted
from ..images import Images
from ..split import PARTS, TRAIN
from ..split import untaught as untaught_of
from .finding import Finding
from .near import followers, sets

MOST_NAMES = 24
FEW = 20
TINY = 16
BLANK = 2.0
LEAK = "copies of test images are left out of training here; remove them from the set"


def _show(images: Images, positions: Iterable[int]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    rows = tuple(int(images.rows[int(k)]) for k in list(positions)[:MOST_NAMES])
    return tuple(images.items.name(row) for row in rows), rows


def _finding(
    images: Images, severity: str, kind: str, text: str, hint: str, positions: np.ndarray
) -> Finding:
    names, rows = _show(images, positions)
    return Finding(severity, kind, text, hint, names, rows, len(positions))


def _many(count: int, what: str = "image") -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def unreadable(images: Images) -> list[Finding]:
    """Files that cannot be read, by reason."""
    out = []
    by_reason = sorted(images.unreadable, key=lambda bad: bad[1].split(":")[0])
    for reason, group in groupby(by_reason, key=lambda bad: bad[1].split(":")[0]):
        bad = list(group)
        names = tuple(f"{name}: {why}" for name, why in bad[:MOST_NAMES])
        text = f"{_many(len(bad), 'file')} cannot be read ({reason})"
        out.append(
            Finding(
                "warning",
                "unreadable",
                text,
                "repair, replace or remove; they are skipped",
                names,
                (),
                len(bad),
            )
        )
    return out


def classes(images: Images) -> list[Finding]:
    """Too few classes, too few images in one, imbalance."""
    out = []
    counts = np.bincount(images.y[images.y >= 0], minlength=len(images.classes))
    if len(images.classes) < 2:
        out.append(
            Finding("error", "one class", "nothing to tell apart", "a folder of images for each class")
        )
    for limit, severity, word in (
        (2, "error", "cannot be learnt and tested"),
        (FEW, "warning", "will be learnt badly"),
    ):
        low = 0 if limit == 2 else 2
        few = [(name, int(n)) for name, n in zip(images.classes, counts, strict=True) if low <= n < limit]
        if few:
            named = ", ".join(f"'{name}' ({n})" for name, n in few[:8]) + (", ..." if len(few) > 8 else "")
            text = f"fewer than {limit} images {word}: {named}"
            out.append(Finding(severity, "few images", text, "add images, or take the class out"))
    usable = counts[counts > 0]
    if len(usable) > 1 and usable.max() >= 3 * usable.min():
        ratio = usable.max() / usable.min()
        big, small = (
            images.classes[int(counts.argmax())],
            images.classes[int(np.where(counts > 0, counts, 1 << 60).argmin())],
        )
        text = f"'{big}' has {ratio:.1f} times as many images as '{small}'"
        hint = "read the figures per class; more images of the small ones help most"
        out.append(Finding("warning" if ratio >= 10 else "note", "imbalance", text, hint))
    return out


def untaught(images: Images) -> list[Finding]:
    """Classes that the set's own training part does not have."""
    if images.part is None:
        return []
    missing = untaught_of(images.y, images.y[images.part[images.rows] == TRAIN])
    if not missing:
        return []
    rows = np.flatnonzero(np.isin(images.y, missing))
    named = ", ".join(f"'{images.classes[k]}'" for k in missing[:8]) + (", ..." if len(missing) > 8 else "")
    text = f"no training image of {named}, though other parts have some"
    return [
        _finding(images, "error", "class without training images", text, "add some, or take it out", rows)
    ]


def shapes(images: Images) -> list[Finding]:
    """Tiny images and extreme aspects."""
    out: list[Finding] = []
    seen = images.seen
    height, width = seen["height"].astype(float), seen["width"].astype(float)
    if not len(seen):
        return out
    short = np.minimum(height, width)
    tiny = np.flatnonzero((short < TINY) & (np.median(short) >= 2 * TINY))
    if len(tiny):
        text = f"{_many(len(tiny))} of fewer than {TINY} pixels a side, among ones of {np.median(short):.0f}"
        out.append(_finding(images, "warning", "tiny", text, "icons or thumbnails?", tiny))
    aspect = np.maximum(height, width) / short
    extreme = np.flatnonzero((aspect > 4) & (aspect > 2 * np.median(aspect)))
    if len(extreme):
        text = f"{_many(len(extreme))} more than 4 times as long as wide; squashing to a square distorts them"
        out.append(_finding(images, "warning", "extreme aspect", text, "crop or remove", extreme))
    return out


def blank(images: Images) -> list[Finding]:
    """Images with nothing on them."""
    flat = np.flatnonzero(images.seen["spread"] < BLANK)
    if not len(flat):
        return []
    text = f"{_many(len(flat))} blank or nearly so (grey levels spread by less than {BLANK:g})"
    return [_finding(images, "warning", "blank", text, "remove, unless blank is a class", flat)]


def modes(images: Images) -> list[Finding]:
    """What had to be done to odd files."""
    out = []
    for note, words in NOTES.items():
        marked = np.flatnonzero(noted(images.seen, note))
        if len(marked):
            severity = "warning" if note in ("animated", "float", "damaged") else "note"
            out.append(_finding(images, severity, note, f"{_many(len(marked))}: {words}", "", marked))
    dark = np.flatnonzero(noted(images.seen, "16-bit") & (images.seen["mean"] < 12))
    if len(dark):
        text = f"{_many(len(dark))} of 16 bits use less than a twentieth of the range"
        out.append(
            _finding(images, "warning", "dark 16-bit", text, "stretch 10- or 12-bit values before", dark)
        )
    return out


def copies(images: Images) -> list[Finding]:
    """Images whose pixels are identical: within a class, in two classes, in two of the set's own parts."""
    out = []
    found = sets(images.exact)
    torn = [s for s in found if len(set(images.y[s].tolist())) > 1]
    if torn:
        text = f"{_many(len(torn), 'identical picture')} in two classes or more: at most one label is right"
        hint = "decide for one class; --fix leaves them out"
        kind = "exact copies in two classes"
        out.append(_finding(images, "error", kind, text, hint, np.concatenate(torn)))
    same = [s for s in found if len(set(images.y[s].tolist())) == 1]
    if same:
        extra = sum(len(s) - 1 for s in same)
        verb = "is" if extra == 1 else "are"
        text = f"{_many(extra)} {verb} identical to another of the same class"
        hint = "they are kept in one part of a split; --fix keeps one of each"
        out.append(_finding(images, "note", "exact copies", text, hint, np.concatenate(same)))
    if images.part is not None:
        part = images.part[images.rows]
        across = [s for s in found if len(set(part[s].tolist())) > 1]
        if across:
            met = _met(part[np.concatenate(across)])
            text = f"{_many(len(across), 'identical picture')} in {met}: the test is too easy by these"
            kind = "exact copies across parts"
            out.append(_finding(images, "error", kind, text, LEAK, np.concatenate(across)))
    return out


def lookalikes(images: Images) -> list[Finding]:
    """Images that look alike though their pixels differ, likewise; with pairs and how similar they are."""
    y, part = images.y, None if images.part is None else images.part[images.rows]
    groups, out = followers(images.lookalikes, images.near), []
    most = max(10, len(images) // 10)
    large = [group for group in groups if len(group[1]) >= most]
    for leader, own in large:
        text = f"{_many(len(own) + 1)} look alike: all of them like one"
        hint = "only exact copies are kept together in a split; give --group where images belong together"
        pairs = [(leader, k, s) for k, s in own]
        out.append(_pairs(images, "note", "all look alike", text, hint, pairs))
    every = [(leader, k, s) for leader, own in groups if len(own) < most for k, s in own]
    torn = [pair for pair in every if y[pair[0]] != y[pair[1]]]
    if torn:
        text = f"{_many(len(torn), 'pair')} of images look alike and carry different labels"
        hint = "look at them: where they show one picture, one of the labels is wrong"
        out.append(_pairs(images, "warning", "near copies in two classes", text, hint, torn))
    same = [pair for pair in every if y[pair[0]] == y[pair[1]]]
    if same:
        verb = "looks" if len(same) == 1 else "look"
        text = f"{_many(len(same))} {verb} like another of the same class, without being identical"
        out.append(_pairs(images, "note", "near copies", text, "kept in one part of a split", same))
    if part is not None:
        across = [(int(a), int(b), float(s)) for a, b, s in images.near if part[a] != part[b]]
        if across:
            met = _met(part[[k for pair in across for k in pair[:2]]])
            text = (
                f"{_many(len(across), 'pair')} of images look alike in {met}: the test is too easy by these"
            )
            out.append(_pairs(images, "error", "near copies across parts", text, LEAK, across))
    return out


def _pairs(
    images: Images, severity: str, kind: str, text: str, hint: str, pairs: list[tuple[int, int, float]]
) -> Finding:
    """A finding of pairs, the most similar first."""
    shown = sorted(pairs, key=lambda pair: -pair[2])[: MOST_NAMES // 2]
    names, rows = _show(images, [k for pair in shown for k in pair[:2]])
    similarity = tuple(round(pair[2], 3) for pair in shown)
    return Finding(severity, kind, text, hint, names, rows, len(pairs), similarity)


def _met(parts: np.ndarray) -> str:
    return " and ".join(PARTS[p] for p in sorted(set(parts.tolist())))


def groups(images: Images) -> list[Finding]:
    """Groups by name (a patient, a burst) that reach across the set's own parts."""
    if images.group is None:
        return []
    _, numbers, sizes = np.unique(images.group[images.rows], return_inverse=True, return_counts=True)
    text = f"{len(sizes):,} groups by name, the largest of {_many(int(sizes.max()))}"
    out = [Finding("note", "groups", text, "each is kept in one part of a split")]
    found = sets(numbers.reshape(-1))
    if images.part is not None:
        part = images.part[images.rows]
        across = [s for s in found if len(set(part[s].tolist())) > 1]
        if across:
            text = f"{_many(len(across), 'group')} in more than one of the set's own parts"
            hint = "cut the set anew by groups"
            out.append(_finding(images, "error", "groups across parts", text, hint, np.concatenate(across)))
    return out
