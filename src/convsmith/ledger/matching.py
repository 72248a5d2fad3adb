"""Which layer each row of a published table speaks of: names, kinds and figures, in the order of both."""

from __future__ import annotations

import re

from . import cells
from .published import Published
from .rows import Row

TOTAL = -1
"""Stands for the row of totals."""

_WORDS = (
    ("total", r"^(total|sum|overall|all)\b"),
    ("input", r"^(input|image|x|in)\b|^input"),
    ("pool", r"pool|sub-?sampl|^s\d+\b|^p\d+\b"),
    ("norm", r"batch|norm|^bn"),
    ("flatten", r"flat"),
    ("dropout", r"drop"),
    ("out", r"soft-?max|^out|classif|logits|^prediction"),
    ("conv", r"conv|^c\d+\b"),
    ("dense", r"^f\d+\b|fc|dense|linear|full|hidden|affine"),
    ("activation", r"relu|activation|sigmoid|tanh"),
    ("merge", r"^add|concat|merge|sum$"),
)
_KINDS = (
    ("input", "InputLayer"), ("pool", "Pool"), ("norm", "Norm"), ("flatten", "Flatten"),
    ("dropout", "Dropout"), ("conv", "Conv"), ("dense", "Dense"), ("activation", "ReLU"),
    ("activation", "Activation"),
    ("out", "Softmax"), ("merge", "Add"), ("merge", "Concatenate"), ("merge", "Multiply"),
)  # fmt: skip


def match(table: Published, rows: tuple[Row, ...], network: str) -> list[int | None]:
    """For each row of the table the index of its layer, `TOTAL`, or None where there is none.

    The order of both is kept; the pairing with the most agreement wins (dynamic programming).
    """
    found: list[int | None] = [None] * len(table.labels)
    layers = []
    for place, label in enumerate(table.labels):
        if _word(label) == "total" or _plain(label) == _plain(network):
            found[place] = TOTAL
        else:
            layers.append(place)
    kinds = [_kind(row, last=index == len(rows) - 1) for index, row in enumerate(rows)]
    known = [_known(table, place) for place in layers]
    scores = [
        [_score(table.labels[place], figures, row, kind) for row, kind in zip(rows, kinds, strict=True)]
        for place, figures in zip(layers, known, strict=True)
    ]
    for place, index in zip(layers, _align(scores, len(rows)), strict=True):
        found[place] = index
    return found


def _align(scores: list[list[float]], width: int) -> list[int | None]:
    """The pairing in order with the largest sum; a pair must score above 0."""
    best = [[0.0] * (width + 1)]
    for line in scores:
        above, now = best[-1], [0.0]
        for index, score in enumerate(line):
            taken = above[index] + score if score > 0 else 0.0
            now.append(max(taken, above[index + 1], now[index]))
        best.append(now)
    pairs: list[int | None] = [None] * len(scores)
    place, index = len(scores), width
    while place and index:
        if best[place][index] == best[place][index - 1]:
            index -= 1
        elif best[place][index] == best[place - 1][index]:
            place -= 1
        else:
            place, index = place - 1, index - 1
            pairs[place] = index
    return pairs


def _score(label: str, figures: dict[str, object], row: Row, kind: set[str]) -> float:
    """How much speaks for this row of the table being this layer."""
    word = _word(label)
    own, theirs = _plain(row.name), _plain(re.sub(r"[(\[].*", "", label))
    if word and word not in kind and own != theirs:
        return 0.0
    score = 3.0 if word else 0.5
    if own == theirs:
        score += 6
    elif own and theirs and _number(own) == _number(theirs) != "":
        score += 2
    output = cells.squeezed(tuple(item or 0 for item in row.output_shape))
    if figures.get("output_shape") == output:
        score += 2
    for name, weight in (("activation_size", 1.0), ("params", 2.0), ("macs", 1.0)):
        value = figures.get(name)
        right = getattr(row, name)
        if isinstance(value, cells.Figure) and right and value.agrees(right):
            score += weight
    return score


def _known(table: Published, place: int) -> dict[str, object]:
    """The figures that the row gives, read."""
    return {
        head.figure: cells.shape(table.cell(place, head))
        if head.figure == "output_shape"
        else cells.figure(table.cell(place, head), head.scale)
        for head in table.heads
    }


def _kind(row: Row, last: bool) -> set[str]:
    """The words that fit a layer."""
    found = {word for word, part in _KINDS if part in row.node.kind_name}
    if row.node.kind_name == "Dense" and (last or getattr(row.node.kind, "activation", "") == "softmax"):
        found.add("out")
    return found


def _word(label: str) -> str:
    lowered = label.lower().strip()
    return next((word for word, pattern in _WORDS if re.search(pattern, lowered)), "")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _number(name: str) -> str:
    found = re.search(r"\d+$", name)
    return found[0] if found else ""
