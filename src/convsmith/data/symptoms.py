"""The doctor's questions, each a pure function from a set of images to findings."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np

from .decode import NOTES
from .finding import Finding
from .images import Images
from .looks import NEAR_BITS
from .scan import noted
from .split import PARTS, TRAIN
from .split import untaught as untaught_of

MOST_NAMES = 24
FEW = 20
TINY = 16
BLANK = 2.0


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
    """Exact and near copies: within a class, in two classes, in two of the set's own parts."""
    out = []
    exact = images.groups(-1)
    for word, groups, fuzzy in (("exact", exact, False), ("near", images.groups(NEAR_BITS), True)):
        sets = [s for s in _sets(groups) if not fuzzy or len(np.unique(exact[s])) > 1]
        if fuzzy and sets and len(sets[0]) > max(10, len(images) // 10):
            text = f"{_many(len(sets[0]))} look alike to the perceptual hash"
            hint = "only exact copies are kept together in a split; give --group where images belong together"
            out.append(_finding(images, "note", "all look alike", text, hint, sets[0]))
            continue
        torn = [s for s in sets if len(set(images.y[s].tolist())) > 1]
        if torn:
            text = f"{_many(len(torn), 'picture')} in two classes or more: at most one label is right"
            hint = "decide for one class; --fix leaves exact ones out"
            kind = f"{word} copies in two classes"
            out.append(
                _finding(images, "warning" if fuzzy else "error", kind, text, hint, np.concatenate(torn))
            )
        same = [s for s in sets if len(set(images.y[s].tolist())) == 1]
        if same:
            extra = sum(len(s) - 1 for s in same)
            text = f"{_many(extra)} repeat another of the same class"
            hint = (
                "they are kept in one part of a split; --fix keeps one of each"
                if not fuzzy
                else "kept in one part"
            )
            out.append(_finding(images, "note", f"{word} copies", text, hint, np.concatenate(same)))
        if images.part is not None:
            out += _leaks(images, sets, word)
    return out


def _sets(groups: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(groups, kind="stable")
    cuts = np.flatnonzero(np.diff(groups[order])) + 1
    return sorted((s for s in np.split(order, cuts) if len(s) > 1), key=lambda s: (-len(s), int(s[0])))


def _leaks(images: Images, sets: list[np.ndarray], word: str) -> list[Finding]:
    assert images.part is not None
    part = images.part[images.rows]
    across = [s for s in sets if len(set(part[s].tolist())) > 1]
    if not across:
        return []
    met = sorted({PARTS[p] for s in across for p in part[s].tolist()}, key=PARTS.index)
    text = f"{_many(len(across), 'picture')} in {' and '.join(met)}: the test is too easy by these"
    hint = "copies of test images are left out of training here; remove them from the set"
    return [_finding(images, "error", f"{word} copies across parts", text, hint, np.concatenate(across))]


def groups(images: Images) -> list[Finding]:
    """Groups by name (a patient, a burst) that reach across the set's own parts."""
    if images.group is None:
        return []
    _, numbers, sizes = np.unique(images.group[images.rows], return_inverse=True, return_counts=True)
    text = f"{len(sizes):,} groups by name, the largest of {_many(int(sizes.max()))}"
    out = [Finding("note", "groups", text, "each is kept in one part of a split")]
    sets = _sets(numbers.reshape(-1))
    if images.part is not None:
        part = images.part[images.rows]
        across = [s for s in sets if len(set(part[s].tolist())) > 1]
        if across:
            text = f"{_many(len(across), 'group')} in more than one of the set's own parts"
            hint = "cut the set anew by groups"
            out.append(_finding(images, "error", "groups across parts", text, hint, np.concatenate(across)))
    return out
