"""The report on what is in a set of images, as plain values ready for JSON, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from ..units import counted, show_bytes
from .decoding.decode import NOTES
from .decoding.scan import noted
from .doctor.near import followers, sets
from .items import Items

EXAMPLES = 5
PAIRS = 12


class Examined(Protocol):
    """What is reported of a set: each member as `Images` has it."""

    @property
    def items(self) -> Items: ...
    @property
    def rows(self) -> np.ndarray: ...
    @property
    def y(self) -> np.ndarray: ...
    @property
    def seen(self) -> np.ndarray: ...
    @property
    def exact(self) -> np.ndarray: ...
    @property
    def near(self) -> np.ndarray: ...
    @property
    def lookalikes(self) -> np.ndarray: ...
    @property
    def part(self) -> np.ndarray | None: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def unreadable(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def source(self) -> str: ...
    @property
    def reader(self) -> str: ...
    def __len__(self) -> int: ...


def report(images: Examined) -> dict[str, Any]:
    """What was found in a set.

    Args:
        images: an examined set.

    Returns:
        ``source``, ``reader``, ``images``, ``bytes``, ``classes`` (name -> count), ``sizes`` ([height, width]
        of the smallest, median and largest, and how many different), ``modes``, ``formats``, ``forms`` (keys
        of `decode.NOTES`: what had to be done to how many images), ``unreadable``
        (name, reason), ``duplicates`` (images that are identical to another one, and examples), ``conflicts``
        (identical images with different labels), ``alike`` (images that look like another one without being
        identical; the pairs most alike, those with different labels first, with names, classes and
        similarity), ``parts`` (of a set that came in parts), ``notes``.
    """
    seen, y = images.seen, images.y
    own_parts = {} if images.part is None else _parts(images.part[images.rows])
    return {
        "source": images.source,
        "reader": images.reader,
        "images": len(images),
        "bytes": int(seen["bytes"].sum()),
        "classes": {name: int((y == k).sum()) for k, name in enumerate(images.classes)},
        "sizes": _sizes(seen),
        "modes": _counts(seen["mode"]),
        "formats": _counts(seen["format"]),
        "forms": _forms(seen),
        "unreadable": [{"name": name, "reason": reason} for name, reason in images.unreadable],
        "duplicates": _duplicates(images),
        "conflicts": _conflicts(images),
        "alike": _alike(images),
        "parts": own_parts,
        "notes": [*images.notes, *_notes(images)],
    }


def _counts(values: np.ndarray) -> dict[str, int]:
    names, counts = np.unique(values, return_counts=True)
    return {bytes(name).decode(): int(count) for name, count in zip(names, counts, strict=True)}


def _forms(seen: np.ndarray) -> dict[str, int]:
    counts = {note: int(noted(seen, note).sum()) for note in NOTES}
    return {note: count for note, count in counts.items() if count}


def _parts(part: np.ndarray) -> dict[str, int]:
    from .split import PARTS

    return {name: int((part == k).sum()) for k, name in enumerate(PARTS)}


def _sizes(seen: np.ndarray) -> dict[str, Any]:
    if not len(seen):
        return {"smallest": None, "median": None, "largest": None, "different": 0}
    order = np.argsort(seen["height"].astype(np.int64) * seen["width"], kind="stable")
    pick = {"smallest": order[0], "median": order[len(order) // 2], "largest": order[-1]}
    different = len(np.unique(np.stack([seen["height"], seen["width"]]), axis=1).T)
    named = {name: [int(seen["height"][k]), int(seen["width"][k])] for name, k in pick.items()}
    return {**named, "different": different}


def _names(images: Examined, positions: np.ndarray) -> list[str]:
    return [images.items.name(int(images.rows[k])) for k in positions[:EXAMPLES]]


def _duplicates(images: Examined) -> dict[str, Any]:
    found = sets(images.exact)
    return {
        "images": int(sum(len(members) - 1 for members in found)),
        "sets": len(found),
        "examples": [_names(images, members) for members in found[:EXAMPLES]],
    }


def _conflicts(images: Examined) -> list[dict[str, list[str]]]:
    """Identical images that carry different labels: at most one of the labels can be right."""
    y = images.y
    torn = [members for members in sets(images.exact) if len(set(y[members].tolist())) > 1]
    return [
        {"names": _names(images, members), "classes": _classes(images, dict.fromkeys(y[members].tolist()))}
        for members in torn[:100]
    ]


def _classes(images: Examined, labels: Iterable[int]) -> list[str]:
    return [images.classes[k] if k >= 0 else "" for k in labels]


def _alike(images: Examined) -> dict[str, Any]:
    """Images that look like another one; the examples are pairs."""
    y = images.y
    groups = followers(images.lookalikes, images.near)
    pairs = [(leader, k, similarity) for leader, own in groups for k, similarity in own]
    pairs.sort(key=lambda pair: (y[pair[0]] == y[pair[1]], -pair[2]))
    return {
        "images": len(pairs),
        "sets": len(groups),
        "conflicts": sum(bool(y[a] != y[b]) for a, b, _ in pairs),
        "pairs": [
            {
                "names": _names(images, np.array(pair[:2])),
                "classes": _classes(images, y[list(pair[:2])].tolist()),
                "similarity": round(pair[2], 3),
            }
            for pair in pairs[:PAIRS]
        ],
    }


def _notes(images: Examined) -> list[str]:
    lines = []
    for note, words in NOTES.items():
        marked = np.flatnonzero(noted(images.seen, note))
        if len(marked):
            lines.append(f"{_images(len(marked))}: {words} (such as {_names(images, marked)[0]})")
    for k, name in enumerate(images.classes):
        count = int((images.y == k).sum())
        if count == 2:
            lines.append(f"class '{name}' has 2 images: one to train on, one to test on, none for validation")
    return lines


def _images(count: int) -> str:
    return counted(count, "image")


def lines(found: dict[str, Any]) -> list[str]:
    """The report as lines for a terminal.

    Example:
        >>> from convsmith.data import read
        >>> print(lines(read("digits").found)[0])
        1,797 images of 10 classes (174 to 183 each), 115 kB, from digits
    """
    counts = list(found["classes"].values()) or [0]
    each = f"{counts[0]:,} each" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,} each"
    sizes, out = found["sizes"], []
    out.append(
        f"{_images(found['images'])} of {counted(len(found['classes']), 'class', 'classes')} ({each}), "
        f"{show_bytes(found['bytes'])}, from {found['source']}"
    )
    if sizes["median"]:
        spans = [f"{w}x{h}" for h, w in (sizes["smallest"], sizes["median"], sizes["largest"])]
        text = spans[1] if sizes["different"] == 1 else f"{spans[0]} to {spans[2]}, median {spans[1]}"
        kinds = ", ".join(f"{count:,} {name}" for name, count in found["formats"].items() if name != "array")
        modes = ", ".join(f"{count:,} {name}" for name, count in found["modes"].items())
        out.append("sizes (width x height): " + "; ".join(part for part in (text, kinds, modes) if part))
    out += [f"unreadable: {bad['name']}: {bad['reason']}" for bad in found["unreadable"][:20]]
    if len(found["unreadable"]) > 20:
        out.append(f"unreadable: {len(found['unreadable']) - 20} more")
    copies = found["duplicates"]
    if copies["images"]:
        example = " = ".join(copies["examples"][0][:2])
        verb = "is" if copies["images"] == 1 else "are"
        out.append(
            f"copies: {_images(copies['images'])} {verb} identical to another one (such as {example}); "
            "kept in one part"
        )
    for torn in found["conflicts"][:5]:
        labels = " and as ".join(torn["classes"])
        out.append(f"label conflict: the identical picture as {labels}: {', '.join(torn['names'])}")
    alike = found["alike"]
    if alike["images"]:
        verb = "looks" if alike["images"] == 1 else "look"
        out.append(f"near copies: {_images(alike['images'])} {verb} like another one, such as:")
    for pair in alike["pairs"][:5]:
        out.append(f"    {pair_line(pair)}")
    return out + [f"note: {note}" for note in found["notes"]]


def pair_line(pair: dict[str, Any]) -> str:
    """Two images that look alike, in one line.

    Example:
        >>> pair_line({"names": ["a/1.png", "b/2.png"], "classes": ["a", "b"], "similarity": 0.934})
        'a/1.png looks like b/2.png (similarity 0.93), though one is a and the other b'
    """
    (one, other), (label, another) = pair["names"], pair["classes"]
    torn = f", though one is {label} and the other {another}" if label != another else ""
    return f"{one} looks like {other} (similarity {pair['similarity']:.2f}){torn}"
