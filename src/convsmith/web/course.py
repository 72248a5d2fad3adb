"""The course's path on one's own images: what its ten short pages compute with, from the ledger and a run."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..ledger import size

COMPARED = {
    "lenet5": (1998, "two convolutions, two poolings, three dense layers"),
    "alexnet": (2012, "larger, on two GPUs; ReLU and dropout"),
    "vgg16": (2014, "3×3 convolutions alone, one after the other"),
    "resnet50": (2015, "what a block learns is added to what went in"),
    "mobilenet_v2": (2018, "each channel on its own, then a mix of channels"),
    "nasnet_mobile": (2018, "cells that a search found"),
}
"""Networks that are compared: the year, and what was new."""
_SPOILT = (
    ("conv1", "params", lambda row: row["params"] - 6, "the biases are forgotten: (5×5×1 + 1)×6"),
    ("pool1", "size", lambda row: row["size"] * 2, "14×14×6 is half of that"),
    ("conv2", "params", lambda row: 416, "each filter reaches through all 6 channels: (5×5×6 + 1)×16"),
    ("pool2", "shape", lambda row: [5, 5, 6], "pooling keeps the channels: there are 16"),
    ("fc3", "params", lambda row: row["params"] - 119, "one bias for each of the 120 units, not one for all"),
)  # fmt: skip


@cache
def table() -> dict[str, Any]:
    """LeNet-5's table of shapes, sizes and parameters, right and with five wrong cells."""
    rows: list[dict[str, Any]] = [
        {"name": row.name, "kind": row.label, "shape": list(row.output_shape), "size": row.activation_size,
         "params": row.params or 0}
        for row in size("lenet5").rows
    ]  # fmt: skip
    shown = [dict(row) for row in rows]
    wrong = {}
    for name, column, spoil, why in _SPOILT:
        at = next(place for place, row in enumerate(rows) if row["name"] == name)
        shown[at][column] = spoil(rows[at])
        wrong[f"{at}/{column}"] = why
    return {"right": rows, "shown": shown, "wrong": wrong}


@cache
def compared() -> list[dict[str, Any]]:
    """What published networks cost."""
    return [
        {"name": name, "year": year, "what": what, "params": ledger.totals.params, "macs": ledger.totals.macs,
         "input": list(ledger.graph.input_shape)}
        for name, (year, what) in COMPARED.items()
        if (ledger := size(name))
    ]  # fmt: skip
