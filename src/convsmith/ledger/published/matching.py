"""Which layer each row of a published table speaks of: names, kinds and figures, in the order of both."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..rows import Row
from . import cells
from .table_in import SHAPES, Published

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
        if _word(label) == "total" or known_as(label, network):
            found[place] = TOTAL
        else:
            layers.append(place)
    there = [_layer(row, last=index == len(rows) - 1) for index, row in enumerate(rows)]
    scores = []
    for place in layers:
        named, figures = _label(table.labels[place]), _known(table, place)
        scores.append([_score(named, figures, layer) for layer in there])
    for place, index in zip(layers, _align(scores, len(rows)), strict=True):
        found[place] = index
    return found


def known_as(label: str, network: str) -> bool:
    """Whether a label is the network's own name, however it is spelled."""
    return bool(_plain(network)) and _plain(label) == _plain(network)


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


class _Name(NamedTuple):
    """A row's or layer's name: the kinds that it speaks of, its letters and digits, the number at its end."""

    words: frozenset[str]
    plain: str
    number: str


def _label(label: str) -> _Name:
    word, plain = _word(label), _plain(re.sub(r"[(\[].*", "", label))
    return _Name(frozenset((word,)) if word else frozenset(), plain, _number(plain))


def _layer(row: Row, last: bool) -> tuple[_Name, dict[str, Any]]:
    """What can be compared of a layer."""
    figures: dict[str, Any] = {name: getattr(row, name) for name in _WEIGHTS}
    figures["learned"] = None if row.params is None else row.params - (row.statistics or 0)
    shape = cells.squeezed(tuple(item or 0 for item in row.output_shape))
    figures["output_shape"] = {shape}
    if len(shape) == 3:  # channels first, or left out
        figures["output_shape"] |= {(shape[2], *shape[:2]), shape[:2]}
    plain = _plain(row.name)
    return _Name(frozenset(_kind(row, last)), plain, _number(plain)), figures


_WEIGHTS = {"activation_size": 1.0, "params": 2.0, "macs": 1.0}


def _score(named: _Name, figures: dict[str, Any], layer: tuple[_Name, dict[str, Any]]) -> float:
    """How much speaks for this row of the table being this layer."""
    name, right = layer
    same = named.plain == name.plain
    if named.words and not same and named.words.isdisjoint(name.words):
        return 0.0
    score = 3.0 if named.words else 0.0  # a label that says nothing is placed by its figures alone
    if same:
        score += 6
    elif named.number and named.number == name.number:
        score += 2
    if figures.get("output_shape") in right["output_shape"]:
        score += 2
    for figure, weight in _WEIGHTS.items():
        value = figures.get(figure)
        ways = (right[figure], right["learned"] if figure == "params" else 0)
        if value is not None and any(way and value.agrees(way) for way in ways):
            score += weight
    return score


def _known(table: Published, place: int) -> dict[str, Any]:
    """The figures that the row gives, read."""
    return {
        head.figure: cells.shape(table.cell(place, head))
        if head.figure in SHAPES
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
    lowered = re.sub(r"^[\s│├└─|+-]+", "", label.lower()).strip()
    return next((word for word, pattern in _WORDS if re.search(pattern, lowered)), "")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _number(name: str) -> str:
    found = re.search(r"\d+$", name)
    return found[0] if found else ""
