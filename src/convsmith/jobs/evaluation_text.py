"""An evaluation as lines of text, as CSV, and what else there is to say of it."""

from __future__ import annotations

import csv
import io
from typing import Any

from ..insight.difference import CHANCE
from ..units import counted

SHOWN = 6
"""Classes and names that a line lists, at most."""


def lines(found: dict[str, Any]) -> list[str]:
    """What the command prints.

    Args:
        found: as evaluations/NAME.json has it.
    """
    low, high = found["interval"]
    answers, against = found["answers"], found["against"]
    lines = [
        f"accuracy       {found['accuracy']:.2%} of {counted(found['images'], 'image')} right "
        f"(95% interval {low:.2%} to {high:.2%})"
    ]
    if against is not None:
        ends = against["interval"]
        span = "" if ends is None else f" ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})"
        lines.append(
            f"its own test   {against['test_accuracy']:.2%} of {against['n_test']:,}: "
            f"{100 * against['difference']:+.1f} points{span}, "
            f"{'more than chance' if against['more_than_chance'] else 'no more than chance explains'} "
            f"({against['test']}, p = {against['p']:.2g})"
        )
    lines.append(
        f"confidence     off by {answers['ece']:.1%} on average, {answers['calibrated_ece']:.1%} by its rule "
        f"of answering"
    )
    if "rejected" in answers:
        right = answers["answered_accuracy"]
        lines.append(
            f"not answered   {answers['rejected']:.1%}"
            + ("" if right is None else f"; of the others {right:.2%} are right")
        )
    rows = sorted((row for row in found["per_class"] if row["n"]), key=lambda row: row["recall"])
    weakest = (f"{row['class']} {row['recall']:.1%} of {row['n']:,}" for row in rows[:SHOWN])
    lines.append(f"weakest        {', '.join(weakest)}")
    for row in [row for row in found["moved"] if row["more_than_chance"]][:SHOWN]:
        then, now = f"{row['then']:.1%}", f"{row['now']:.1%}"
        lines.append(f"moved          {row['class']}: recall {then} -> {now} (p = {row['p']:.2g})")
    for name, row in (found["drift"] or {}).items():
        if row["p"] < CHANCE:
            by = "" if row["shift"] is None else f" ({row['shift']:+.2f} standard deviations)"
            lines.append(f"drift          {name} {row['then']:.4g} -> {row['now']:.4g}{by}")
    for row in [row for row in found["shares"] or () if _is_off(row)][:SHOWN]:
        lines.append(f"share          {row['class']} {row['then']:.1%} -> {row['now']:.1%} of the images")
    return [*lines, *(f"note           {note}" for note in found["notes"])]


def _is_off(row: dict[str, Any]) -> bool:
    """Whether a class's share of the training images is outside the interval of its share now."""
    low, high = row["interval"]
    return not low <= row["then"] <= high


def notes(found: dict[str, Any]) -> list[str]:
    """What else there is to say of an evaluation, in sentences."""
    said, others = list(found["notes"]), found["others"]
    if others:
        shown = ", ".join(f"{name} ({n:,})" for name, n in list(others["classes"].items())[:SHOWN])
        more = f" and {len(others['classes']) - SHOWN} more" if len(others["classes"]) > SHOWN else ""
        away = "" if others["rejected"] is None else f"; {others['rejected']:.1%} of them are turned away"
        images = counted(others["n"], "image")
        said.append(f"{images} of classes that the network does not have are left out: {shown}{more}{away}")
    if found["missing"]:
        shown = ", ".join(found["missing"][:SHOWN]) + (" ..." if len(found["missing"]) > SHOWN else "")
        said.append(f"no image of {shown}")
    for name, what in (("unreadable", "cannot be read"), ("unlabelled", "without a label")):
        if found[name]:
            said.append(f"{counted(found[name], 'image')} {what}")
    if found["seen_before"]:
        images = counted(found["seen_before"], "image")
        said.append(f"{images} with the very pixels of images that the network was trained on")
    return said


COLUMNS = (
    "class", "n", "correct", "recall", "low", "high", "precision", "f1", "test_recall", "p", "share_then",
    "share_now",
)  # fmt: skip
"""Of the CSV form."""


def as_csv(found: dict[str, Any]) -> str:
    """A line for each class; empty cells where there is nothing to say."""
    moved = {row["class"]: row for row in found["moved"]}
    shares = {row["class"]: row for row in found["shares"] or ()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in found["per_class"]:
        low, high = row["interval"] or (None, None)
        then, share = moved.get(row["class"], {}), shares.get(row["class"], {})
        cells = [
            row["class"], row["n"], row["correct"], row["recall"], low, high, row["precision"], row["f1"],
            then.get("then"), then.get("p"), share.get("then"), share.get("now"),
        ]  # fmt: skip
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue().rstrip("\n")
