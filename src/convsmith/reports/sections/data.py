"""The images: classes, counts, sizes, what could not be read, duplicates, split, working resolution."""

from __future__ import annotations

from typing import Any

from ...units import show_bytes
from .. import words
from ..facts import Facts

TITLE = "The images"
LISTED = 50


def build(facts: Facts) -> dict[str, Any] | None:
    """Everything that the look at the images found."""
    data = facts.data
    if not data:
        return None
    found = data.get("found") or {}
    counts = data.get("counts") or found.get("classes") or {}
    most = max([1, *counts.values()])
    thumbnails = data.get("thumbnails") or {}
    classes = [
        {
            "name": str(name),
            "count": counts.get(name, 0),
            "share": counts.get(name, 0) / most,
            "picture": facts.picture(str(thumbnails[name])) if name in thumbnails else None,
        }
        for name in (facts.classes or counts)
    ]
    split = data.get("split") or {}
    total = sum(split.values())
    unreadable = found.get("unreadable") or []
    return {
        "source": data.get("source"),
        "fingerprint": data.get("fingerprint"),
        "facts": _rows(found, counts, data),
        "classes": classes,
        "working": _working(data.get("resolution") or {}),
        "split": [{"name": name, "count": n, "share": n / total} for name, n in split.items() if total],
        "unreadable": unreadable[:LISTED],
        "more_unreadable": max(0, len(unreadable) - LISTED),
        "conflicts": found.get("conflicts") or [],
        "alike": _alike(facts, found.get("alike") or {}, data.get("alike_thumbnails") or []),
        "notes": [*(found.get("notes") or ()), *(data.get("split_notes") or ())],
    }


def _rows(found: dict[str, Any], counts: dict[str, int], data: dict[str, Any]) -> list[tuple[str, str]]:
    images = found.get("images", sum(counts.values()))
    size = f", {show_bytes(found['bytes'])}" if found.get("bytes") else ""
    rows = [("images", f"{images:,} in {len(counts)} classes{size}")]
    if counts:
        fewest, most = min(counts.values()), max(counts.values())
        rows.append(("per class", f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"))
    sizes = found.get("sizes") or {}
    if sizes.get("median"):
        spans = {name: f"{sizes[name][1]}×{sizes[name][0]}" for name in ("smallest", "median", "largest")}
        one = sizes.get("different") == 1
        text = spans["median"] if one else "{smallest} to {largest}, median {median}".format(**spans)
        rows.append(("width × height", f"{text} pixels"))
    for name, words_for in (("formats", "formats"), ("modes", "modes")):
        if found.get(name):
            rows.append((words_for, ", ".join(f"{n:,} {kind}" for kind, n in found[name].items())))
    if "unreadable" in found:
        rows.append(("unreadable", words.count(len(found["unreadable"]))))
    copies = found.get("duplicates") or {}
    if copies:
        text = f"{words.count(copies.get('images', 0))} identical to another image"
        if copies.get("examples"):
            text += f", such as {' = '.join(map(str, copies['examples'][0][:2]))}; copies stay in one part"
        rows.append(("duplicates", text))
    if alike := (found.get("alike") or {}).get("images"):
        verb = "looks" if alike == 1 else "look"
        rows.append(("near copies", f"{words.count(alike)} {verb} like another image; they stay in one part"))
    return rows


def _alike(facts: Facts, alike: dict[str, Any], pictures: list[list[str]]) -> list[dict[str, Any]]:
    """The pairs that look alike, with thumbnails where there are any."""
    pairs = alike.get("pairs") or []
    shown = [[facts.picture(str(name)) for name in two] for two in pictures]
    return [
        {
            "images": [
                {"name": name, "label": label, "picture": picture}
                for name, label, picture in zip(pair["names"], pair["classes"], two, strict=False)
            ],
            "similarity": f"{pair['similarity']:.2f}",
        }
        for pair, two in zip(pairs, shown + [[None, None]] * len(pairs), strict=False)
    ]


def _working(resolution: dict[str, Any]) -> str | None:
    """The working resolution, and why."""
    if not resolution:
        return None
    colour = "in colour" if resolution.get("channels") == 3 else "in grey"
    text = f"The network sees {resolution.get('width')}×{resolution.get('height')} pixels {colour}"
    return f"{text}: {resolution['why']}." if resolution.get("why") else f"{text}."
